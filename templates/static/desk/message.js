// The editor of a message: line numbers, marks at lines with faults, and what may be used put in where one writes.
"use strict";
(() => {
  const areas = () => document.querySelectorAll("textarea.desk-lines");
  let last = null;

  const faulty = (area) => new Set(
    [...document.querySelectorAll(`.desk-goto[data-field="${area.id}"][data-line]`)].map((one) => Number(one.dataset.line))
  );

  const number = (area) => {
    const lines = area.value.split("\n").length, wrong = faulty(area);
    area.gutter.replaceChildren(...Array.from({ length: lines }, (_, at) => {
      const line = document.createElement("span");
      line.textContent = String(at + 1);
      if (wrong.has(at + 1)) line.className = "is-wrong";
      return line;
    }));
    area.gutter.scrollTop = area.scrollTop;
  };

  const prepare = (area) => {
    const frame = document.createElement("div"), gutter = document.createElement("div");
    frame.className = "desk-editor";
    gutter.className = "desk-gutter desk-code";
    gutter.setAttribute("aria-hidden", "true");
    area.replaceWith(frame);
    frame.append(gutter, area);
    area.gutter = gutter;
    area.wrap = "off";
    area.addEventListener("input", () => number(area));
    area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
    number(area);
  };

  const go = (field, line) => {
    field.focus();
    if (!line || !field.classList.contains("desk-lines")) return;
    const before = field.value.split("\n").slice(0, line - 1).join("\n");
    const start = before.length + (line > 1 ? 1 : 0), end = field.value.indexOf("\n", start);
    field.setSelectionRange(start, end < 0 ? field.value.length : end);
    field.scrollTop = Math.max(0, (line - 3) * parseFloat(getComputedStyle(field).lineHeight));
  };

  const insert = (words) => {
    const field = last || document.getElementById("id_body");
    if (!field || field.disabled) return;
    field.focus();
    field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener("DOMContentLoaded", () => {
    areas().forEach(prepare);
    document.addEventListener("focusin", ({ target }) => {
      if (target.matches("textarea.desk-lines, input.desk-fills")) last = target;
    });
    document.addEventListener("click", ({ target }) => {
      const found = target.closest(".desk-goto"), used = target.closest(".desk-insert");
      if (found) go(document.getElementById(found.dataset.field), Number(found.dataset.line || found.dataset.hintLine));
      if (used) insert(used.dataset.insert);
    });
    document.addEventListener("htmx:afterSwap", () => areas().forEach(number));
  });
})();
