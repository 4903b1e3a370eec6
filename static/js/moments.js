// Times in the reader's own zone; the server writes them in UTC.

const STYLES = {
  time: { hour: "2-digit", minute: "2-digit" },
  datetime: { dateStyle: "medium", timeStyle: "short" },
  exact: { dateStyle: "medium", timeStyle: "medium" },
};

function localize(root) {
  for (const moment of root.querySelectorAll("time[data-local]")) {
    const format = new Intl.DateTimeFormat(document.documentElement.lang, STYLES[moment.dataset.local]);
    moment.textContent = format.format(new Date(moment.dateTime));
  }
}

localize(document);
document.addEventListener("htmx:load", (event) => localize(event.target));
