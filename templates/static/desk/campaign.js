// A campaign's path: fields that belong to another choice are put away, and the seconds of a recall are counted down.
"use strict";
(() => {
  const value = (form, name) => {
    const chosen = form.querySelector(`[name="${name}"]:checked`) || form.querySelector(`select[name="${name}"]`);
    return chosen ? chosen.value : null;
  };

  // What is shown for which choice; a field that is put away keeps what was typed.
  const RULES = [
    ["how", "two", ["message_b", "share_b", "bandit"]],
    ["when", "at", ["starts_at"]],
    ["frequency", "WEEKLY", ["weekdays"]],
    ["frequency", "MONTHLY", ["day"]],
  ];

  const arrange = (form) => {
    for (const [name, wanted, fields] of RULES) {
      const now = value(form, name);
      if (now === null) continue;
      for (const field of fields) {
        const box = form.querySelector(`.path-field[data-field="${field}"]`);
        if (box) box.hidden = now !== wanted;
      }
    }
  };

  const filter = (box) => {
    const labels = [...box.querySelectorAll("label:has(input)")];
    if (labels.length < 12) return;
    const field = document.createElement("input");
    field.type = "search";
    field.className = "desk-input";
    field.placeholder = field.ariaLabel = box.dataset.find;
    field.addEventListener("input", () => {
      const asked = field.value.trim().toLowerCase();
      for (const label of labels) {
        label.hidden = asked !== "" && !label.textContent.toLowerCase().includes(asked) && !label.querySelector("input").checked;
        label.style.display = label.hidden ? "none" : "";
      }
    });
    box.before(field);
  };

  const tick = () => {
    for (const one of document.querySelectorAll(".path-count[data-until]")) {
      const left = Math.ceil((new Date(one.dataset.until) - Date.now()) / 1000);
      one.textContent = left > 0 && left < 3600 ? one.dataset.words.replace("%s", `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`) : "";
    }
  };

  const begin = () => {
    for (const form of document.querySelectorAll(".path-form")) {
      arrange(form);
      form.addEventListener("change", () => arrange(form));
    }
    document.querySelectorAll(".path-choices").forEach(filter);
    tick();
    setInterval(tick, 1000);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
