"use strict";
/* What HTML and htmx can't: search with "/", the side list opened where there is room, errors into view. */
(() => {
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const search = [...document.querySelectorAll("[data-search]")].find((field) => field.offsetParent);
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  const wide = matchMedia("(min-width: 1000px)");
  const openSideLists = () => {
    if (wide.matches) document.querySelectorAll("details[data-open-wide]").forEach((list) => { list.open = true; });
  };
  wide.addEventListener("change", openSideLists);

  const start = () => {
    openSideLists();
    const wrong = document.querySelector("main [aria-invalid='true']");
    if (wrong) wrong.focus();
  };
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSettle", openSideLists);

  document.addEventListener("keydown", (event) => {
    const toggle = document.querySelector(".promise-toggle:checked");
    if (event.key === "Escape" && toggle) { toggle.checked = false; toggle.focus(); }
  });

  /* Copies the text of the element named in data-copy, e.g. a cart code. */
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button || !navigator.clipboard) return;
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = button.dataset.copied || button.textContent;
  });

  /* Buttons that print appear only where they work. */
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-print]").forEach((button) => { button.hidden = false; });
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  /* Fields that choose (filters, quantities) send their form by themselves. */
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-send-on-change]");
    if (form) form.requestSubmit();
  });

  document.addEventListener("htmx:responseError", (event) => {
    const box = document.getElementById("live");
    if (box) box.textContent = box.dataset.error + " (" + event.detail.xhr.status + ")";
  });
})();
