// The picker stands outside of what a page renews, so its links follow the newest address of the page.

document.addEventListener("htmx:load", ({ target }) => {
  const address = target.getAttribute("hx-get");
  for (const link of address ? document.querySelectorAll("#languages a") : []) {
    link.pathname = address;
  }
});
