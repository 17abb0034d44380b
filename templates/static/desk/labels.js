/* The theme's choices (select2, two boxes) and what scrolls have no name of their own for who hears the page. A list's
   headings stand on its cards as they do over its columns. */
(() => {
  "use strict";

  function named(select) {
    const words = select.labels?.[0]?.textContent.trim() || select.getAttribute("aria-label");
    const box = select.nextElementSibling;
    if (!words || !box?.classList.contains("select2")) return;
    box.querySelector(".select2-search__field")?.setAttribute("aria-label", words);
    const one = box.querySelector(".select2-selection--single");
    one?.setAttribute("aria-label", words);
    one?.removeAttribute("aria-labelledby");
    box.querySelector(".select2-selection__rendered[role=textbox]")?.setAttribute("aria-label", words);
    // What empties it stands among the chosen, where a list may hold nothing but its items.
    const chosen = box.querySelector("ul.select2-selection__rendered");
    chosen?.setAttribute("role", "group");
    chosen?.querySelectorAll("li").forEach((item) => item.setAttribute("role", "presentation"));
  }

  /* What scrolls is “scrollable content” to the theme, wherever it stands and in every language. */
  function scrolls(box) {
    const heading = box.closest("fieldset[aria-labelledby]");
    if (box.closest("nav")) {
      box.setAttribute("role", "group");
      box.removeAttribute("aria-label");
    } else if (heading) {
      box.setAttribute("aria-labelledby", heading.getAttribute("aria-labelledby"));
    } else {
      box.setAttribute("aria-label", document.querySelector("h1")?.textContent.replace(/\s+/g, " ").trim() ?? "");
    }
  }

  function begins(cell) {
    cell.dataset.label = cell.dataset.label.replace(/^[a-z]/, (letter) => letter.toUpperCase());
  }

  function all() {
    document.querySelectorAll("#result_list [data-label]").forEach(begins);
    document.querySelectorAll(".simplebar-content-wrapper[role=region]").forEach(scrolls);
    document.querySelectorAll("select.select2-hidden-accessible").forEach(named);
    document.querySelectorAll(".help-tooltip[aria-label]").forEach((icon) => icon.setAttribute("role", "img"));
  }

  // Where rows are added later, their choices are made after the event.
  document.addEventListener("formset:added", () => setTimeout(all));
  window.addEventListener("load", () => {
    setTimeout(all);
    window.django?.jQuery?.(document).on("change", "select.select2-hidden-accessible", () => setTimeout(all));
  });
})();
