/* The demo's shop, as any shop's own script: everything it shows it asks of the public API by tact.js (docs/browser.md). */
(() => {
  "use strict";
  const words = JSON.parse(document.getElementById("words").textContent);
  const {customer} = document.body.dataset, language = document.documentElement.lang;
  const one = (selector, inside = document) => inside.querySelector(selector);
  const make = (tag, text, attributes, ...children) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const name in attributes) made.setAttribute(name, attributes[name]);
    made.append(...children);
    return made;
  };
  const pressed = (text, act, attributes) => {
    const button = make("button", text, {type: "button", ...attributes});
    button.addEventListener("click", act);
    return button;
  };
  const address = (sku) => `/shop/${encodeURIComponent(sku)}?language=${language}`;
  const money = (value, currency) => value == null ? "" : new Intl.NumberFormat(language, {style: "currency", currency: currency || "EUR"}).format(value);

  // --- the shop's own server ---
  const server = async (deed, body = {}) => {
    const answer = await fetch(`/shop/do/${deed}?language=${language}`, {
      method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
    });
    return {ok: answer.ok, ...(await answer.json())};
  };
  const freshToken = async () => (await server("token")).token;

  // --- the basket: what was put into it, and nothing else ---
  const basket = () => { try { return JSON.parse(localStorage.getItem("basket")) || {}; } catch { return {}; } };
  const keep = (lines) => {
    try { localStorage.setItem("basket", JSON.stringify(lines)); } catch { /* this page only */ }
    count();
  };
  const count = () => { one("[data-count]").textContent = Object.values(basket()).reduce((sum, n) => sum + n, 0); };
  const put = (sku, more) => {
    const lines = basket();
    lines[sku] = Math.min((lines[sku] || 0) + more, 99);
    if (lines[sku] < 1) delete lines[sku];
    keep(lines);
    return tact.track(more > 0 ? "added" : "removed", {sku, quantity: Math.abs(more)});
  };

  // --- products ---
  const described = async (skus) => {
    if (!skus.length) return {};
    const found = await tact.get("/products", {skus: skus.join(","), limit: 100});
    return Object.fromEntries((found ? found.results : []).map((product) => [product.sku, product]));
  };
  const card = (product, item) => {
    const picture = make("div", [...product.title][0], {class: "picture", "aria-hidden": "true"});
    const link = make("a", product.title, {href: address(product.sku)});
    const made = make("li", "", {}, picture, make("h3", "", {}, link), make("p", money(product.price, product.currency), {class: "price"}));
    if (!product.in_stock) made.append(make("p", words.sold_out));
    if (item) {
      const reason = make("p", "", {role: "status"});
      const why = make("details", "", {}, make("summary", words.why, {"aria-label": `${words.why} ${product.title}`}), reason);
      why.addEventListener("toggle", async () => {
        if (why.open) reason.textContent = ((await tact.why(item)) || {}).text || words.popular;
      });
      made.append(why);
    }
    return made;
  };
  const fill = async (section, found) => {
    const products = await described(found.items.map((item) => item.sku));
    const cards = found.items.filter((item) => products[item.sku]).map((item) => card(products[item.sku], item));
    one(".cards", section).replaceChildren(...cards);
    section.hidden = !cards.length;
  };
  const recommend = async () => {
    const section = one("#recommended");
    const found = await tact.recommendations({...section.dataset, limit: 8});
    await fill(section, found);
    one("h2", section).textContent = found.personalized ? words.for_you : words.popular;
  };
  const list = async (section, from) => {
    const next = one("[data-next]", section), {category, search} = section.dataset;
    const found = from || await tact.get("/products", {category: category || null, search: search || null, limit: 24});
    const cards = ((found && found.results) || []).map((product) => card(product));
    one(".cards", section).append(...cards);
    if (!one(".cards li", section)) one(".cards", section).after(make("p", words.nothing));
    next.hidden = !(found && found.next);
    next.onclick = async () => {
      const more = Object.fromEntries(new URL(found.next).searchParams);
      await list(section, await tact.get("/products", more));
      if (cards.length) one("a", cards[cards.length - 1].nextElementSibling || section).focus();
    };
  };

  // --- offers ---
  const offers = async () => {
    const section = one("#offers");
    if (!section) return;
    const found = await tact.offers({placement: "home"});
    const cards = found.offers.map((offer) => {
      const made = make("li", "", {}, make("h2", offer.title), make("p", offer.reason, {class: "why"}));
      if (offer.valid_until) made.append(make("p", words.until.replace("%s", new Date(offer.valid_until).toLocaleDateString(language)), {class: "when"}));
      if (offer.code) {
        made.append(make("p", `${words.code} `, {}, make("code", offer.code, {class: "offer-code"})));
        made.append(pressed(words.use_code, () => {
          const field = one("#checkout [name=code]");
          if (field) { field.value = offer.code; bill(); } else location.href = `/shop/basket/?language=${language}&code=${encodeURIComponent(offer.code)}`;
        }, {class: "small"}));
      }
      return made;
    });
    section.replaceChildren(make("ul", "", {class: "cards"}, ...cards));
    section.hidden = !cards.length;
  };

  // --- the basket's page ---
  const number = () => Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const orderId = number();
  const bill = async () => {
    const form = one("#checkout"), status = one("#code-status"), code = form.elements.code.value;
    if (!code) { status.textContent = ""; return; }
    const told = await server("check", {lines: basket(), code, order_id: orderId});
    status.textContent = told.ok
      ? `${words.discount} ${money(told.discount, told.currency)} · ${words.total} ${money(told.total, told.currency)}` : told.message || words.failed;
  };
  const showBasket = async () => {
    const section = one("#basket"), form = one("#checkout"), products = await described(Object.keys(basket()));
    const lines = Object.entries(basket()).filter(([sku]) => products[sku]);
    form.hidden = !lines.length;
    if (!lines.length) return section.replaceChildren(make("p", words.empty));
    const again = (sku, more) => async () => {
      const name = more > 0 ? words.more : words.fewer;
      await put(sku, more);
      await showBasket();
      const button = one(`[aria-label="${CSS.escape(name.replace("%s", products[sku].title))}"]`);
      if (button) button.focus();
      bill();
    };
    const rows = lines.map(([sku, n]) => {
      const {title, price, currency} = products[sku];
      const less = pressed("−", again(sku, -1), {class: "plain small", "aria-label": words.fewer.replace("%s", title)});
      const more = pressed("+", again(sku, 1), {class: "plain small", "aria-label": words.more.replace("%s", title)});
      return make("li", "", {}, make("a", title, {href: address(sku)}), make("span", money(price * n, currency), {class: "price"}),
        make("div", "", {class: "buttons"}, less, make("span", String(n)), more));
    });
    const sum = lines.reduce((total, [sku, n]) => total + products[sku].price * n, 0);
    const {currency} = products[lines[0][0]];
    section.replaceChildren(make("ul", "", {class: "lines"}, ...rows),
      make("dl", "", {class: "bill"}, make("div", "", {}, make("dt", words.sum), make("dd", money(sum, currency)))));
  };
  const checkout = () => {
    const form = one("#checkout"), status = one("#code-status");
    form.elements.code.value = new URLSearchParams(location.search).get("code") || "";
    one("[data-check]").addEventListener("click", bill);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const told = await server("order", {lines: basket(), code: form.elements.code.value, order_id: orderId});
      if (!told.ok) { status.textContent = told.message || words.failed; return; }
      keep({});
      const done = make("p", words.ordered.replace("%s", told.order_id), {class: "notice", role: "status", tabindex: "-1"});
      const rows = [["sum", told.sum], ["discount", told.discount], ["total", told.total]].map(([name, value]) =>
        make("div", "", {}, make("dt", words[name]), make("dd", money(value, told.currency))));
      form.hidden = true;
      one("#basket").replaceChildren(done, make("dl", "", {class: "bill"}, ...rows));
      done.focus();
      recommend();
    });
    return showBasket().then(bill);
  };

  // --- what a visitor allows ---
  const PURPOSES = ["analytics", "personalization"];
  const become = async () => { // whoever says yes is a customer from now on, if one without a name
    if ((await tact.consent.state()).customer) return;
    await server("guest");
    await tact.identify(freshToken);
  };
  const choose = async (notice, granted) => {
    if (granted) await become();
    const saved = granted ? await tact.consent.grant(notice) : await tact.consent.withdraw(notice);
    const {customer: who, answers} = await tact.consent.state();
    if (!granted && (who || "").startsWith("guest-") && !PURPOSES.some((purpose) => answers[purpose].granted)) {
      await server("enter"); // a guest who allows nothing is a visitor again
      await tact.identify(null);
    }
    return saved;
  };
  const choices = async () => {
    const place = one("#choices"), asked = await tact.consent.ask(language), state = await tact.consent.state();
    if (!asked || !state) return;
    const status = make("p", "", {role: "status"}), parts = [make("p", place.dataset.pageWorks)];
    const shown = asked.notices.filter((notice) => PURPOSES.includes(notice.purpose));
    const refused = asked.notices.filter((notice) => asked.refused.includes(notice.purpose));
    if (refused.length) {
      parts.push(make("p", place.dataset.gpc, {class: "notice gpc"}));
      parts.push(make("ul", "", {class: "stays"}, ...refused.map((notice) => make("li", notice.text))));
    }
    for (const notice of shown.filter((each) => !asked.refused.includes(each.purpose))) {
      const buttons = [];
      const show = ({answers}) => buttons.forEach(([button, granted]) => {
        const {answered, granted: now} = answers[notice.purpose];
        button.setAttribute("aria-pressed", String(answered && now === granted));
      });
      for (const granted of [true, false]) {
        buttons.push([pressed(granted ? words.yes : words.no, async () => {
          status.textContent = "";
          const saved = await choose(notice, granted);
          show(await tact.consent.state());
          await Promise.all([recommend(), offers()]);
          status.textContent = saved ? words.saved : words.failed;
        }, {class: "plain"}), granted]);
      }
      parts.push(make("fieldset", "", {"data-purpose": notice.purpose}, make("legend", notice.text), ...buttons.map(([button]) => button)));
      show(state);
    }
    place.replaceChildren(...parts, status);
    const unanswered = shown.some(({purpose}) => !asked.refused.includes(purpose) && !state.answers[purpose].answered);
    if (unanswered) { // asked where it is seen, in nobody's way; answered, it is found below
      one("#asking").append(place);
      one("#asking").hidden = false;
    }
  };

  // --- the page ---
  count();
  if (customer) tact.identify(freshToken);
  for (const button of document.querySelectorAll("[data-enter]")) {
    button.addEventListener("click", async () => {
      await tact.identify(null);
      await server("enter", {customer: button.dataset.enter});
      location.reload();
    });
  }
  const add = one("[data-add]");
  if (add) {
    add.addEventListener("click", async () => {
      put(add.dataset.add, 1);
      one("[data-status]").textContent = words.added;
      await recommend();
    });
  }
  const price = one("[data-price]");
  if (price) price.textContent = money(price.dataset.price, price.dataset.currency);
  const picture = one("article .picture");
  if (picture) picture.textContent = [...one("h1").textContent][0];
  const {search} = (one("#products") || {dataset: {}}).dataset;
  if (one("[data-tact-sku]")) tact.page();
  else if (search) tact.track("searched", {context: {query: search}});
  const similar = one("#similar");
  if (similar) tact.recommendations({item: similar.dataset.item, limit: 4}).then((found) => fill(similar, found));
  if (one("#products")) list(one("#products"));
  if (one("#checkout")) checkout();
  offers();
  recommend();
  choices();
  addEventListener("pageshow", (event) => { if (event.persisted) { count(); recommend(); } });
})();
