// The editor of a message: line numbers, marks at fields and lines with faults, what may be used while one types {{,
// copying into the translation, dragging blocks, and a desktop's width in a narrow pane.
"use strict";
(() => {
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  const find = (id) => document.getElementById(id);
  const changed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));
  const MOST = 7;
  let last = null;

  // --- lines ---------------------------------------------------------------------------------------------------
  const faulty = (area) => new Set(
    all(`.desk-goto[data-field="${area.id}"][data-line]`).map((one) => Number(one.dataset.line))
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

  // --- faults at their fields ------------------------------------------------------------------------------------
  const mark = () => {
    all("div.msg-wrong").forEach((place) => place.replaceChildren());
    all(".desk-fills[aria-invalid]").forEach((field) => field.removeAttribute("aria-invalid"));
    all(".desk-goto[data-told]").forEach((one) => {
      const place = find(`${one.dataset.field}-wrong`), field = find(one.dataset.field);
      if (!place || !field) return;
      const told = document.createElement("p");
      told.textContent = one.dataset.told;
      place.append(told);
      field.setAttribute("aria-invalid", "true");
    });
    all(".msg-state").forEach((place) => { place.textContent = ""; place.className = "msg-state"; });
    all(".desk-goto[data-state]").forEach(({ dataset }) => {
      const place = find(`${dataset.field}-state`);
      if (!place) return;
      place.textContent = dataset.words;
      place.classList.add(`is-${dataset.state}`);
    });
    all("textarea.desk-lines").forEach((area) => area.gutter && number(area));
  };

  const write = (which) => {
    const choice = document.querySelector(`input[name=written][value=${which}]`);
    if (choice && !choice.checked) { choice.checked = true; choice.dispatchEvent(new Event("change", { bubbles: true })); }
  };

  const go = (field, line) => {
    if (!field) return;
    if (!field.offsetParent) write(field.closest(".msg-other") ? "other" : "own");
    field.focus();
    if (!line || field.tagName !== "TEXTAREA") return;
    const before = field.value.split("\n").slice(0, line - 1).join("\n");
    const start = before.length + (line > 1 ? 1 : 0), end = field.value.indexOf("\n", start);
    field.setSelectionRange(start, end < 0 ? field.value.length : end);
    field.scrollTop = Math.max(0, (line - 3) * parseFloat(getComputedStyle(field).lineHeight));
  };

  // --- what may be used --------------------------------------------------------------------------------------------
  const insert = (words) => {
    const field = last?.isConnected ? last : find("id_body") || document.querySelector("#message-blocks .desk-fills");
    if (!field || field.disabled) return;
    field.focus();
    field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
    changed(field);
  };

  const list = document.createElement("ul");
  list.id = "message-complete";
  list.className = "msg-complete";
  list.setAttribute("role", "listbox");
  list.hidden = true;
  let at = 0, begun = 0, typing = null;

  const close = () => {
    if (list.hidden) return;
    list.hidden = true;
    ["aria-controls", "aria-activedescendant", "aria-autocomplete"].forEach((name) => typing.removeAttribute(name));
  };

  const point = (to) => {
    const options = [...list.children];
    at = (to + options.length) % options.length;
    options.forEach((one, n) => one.setAttribute("aria-selected", String(n === at)));
    typing.setAttribute("aria-activedescendant", options[at].id);
  };

  const option = (variable, n) => {
    const { sample } = variable.dataset, fallback = variable.dataset.default, words = find("message-variables").dataset;
    const one = document.createElement("li"), name = document.createElement("b"), about = document.createElement("span");
    one.id = `message-complete-${n}`;
    one.setAttribute("role", "option");
    one.dataset.insert = variable.querySelector(".desk-insert").dataset.insert;
    name.textContent = variable.dataset.name;
    const told = [variable.querySelector("span").textContent];
    if (sample) told.push(`${words.sample}: ${sample}`);
    if (fallback) told.push(`${words.default}: ${fallback}`);
    about.textContent = told.join(" · ");
    one.append(name, about);
    return one;
  };

  const below = (field) => {
    const box = field.getBoundingClientRect(), height = parseFloat(getComputedStyle(field).lineHeight) || 20;
    const line = field.value.slice(0, field.selectionStart).split("\n").length;
    const caret = field.classList.contains("desk-lines") ? Math.min(box.height, line * height - field.scrollTop + 12) : box.height;
    list.style.top = `${box.top + scrollY + caret + 2}px`;
    list.style.left = `${Math.max(8, Math.min(box.left + scrollX, innerWidth - 368))}px`;
  };

  const complete = (field) => {
    const before = field.value.slice(0, field.selectionStart), found = /\{\{\s*([\w.]*)$/.exec(before);
    if (!found) return close();
    const asked = found[1].toLowerCase(), isLine = field.tagName === "INPUT" && !field.closest(".msg-block");
    const fits = all("#message-variables li").filter(({ dataset: { name }, firstElementChild }) =>
      name.toLowerCase().includes(asked) && !(isLine && (name.endsWith("_block") || firstElementChild.dataset.insert.startsWith("{%"))));
    if (!fits.length) return close();
    fits.sort((a, b) => Number(b.dataset.name.startsWith(asked)) - Number(a.dataset.name.startsWith(asked)));
    list.setAttribute("aria-label", find("message-variables").dataset.label);
    typing = field;
    begun = found.index;
    list.replaceChildren(...fits.slice(0, MOST).map(option));
    list.hidden = false;
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-autocomplete", "list");
    below(field);
    point(0);
    const said = find("message-complete-said");
    said.textContent = `${list.children.length} ${find("message-variables").dataset.found}`;
  };

  const choose = (one) => {
    const after = typing.value.slice(typing.selectionStart), closing = /^\s*\}\}/.exec(after);
    typing.setRangeText(one.dataset.insert, begun, typing.selectionStart + (closing ? closing[0].length : 0), "end");
    close();
    changed(typing);
  };

  const key = (event) => {
    if (list.hidden || event.target !== typing) return;
    const does = {
      ArrowDown: () => point(at + 1), ArrowUp: () => point(at - 1), Escape: close,
      Enter: () => choose(list.children[at]), Tab: () => choose(list.children[at]),
    }[event.key];
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  };

  // --- blocks dragged ----------------------------------------------------------------------------------------------
  let dragged = null;
  const over = (event) => {
    const onto = event.target.closest?.(".msg-block");
    all(".msg-block.is-onto").forEach((one) => one.classList.remove("is-onto", "is-below"));
    if (!dragged || !onto || onto === dragged) return;
    event.preventDefault();
    onto.classList.add("is-onto");
    const follows = dragged.compareDocumentPosition(onto) & Node.DOCUMENT_POSITION_FOLLOWING;
    onto.classList.toggle("is-below", Boolean(follows) && !onto.matches(".is-footer"));
  };
  const drop = (event) => {
    const onto = event.target.closest?.(".msg-block"), blocks = find("message-blocks");
    if (!dragged || !onto) return;
    event.preventDefault();
    htmx.ajax("POST", blocks.dataset.move, {
      source: blocks, target: blocks, values: { do: `to:${dragged.dataset.key}:${onto.dataset.key}` },
    });
  };

  // --- how it looks ----------------------------------------------------------------------------------------------
  const scale = () => all(".msg-frame.is-desktop, .msg-frame.is-dark").forEach((frame) =>
    frame.style.setProperty("--msg-scale", String(Math.min(1, frame.clientWidth / 680))));

  document.addEventListener("DOMContentLoaded", () => {
    const said = document.createElement("p");
    said.id = "message-complete-said";
    said.className = "desk-hidden";
    said.setAttribute("role", "status");
    document.body.append(list, said);
    all("textarea.desk-lines").forEach(prepare);
    if (matchMedia("(max-width: 760px)").matches && document.querySelector("input[name=written][value=both]:checked")) write("own");
    scale();
    addEventListener("resize", scale);
    document.addEventListener("focusin", ({ target }) => { if (target.matches(".desk-fills")) last = target; });
    document.addEventListener("focusout", ({ target }) => { if (target === typing) close(); });
    document.addEventListener("input", ({ target }) => { if (target.matches?.(".desk-fills")) complete(target); });
    document.addEventListener("keydown", key, true);
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const one = event.target.closest("[role=option]");
      if (one) choose(one);
    });
    document.addEventListener("click", ({ target }) => {
      const found = target.closest(".desk-goto"), used = target.closest(".desk-insert"), copied = target.closest("[data-copy]");
      if (found) go(find(found.dataset.field), Number(found.dataset.line || found.dataset.hintLine));
      if (used) insert(used.dataset.insert);
      if (copied) {
        const into = find(copied.dataset.into);
        into.value = find(copied.dataset.copy).value;
        into.focus();
        changed(into);
      }
    });
    document.addEventListener("change", ({ target }) => {
      if (target.name !== "written" || target.value === "both") return;
      const shown = all("input[name=look_in]")[target.value === "other" ? 1 : 0];
      if (shown) shown.checked = true;
    });
    document.addEventListener("dragstart", (event) => {
      dragged = event.target.closest?.(".msg-drag")?.closest(".msg-block") || null;
      if (!dragged) return;
      event.dataTransfer.setData("text/plain", dragged.dataset.key);
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setDragImage(dragged, 20, 20);
    });
    document.addEventListener("dragover", over);
    document.addEventListener("drop", drop);
    document.addEventListener("dragend", () => { dragged = null; over({ target: document.body }); });
    // A button that would do nothing is still reached by the keyboard, and does nothing.
    document.addEventListener("htmx:confirm", (event) => {
      if (event.target.getAttribute?.("aria-disabled") === "true") event.preventDefault();
    });
    // How it is looked at is nothing that could be lost: only what is written counts as unsaved.
    let wait = 0;
    document.addEventListener("input", (event) => {
      if (!event.target.closest?.(".msg-ask, .msg-tabs")) return;
      event.stopImmediatePropagation();
      clearTimeout(wait);
      if (event.target.type === "text") wait = setTimeout(() => event.target.dispatchEvent(new Event("change", { bubbles: true })), 600);
    }, true);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.id === "id_look_as") event.preventDefault();
    });
    document.addEventListener("htmx:afterSettle", ({ target }) => {
      if (target.id === "message-blocks") find("id_subject").dispatchEvent(new Event("input"));
    });
    document.addEventListener("htmx:afterSwap", ({ target }) => {
      scale();
      if (target.id === "message-check") mark();
    });
  });
})();
