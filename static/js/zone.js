// The reader's own time zone in a form that asks for one.

for (const field of document.querySelectorAll("[data-own-zone]")) {
  if (field.value === field.defaultValue && field.value === "UTC") {
    field.value = new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  }
}
