// Copy buttons: shown only where the browser can copy; without them the text can be selected.

const RESET_AFTER_MS = 2000;

function reveal(root) {
  for (const button of root.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
}

// The word is a live region only while it changes, so that nothing is read out on arrival.
async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const word = button.querySelector("[data-copy-word]");
  const before = (button.dataset.before ??= word.textContent);
  word.setAttribute("role", "status");
  word.textContent = button.dataset.copied;
  setTimeout(() => {
    word.removeAttribute("role");
    word.textContent = before;
  }, RESET_AFTER_MS);
}

if (navigator.clipboard) {
  reveal(document);
  document.addEventListener("htmx:load", (event) => reveal(event.target));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
  });
}
