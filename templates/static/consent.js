/* The consent widget: asks what a visitor allows, each purpose apart, yes and no alike. docs/consent.md */
(() => {
  "use strict";
  const script = document.currentScript, set = script.dataset;
  const words = {
    "en": {title: "Your choices", yes: "Yes", no: "No", lead: "Each is yours to decide, and to change here whenever you like.",
      saved: "Saved.", failed: "That could not be saved. Please try again.",
      gpc: "Your browser sends the Global Privacy Control signal. We take it as a no to:",
      otherwise: "If you want it all the same, switch the signal off for this site in your browser and open the page again."},
    "zh-hans": {title: "您的选择", yes: "同意", no: "不同意", lead: "每一项都由您决定，您随时可以在此更改。",
      saved: "已保存。", failed: "未能保存，请重试。",
      gpc: "您的浏览器发送了“全球隐私控制”（GPC）信号。我们视为您不同意：",
      otherwise: "如果您仍然想要，请在浏览器中为本网站关闭该信号，然后重新打开页面。"},
  };
  const language = /^zh/i.test(set.language || document.documentElement.lang) ? "zh-hans" : "en";
  const say = words[language];
  const api = set.api || new URL("/api/v1", script.src).href;
  const anonymous = set.anonymousId, customer = set.customer;
  // Nothing is remembered but the answers, and to which words they were given.
  const name = "tact-consent:" + (customer || anonymous);
  let given = {};
  try { given = JSON.parse(localStorage.getItem(name)) || {}; } catch { /* no storage: asked again next time */ }

  const make = (tag, text, attributes) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    return made;
  };

  const call = async (method, path, body) => {
    const headers = {"Authorization": "Bearer " + set.key};
    if (body) headers["Content-Type"] = "application/json";
    if (set.token) headers["X-Customer-Token"] = set.token;
    const answer = await fetch(api + path, {method, headers, body: body && JSON.stringify(body), credentials: "omit"});
    const said = await answer.json(); // read also where it is a refusal: else its line stays open
    if (!answer.ok) throw new Error(answer.status);
    return said;
  };

  const source = set.source || location.host + location.pathname;
  const send = (notice, granted, method) => {
    const said = {purpose: notice.purpose, granted, notice: notice.notice, language: notice.language};
    return customer
      ? call("POST", "/customers/" + encodeURIComponent(customer) + "/consents", {...said, method, source})
      : call("POST", "/consents", {anonymous_id: anonymous, answers: [{...said, sha256: notice.sha256}], method, source});
  };

  const remember = (notice, granted) => {
    given[notice.purpose] = [notice.notice, granted];
    try { localStorage.setItem(name, JSON.stringify(given)); } catch { /* see above */ }
  };
  const answered = (notice) => given[notice.purpose] && given[notice.purpose][0] === notice.notice;

  const start = async () => {
    const place = document.getElementById(set.place || "tact-consent");
    if (!place || !(anonymous || customer)) return;
    const told = await call("GET", "/notices?language=" + language);
    if (customer) { // what holds may have been changed elsewhere
      const now = await call("GET", "/customers/" + encodeURIComponent(customer) + "/consents");
      for (const one of told.notices) {
        const held = now.find((answer) => answer.purpose === one.purpose);
        const before = given[one.purpose];
        if (held && held.record) given[one.purpose] = [before ? before[0] : one.notice, held.granted];
        else delete given[one.purpose];
      }
    }
    const only = (set.purposes || "").split(/[\s,]+/).filter(Boolean);
    const asked = told.notices.filter((one) => !only.length || only.includes(one.purpose));
    const refused = navigator.globalPrivacyControl === true ? told.gpc : [];

    const box = make("details", "", {class: "tact-consent", lang: language});
    const status = make("p", "", {role: "status"});
    box.append(make("summary", say.title), make("p", say.lead));
    box.open = asked.some((one) => !answered(one) && !refused.includes(one.purpose));

    const signalled = asked.filter((one) => refused.includes(one.purpose));
    if (signalled.length) {
      const list = make("ul");
      for (const one of signalled) {
        list.append(make("li", one.text));
        if (!answered(one) || given[one.purpose][1]) {
          send(one, false, "Global Privacy Control").then(() => remember(one, false), () => {});
        }
      }
      box.append(make("p", say.gpc, {class: "tact-gpc"}), list, make("p", say.otherwise));
    }
    for (const one of asked) {
      if (refused.includes(one.purpose)) continue;
      const group = make("fieldset"), buttons = [];
      group.append(make("legend", one.text));
      const show = () => buttons.forEach(([button, granted]) =>
        button.setAttribute("aria-pressed", Boolean(answered(one)) && given[one.purpose][1] === granted));
      for (const granted of [true, false]) {
        const button = make("button", granted ? say.yes : say.no, {type: "button"});
        button.addEventListener("click", async () => {
          status.textContent = "";
          try {
            await send(one, granted, "consent widget");
            remember(one, granted);
            status.textContent = say.saved;
          } catch { status.textContent = say.failed; }
          show();
        });
        buttons.push([button, granted]);
        group.append(button);
      }
      show();
      box.append(group);
    }
    box.append(status);
    place.replaceChildren(box);
  };
  const begin = () => start().catch(() => {}); // the shop's page works without us
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin); else begin();
})();
