// Keeps the parts marked data-part inside [data-live] fresh, every two seconds; nothing else on the page moves.
for (const place of document.querySelectorAll("[data-live]")) {
  setInterval(async () => {
    const answer = await fetch(place.dataset.live).catch(() => null);
    if (!answer || !answer.ok) return;
    const fresh = document.createElement("template");
    fresh.innerHTML = await answer.text();
    for (const part of fresh.content.querySelectorAll("[data-part]")) {
      const shown = place.querySelector(`[data-part="${part.dataset.part}"]`);
      if (shown && shown.innerHTML !== part.innerHTML) shown.innerHTML = part.innerHTML;
    }
  }, 2000);
}
