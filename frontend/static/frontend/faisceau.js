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

  /* Fields that choose (filters, quantities) send their form by themselves. */
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-send-on-change]");
    if (form) form.requestSubmit();
  });

  /* The list below a search field: arrows walk it, Enter follows it, Escape leaves it (combobox). */
  let lists = 0;
  document.querySelectorAll("form[data-suggest]").forEach((form) => {
    const field = form.querySelector("input[type=search]");
    const list = document.createElement("ul");
    let chosen = -1, waiting = 0, asked = null;
    Object.assign(list, { id: `suggestions-${lists += 1}`, className: "suggestions", hidden: true });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", form.dataset.suggestLabel);
    form.append(list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) field.setAttribute(name, value);

    const rows = () => [...list.children];
    const show = (open) => {
      list.hidden = !open;
      field.setAttribute("aria-expanded", String(open));
      if (!open) mark(-1);
    };
    const mark = (place) => {
      chosen = place;
      rows().forEach((row, n) => row.setAttribute("aria-selected", String(n === place)));
      if (place < 0) { field.removeAttribute("aria-activedescendant"); return; }
      field.setAttribute("aria-activedescendant", rows()[place].id);
      rows()[place].scrollIntoView({ block: "nearest" });
    };
    const ask = async () => {
      const text = field.value.trim();
      if (asked) asked.abort();
      if (text.length < 2) { show(false); return; }
      asked = new AbortController();
      try {
        const answer = await fetch(`${form.dataset.suggest}?q=${encodeURIComponent(text)}`, { signal: asked.signal });
        if (!answer.ok) { show(false); return; }
        list.innerHTML = await answer.text();
      } catch (stopped) { return; }
      rows().forEach((row, n) => { row.id = `${list.id}-${n}`; });
      show(rows().length > 0 && document.activeElement === field);
      const live = document.getElementById("live");
      if (live) live.textContent = rows().length ? `${form.dataset.suggestLabel}: ${rows().length}` : form.dataset.suggestNone;
    };
    field.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 120); });
    field.addEventListener("blur", () => setTimeout(() => show(false), 150));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !list.hidden) { event.preventDefault(); event.stopPropagation(); show(false); }
      if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); location.assign(rows()[chosen].dataset.url); }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      if (list.hidden) { ask(); return; }
      const count = rows().length + 1;
      mark((chosen + 1 + (event.key === "ArrowDown" ? 1 : count - 1)) % count - 1);
    });
    list.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-url]");
      if (row) location.assign(row.dataset.url);
    });
  });

  /* What is ticked to be compared stays ticked over filters and pages, until it is compared. */
  const KEPT = "compare";
  const ticked = () => (sessionStorage.getItem(KEPT) || "").split(",").filter(Boolean);
  const keep = (codes) => sessionStorage.setItem(KEPT, codes.join(","));
  const drawTicks = () => {
    const bar = document.querySelector("[data-compare]");
    if (!bar) return;
    const codes = ticked(), full = codes.length >= Number(bar.dataset.most);
    document.querySelectorAll("[data-compare-tick]").forEach((box) => {
      box.checked = codes.includes(box.value);
      box.disabled = full && !box.checked;
    });
    bar.classList.toggle("compare-bar-open", codes.length > 0);
    bar.querySelector("[data-compare-count]").textContent = codes.length;
    bar.querySelectorAll("input[type=hidden]").forEach((input) => input.remove());
    const onPage = new Set([...document.querySelectorAll("[data-compare-tick]")].map((box) => box.value));
    codes.filter((code) => !onPage.has(code)).forEach((code) => {
      const input = Object.assign(document.createElement("input"), { type: "hidden", name: "offers", value: code });
      bar.append(input);
    });
  };
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-compare-tick]")) return;
    const others = ticked().filter((code) => code !== event.target.value);
    keep(event.target.checked ? [...others, event.target.value] : others);
    drawTicks();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-compare-keep]");
    if (link) keep(link.dataset.compareKeep.split(","));
  });
  document.addEventListener("submit", (event) => { if (event.target.matches("[data-compare]")) keep([]); });
  document.addEventListener("DOMContentLoaded", drawTicks);
  document.addEventListener("htmx:afterSettle", drawTicks);
  addEventListener("pageshow", drawTicks);

  document.addEventListener("keydown", (event) => {
    const sheet = !wide.matches && document.querySelector(".facets-toggle[open]");
    if (event.key === "Escape" && sheet) { sheet.open = false; sheet.querySelector("summary").focus(); }
  });

  document.addEventListener("htmx:responseError", (event) => {
    const box = document.getElementById("live");
    if (box) box.textContent = box.dataset.error + " (" + event.detail.xhr.status + ")";
  });
})();
