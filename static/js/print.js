// Print buttons: shown only where they can do something; everywhere else the browser's own menu prints.

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
