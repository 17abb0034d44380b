// A journey being changed: presses without losing one's place, arrows between steps, fields that belong to a choice.
"use strict";
(() => {
  const editor = () => document.getElementById("journey-editor");
  const cards = () => [...document.querySelectorAll(".way a.way-card, .way button.way-card")];
  let isTyped = false;
  let isLeaving = false;

  // --- fields that belong to a choice -----------------------------------------------------------------------

  const showFields = () => {
    for (const one of document.querySelectorAll("#panel [data-when]")) {
      const [name, value] = one.dataset.when.split("=");
      const chosen = document.querySelector(`#panel [name="${name}"]`);
      one.closest(".journey-field").classList.toggle("is-off", Boolean(chosen) && chosen.value !== value);
    }
  };

  const suggest = async (field) => {
    const list = document.getElementById(`suggest-${field.dataset.suggest}`);
    const address = editor().dataset.suggest.replace("what", field.dataset.suggest);
    const answer = await fetch(`${address}?q=${encodeURIComponent(field.value)}`).catch(() => null);
    if (!answer || !answer.ok) return;
    const { found } = await answer.json();
    list.replaceChildren(...found.map(({ value, label }) => {
      const option = document.createElement("option");
      option.value = value;
      option.label = label;
      return option;
    }));
  };

  // --- presses ----------------------------------------------------------------------------------------------

  const take = (page, focused) => {
    const fresh = page.getElementById("journey-editor");
    if (!fresh) return false;
    const frame = document.querySelector(".way-frame");
    const place = frame ? [frame.scrollLeft, frame.scrollTop] : [0, 0];
    const isOpen = Boolean(editor().querySelector("details[open]"));
    editor().replaceWith(document.adoptNode(fresh));
    const drawn = document.querySelector(".way-frame");
    if (drawn) [drawn.scrollLeft, drawn.scrollTop] = place;
    if (isOpen) editor().querySelector("details").open = true;
    isTyped = false;
    ready();
    const panel = document.getElementById("panel");
    const wrong = panel.querySelector(".journey-field.is-wrong .desk-input, [role=alert]");
    const first = panel.querySelector("[data-focus]");
    const open = panel.querySelector(".journey-panel .desk-input, .journey-kinds button");
    const again = focused.startsWith("select:") || focused.startsWith("up:") || focused.startsWith("down:")
      ? document.querySelector(".way-card.is-open")
      : null;
    const target = wrong || first || (focused.startsWith("add:") || focused.startsWith("kind:") ? open : again)
      || [...document.querySelectorAll("#journey-editor button[name=do]")].find((one) => one.value === focused && !one.disabled && !one.classList.contains("desk-hidden"))
      || document.querySelector(".way-card.is-open") || cards()[0];
    if (target) {
      if (target.getAttribute("role") === "alert") target.tabIndex = -1;
      target.focus({ preventScroll: target.classList.contains("way-card") });
    }
    const isNarrow = window.matchMedia("(max-width: 1180px)").matches;
    if (isNarrow && !["close", "undo"].includes(focused.split(":")[0])) panel.scrollIntoView({ block: "start" });
    return true;
  };

  const press = async (form, button) => {
    const sent = new FormData(form, button);
    form.setAttribute("aria-busy", "true");
    const answer = await fetch(form.action, { method: "POST", body: sent }).catch(() => null);
    form.removeAttribute("aria-busy");
    if (!answer) {
      window.alert(form.dataset.failed);
      return;
    }
    if (answer.redirected && /\/login\/?/.test(new URL(answer.url).pathname)) {
      // Logged out meanwhile: leaving now would lose what was typed.
      window.alert(form.dataset.loggedout);
      return;
    }
    if (answer.redirected) {
      isLeaving = true;
      window.location.assign(answer.url);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!take(page, button ? button.value : "apply")) {
      window.alert(form.dataset.failed);
    }
  };

  // --- the keyboard -----------------------------------------------------------------------------------------

  const middle = (one) => {
    const box = one.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };

  const nearest = (from, key) => {
    const [x, y] = middle(from);
    const along = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[key];
    let best = null, least = Infinity;
    for (const one of cards()) {
      const [ox, oy] = middle(one), ahead = (ox - x) * along[0] + (oy - y) * along[1];
      const beside = Math.abs((ox - x) * along[1]) + Math.abs((oy - y) * along[0]);
      if (one !== from && ahead > 8 && ahead + 2 * beside < least) [best, least] = [one, ahead + 2 * beside];
    }
    return best;
  };

  const pressKey = (event) => {
    const card = event.target.closest?.(".way-card");
    if (!card) return;
    if (event.key.startsWith("Arrow") && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const next = nearest(card, event.key);
      if (next) next.focus();
      event.preventDefault();
    }
    if (event.key === "Delete" && editor() && ![".", ""].includes(card.dataset.step)) {
      const ask = document.createElement("button");
      ask.name = "do";
      ask.value = `ask:${card.dataset.step}`;
      ask.hidden = true;
      editor().append(ask);
      editor().requestSubmit(ask);
      ask.remove();
      event.preventDefault();
    }
  };

  // --- what is not saved ------------------------------------------------------------------------------------

  const warn = (event) => {
    const form = editor();
    if (form && !isLeaving && (isTyped || form.dataset.changed === "yes")) event.preventDefault();
  };

  const ready = () => {
    showFields();
    for (const field of document.querySelectorAll("#panel [data-suggest]")) {
      field.addEventListener("input", () => suggest(field));
      field.addEventListener("focus", () => suggest(field), { once: true });
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    ready();
    document.addEventListener("keydown", pressKey);
    if (!editor()) return;
    document.addEventListener("change", showFields);
    document.addEventListener("input", ({ target }) => { if (target.closest("#journey-editor")) isTyped = true; });
    document.addEventListener("submit", (event) => {
      if (event.target.id !== "journey-editor") return;
      event.preventDefault();
      press(event.target, event.submitter);
    });
    window.addEventListener("beforeunload", warn);
  });
})();
