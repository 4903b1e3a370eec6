// The waiting page goes on by itself: a phone that wakes, comes back into the network or goes back to the page asks at
// once, whatever hung when it fell asleep. Where nobody answers, the page says so.

const state = () => document.getElementById("state");
const unheard = document.getElementById("unheard");

function ask() {
  if (document.visibilityState === "hidden") return;
  state()?.dispatchEvent(new CustomEvent("htmx:abort", { bubbles: true, detail: {} }));
  state()?.dispatchEvent(new Event("awake"));
}

// The words lie in a template until they are needed, so that they are read out when they appear.
function tell(silent) {
  const notice = unheard.querySelector(".notice");
  if (silent && !notice) unheard.append(unheard.querySelector("template").content.cloneNode(true));
  if (!silent) notice?.remove();
}

document.addEventListener("visibilitychange", ask);
addEventListener("pageshow", (event) => event.persisted && ask());
addEventListener("online", ask);
for (const silence of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) document.addEventListener(silence, () => tell(true));
document.addEventListener("htmx:afterOnLoad", (event) => tell(!event.detail.successful));
