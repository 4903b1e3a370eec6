// What is said while an element is in one of its states: of the parts with data-when, those that name it are shown.
// An element is brought into a state by the event "state", with its name as detail.

document.addEventListener("state", ({ target, detail }) => {
  target.dataset.state = detail;
  for (const part of target.querySelectorAll("[data-when]")) {
    part.hidden = !part.dataset.when.split(" ").includes(detail);
  }
});
