/* The keys of the desk; admin/shortcuts/ lists them. */
(() => {
  "use strict";
  const typing = (at) =>
    at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));
  const visible = (field) => field instanceof HTMLElement && field.offsetParent !== null;
  const skip = () => document.querySelector("[data-order-keys]");
  let wasG = 0;

  const openSearch = () => window.dispatchEvent(new CustomEvent("opencommand"));

  function go(key) {
    const addresses = JSON.parse(skip()?.dataset.orderKeys || "{}");
    if (addresses[key]) window.location.assign(addresses[key]);
  }

  function pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && typing(document.activeElement)) {
      document.activeElement.blur();
      return;
    }
    if (typing(event.target) || !skip() || localStorage.getItem("tact-keys") === "off") return;
    const afterG = Date.now() - wasG < 1500;
    wasG = 0;
    const field = document.querySelector("#searchbar");
    if (event.key === "/" && visible(field)) {
      event.preventDefault();
      field.focus();
      field.select();
    } else if (event.key === "/" || event.key === "t") {
      event.preventDefault();
      openSearch();
    } else if (event.key === "?") {
      window.location.assign(skip().dataset.orderShortcuts);
    } else if (event.key === "g") {
      wasG = Date.now();
    } else if (afterG) {
      go(event.key);
    }
  }

  /* A word of Chinese is being made: its Enter is no order. */
  function composing(event) {
    if (event.isComposing && event.target instanceof HTMLElement && event.target.id === "search-input-command") {
      event.stopImmediatePropagation();
    }
  }

  /* The theme looks for a text field beside each file field, and falls over ours, which has none. */
  function chosen(event) {
    if (event.target instanceof HTMLElement && event.target.matches("[data-order-file]")) event.stopPropagation();
  }

  /* Keys can be turned off: a voice or a tremor presses single letters unasked. */
  function offerSwitch() {
    const box = document.querySelector("[data-order-switch]");
    if (!box) return;
    box.checked = localStorage.getItem("tact-keys") !== "off";
    box.addEventListener("change", () => localStorage.setItem("tact-keys", box.checked ? "on" : "off"));
    box.closest("[hidden]")?.removeAttribute("hidden");
  }

  /* The theme hides the page while it loads, and what is hidden cannot be given the focus: it is given anew. */
  function focusFirst() {
    if (document.activeElement === document.body) document.querySelector("[autofocus]")?.focus();
  }

  const AGAIN_MS = 20000;

  /* What takes a while says that it was heard, and is not pressed twice. A file that is taken out leaves the page as it is. */
  function busy(event) {
    const button = event.submitter;
    if (event.defaultPrevented || !button?.matches(".desk-button") || event.target.target) return;
    const rest = () => {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    };
    setTimeout(() => { // what was pressed is sent along only if it is not disabled
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
      setTimeout(rest, AGAIN_MS);
      window.addEventListener("pageshow", rest, { once: true });
    });
  }

  document.addEventListener("submit", busy);
  document.addEventListener("DOMContentLoaded", offerSwitch);
  window.addEventListener("load", focusFirst);
  document.addEventListener("change", chosen, true);
  document.addEventListener("keydown", composing, true);
  document.addEventListener("keydown", pressed);
})();
