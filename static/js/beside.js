// A page in the EHR's frame stays there, and Teams opens beside it. Browsers that do not say where a page goes find out here.

const straight = document.querySelector("a[data-straight]");
const beside = document.querySelector("a[data-beside]");

if (window.self === window.top) {
  if (straight) window.location.replace(straight.href);
} else if (beside) {
  // A browser may hold a window back that nobody pressed for: then the link is there to be pressed.
  if (!window.open(beside.href, "_blank")) document.querySelector("[data-held]").hidden = false;
} else if (straight) {
  const here = new URL(window.location);
  here.searchParams.set("framed", "");
  window.location.replace(here);
}
