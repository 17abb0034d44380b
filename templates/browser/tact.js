/* Tact in a shop's page: events, recommendations, offers and consent. docs/browser.md tells all of it. */
(() => {
  "use strict";
  const VERSION = "1.0.0", NAME = "tact", METHOD = "tact.js", SIGNAL = "Global Privacy Control";
  const MOST = 100, BATCH = 50, SOON = 1500, LONGEST = 60000, PATIENCE = 10000;
  const REFUSED_BY_GPC = ["personalization", "partner_sharing"];
  const NO = REFUSED_BY_GPC.map((purpose) => ({purpose, granted: false}));
  const script = document.currentScript, {key, api = new URL("/api/v1", script.src).href} = script.dataset;

  // --- what this browser keeps: the visitor's answers; an id and unsent events only while analytics is allowed ---
  const stored = () => { try { return JSON.parse(localStorage.getItem(NAME)) || {}; } catch { return {}; } };
  let kept = {said: {}, queue: [], ...stored()};
  const keep = () => { try { localStorage.setItem(NAME, JSON.stringify(kept)); } catch { /* no room: this page only */ } };
  const forget = () => { kept.queue = []; delete kept.id; delete kept.gpc; };

  let person = null; // {id, token}: whom a customer token proves
  let held = null; // what that customer allows by the ledger; null until it is known, and then nothing is allowed
  let renew = null; // the shop's own way to a fresh token
  let ready = Promise.resolve(); // who it is, and what they allow, is settled
  let told = null; // the browser's signal was passed on
  let sending = null, tries = 0, notBefore = 0, timer = 0;

  const gpc = () => navigator.globalPrivacyControl === true;
  const answer = (purpose) => (person ? held && held[purpose] : kept.said[purpose]) || {};
  const allows = (purpose) => !!answer(purpose).granted && !(gpc() && REFUSED_BY_GPC.includes(purpose));
  const language = () => /^zh/i.test(document.documentElement.lang) ? "zh-hans" : "en";
  const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const subject = (token) => {
    const claims = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(claims, (letter) => letter.charCodeAt()))).sub;
  };

  // Nothing is ever thrown into the page; whoever wants to know listens to `tact:error`.
  const report = (error) => { document.dispatchEvent(new CustomEvent("tact:error", {detail: error})); };
  const safely = (work, otherwise) => async (...given) => {
    try { return await work(...given); } catch (error) { report(error); return otherwise; }
  };

  // --- the API ---
  const call = async (method, path, {body, as, headers, again} = {}) => {
    const sent = body && JSON.stringify(body);
    const answered = await fetch(api + path, {
      method, credentials: "omit", signal: AbortSignal.timeout(PATIENCE), body: sent,
      keepalive: !!sent && sent.length < 2e4, // a browser lets 64 kB outlive the page
      headers: {
        Authorization: "Bearer " + key, "Accept-Language": language(), ...headers,
        ...(body && {"Content-Type": "application/json"}), ...(as && {"X-Customer-Token": as.token}),
      },
    });
    if (answered.status === 401 && as && renew && !again) {
      const token = await renew();
      if (token && subject(token) === as.id) {
        as.token = token;
        return call(method, path, {body, as, headers, again: true});
      }
    }
    if (!answered.ok) {
      const {code, message} = await answered.json().catch(() => ({}));
      const wait = 1000 * answered.headers.get("Retry-After") || 0;
      throw Object.assign(new Error(message || "HTTP " + answered.status), {status: answered.status, code, wait});
    }
    return answered.json();
  };
  const query = (asked) => "?" + new URLSearchParams(Object.entries(asked).filter(([, value]) => value != null));
  const consents = (who) => "/customers/" + encodeURIComponent(who.id) + "/consents";
  const source = () => (location.host + location.pathname).slice(0, 100);
  const tell = async (who, answers, method = METHOD) => {
    if (typeof who === "string") {
      return call("POST", "/consents", {body: {anonymous_id: who, answers, method, source: source()}});
    }
    for (const {sha256, ...one} of answers) await call("POST", consents(who), {body: {...one, method, source: source()}, as: who});
  };

  // --- the browser's Global Privacy Control goes first, once a visitor's id and once a customer's session ---
  const optOut = async () => {
    if (kept.id && !kept.gpc) {
      await tell(kept.id, NO, SIGNAL);
      kept.gpc = true;
      keep();
    }
    if (!person) return;
    // A checksum, not the id: it says only that this tab has told so for the same customer.
    const mark = String([...person.id].reduce((sum, letter) => (sum * 31 + letter.codePointAt()) >>> 0, 7));
    try { if (sessionStorage.getItem(NAME) === mark) return; } catch { /* told once a page */ }
    await tell(person, NO, SIGNAL);
    try { sessionStorage.setItem(NAME, mark); } catch { /* see above */ }
  };
  const honour = () => told ||= gpc() ? optOut().catch((error) => { told = null; throw error; }) : Promise.resolve();

  // A visitor who allows analytics gets an id; what they said stands under it before any event does.
  const enrol = async (said) => {
    const id = fresh();
    if (gpc()) await tell(id, NO, SIGNAL);
    await tell(id, Object.values(said).filter((one) => !(one.granted && gpc() && REFUSED_BY_GPC.includes(one.purpose))));
    Object.assign(kept, {id, gpc: gpc()});
  };

  const become = async (given) => {
    renew = typeof given === "function" ? given : null;
    const token = renew ? await renew() : given;
    const id = token ? subject(token) : null;
    if (person && person.id !== id) await flush();
    if (!person || person.id !== id) held = told = null;
    person = id === null ? null : {id, token};
    if (!kept.queue.every(mine)) { kept.queue = kept.queue.filter(mine); keep(); } // another's, who has left
    await honour();
    if (!person || held) return true;
    const rows = await call("GET", consents(person), {as: person});
    held = Object.fromEntries(rows.map((row) => [row.purpose, {granted: row.granted, answered: row.record !== null}]));
    if (!allows("analytics") && kept.queue.length) { kept.queue = []; keep(); }
    return true;
  };

  // --- events: kept here until they are taken in, each under one message_id however often it is sent ---
  const mine = (event) => !event.customer || (person && event.customer === person.id);
  const later = (wait) => { clearTimeout(timer); timer = setTimeout(flush, wait); };
  const settle = (batch) => {
    const done = new Set(batch.map((event) => event.message_id));
    kept.queue = kept.queue.filter((event) => !done.has(event.message_id));
  };
  const post = async () => {
    for (let batch; (batch = kept.queue.filter(mine).slice(0, BATCH)).length && allows("analytics");) {
      try {
        await honour();
        const retried = tries ? {"X-Retry-Count": tries} : {};
        const taken = await call("POST", "/events", {body: {batch}, as: person, headers: retried});
        tries = 0;
        settle(batch);
        if (taken.refused.some((one) => one.reason === "no_consent:analytics")) refuse("analytics"); // withdrawn elsewhere
        keep();
      } catch (error) {
        report(error);
        if (error.status >= 400 && error.status < 500 && ![401, 408, 409, 429].includes(error.status)) settle(batch);
        else {
          const wait = Math.max(error.wait || 0, Math.min(LONGEST, 1000 * 2 ** tries++) * (0.5 + Math.random() / 2));
          notBefore = Date.now() + wait;
          later(wait + 50);
        }
        keep();
        return;
      }
    }
  };
  const flush = () => sending ||= Date.now() < notBefore ? null : post().finally(() => { sending = null; });

  const track = (type, details = {}) => {
    const event = {message_id: fresh(), type, occurred_at: new Date().toISOString(), ...details};
    return ready.then(async () => {
      if (!allows("analytics") || (/^(opened|clicked)$/.test(type) && !allows("message_tracking"))) return false;
      if (!person && !kept.id) {
        await enrol(kept.said);
        if (!allows("analytics")) forget(); // refused meanwhile
        keep();
        if (!kept.id) return false;
      }
      if (kept.id) event.anonymous_id = kept.id;
      if (person) {
        event.customer = person.id;
        delete kept.id; // the two are one by this event; whoever comes after them is somebody else
      }
      kept.queue = [...kept.queue, event].slice(-MOST);
      keep();
      if (!sending && Date.now() >= notBefore) later(kept.queue.length < BATCH ? SOON : 0);
      return true;
    });
  };
  const page = (details) => {
    const named = document.querySelector("[data-tact-sku]");
    return track("viewed", {...(named && {sku: named.dataset.tactSku}), context: {path: location.pathname}, ...details});
  };

  // --- lists ---
  const lists = new WeakMap();
  const personal = async () => {
    await ready;
    await flush(); // a list knows of what was done before it was asked for
    return allows("personalization") ? person : null;
  };
  const ask = (path, asked, as) => call("GET", path + query({...asked, customer: as && as.id}), {as});
  const recommendations = async (asked = {}) => {
    const as = await personal(), found = await ask("/recommendations", asked, as);
    const list = {why: () => ask("/recommendations", {...asked, explain: true}, as), as};
    for (const item of found.items) lists.set(item, list);
    return found;
  };
  const why = async (item) => {
    const list = lists.get(item);
    if (!list || !list.as || item.reason.share != null) return item.reason;
    const {items} = await (list.whole ||= list.why());
    return (items.find((other) => other.sku === item.sku) || item).reason;
  };
  const offers = async (asked = {}) => ask("/offers", {language: language(), ...asked}, await personal());

  // --- consent ---
  const state = async () => {
    await ready;
    const answers = {};
    for (const purpose of new Set([...Object.keys((person ? held : kept.said) || {}), "analytics", "personalization"])) {
      const {notice, answered = notice !== undefined} = answer(purpose);
      answers[purpose] = {granted: allows(purpose), answered, notice};
    }
    return {customer: person && person.id, gpc: gpc(), answers};
  };
  const notices = async (asked = language()) => {
    const found = await call("GET", "/notices" + query({language: asked}));
    return {notices: found.notices, refused: gpc() ? found.gpc : []};
  };
  const said = ({purpose, notice = "", language = "", sha256}, granted) => ({purpose, granted, notice, language, ...(sha256 && {sha256})});
  const grant = async (notice) => {
    await ready;
    const yes = said(notice, true), {purpose} = yes;
    if (gpc() && REFUSED_BY_GPC.includes(purpose)) return false;
    if (person) {
      await honour();
      await tell(person, [yes]);
      (held ||= {})[purpose] = {granted: true, answered: true};
      if ((kept.said[purpose] || {}).granted === false) delete kept.said[purpose];
    } else {
      const all = {...kept.said, [purpose]: yes};
      if (kept.id) await tell(kept.id, [yes]);
      else if ((all.analytics || {}).granted) await enrol(all);
      kept.said = all;
    }
    keep();
    return true;
  };
  // In this browser at once, whether the platform hears of it or not.
  const refuse = (purpose, no = said({purpose}, false)) => {
    kept.said[purpose] = no;
    if (held) held[purpose] = {granted: false, answered: true};
    if (purpose === "analytics") forget();
    keep();
  };
  const withdraw = async (no, id) => {
    await ready;
    refuse(no.purpose, no); // once more: a yes may have been on its way
    const who = person || id;
    if (who) await tell(who, [no]);
    return true;
  };
  let turn = Promise.resolve();
  const inTurn = (work) => (turn = turn.then(safely(work, false)));

  // --- the page comes and goes ---
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") flush(); });
  addEventListener("pagehide", () => { flush(); });
  addEventListener("storage", (event) => { // said in another tab
    if (event.key !== NAME && event.key !== null) return;
    const {said: theirs = {}, id, gpc: passed} = stored();
    Object.assign(kept, {said: theirs, id, gpc: passed});
    if (!(theirs.analytics || {granted: person || false}).granted) {
      kept.queue = [];
      if (held) held.analytics = {granted: false, answered: true};
    }
  });
  if (kept.queue.length) later(SOON);

  window.tact = {
    version: VERSION,
    track: safely(track, false),
    page: safely(page, false),
    identify: (given) => (ready = ready.then(safely(() => become(given), false))),
    recommendations: safely(recommendations, {personalized: false, items: []}),
    offers: safely(offers, {offers: [], fallback: true}),
    why: safely(why, null),
    get: safely((path, asked = {}) => call("GET", path + query(asked)), null),
    flush: safely(async () => { await ready; await flush(); }),
    consent: {
      state: safely(state, null),
      ask: safely(notices, null),
      grant: (notice) => inTurn(() => grant(notice)),
      withdraw: safely((what) => {
        const no = said(what.purpose ? what : {purpose: what}, false), {id} = kept;
        refuse(no.purpose, no);
        return inTurn(() => withdraw(no, id));
      }, false),
    },
  };
})();
