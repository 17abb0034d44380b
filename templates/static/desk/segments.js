// The builder of rules: sentences over the same JSON that stands in the form's own field, which stays what is saved.
"use strict";
(() => {
  const told = (id) => JSON.parse(document.getElementById(id).textContent);
  const COMPARISONS = ["gt", "gte", "lt", "lte", "eq"];
  let spec, live, words, area, slug, host, root, last = 0, removed = null, waiting = 0, asking = null;

  // --- small tools ---------------------------------------------------------------------------------------------------

  const make = (tag, given = {}, ...inside) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(given)) {
      if (name === "on") for (const [event, does] of Object.entries(value)) element.addEventListener(event, does);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...inside.filter((one) => one !== null));
    return element;
  };
  const clone = (value) => JSON.parse(JSON.stringify(value));
  const kindOf = (name) => spec.kinds.find((kind) => kind.name === name);
  const parts = (at) => (at ? at.split(".") : []);
  const look = (rule, at) => parts(at).reduce((inner, key) => (inner === undefined || inner === null ? undefined : inner[key]), rule);
  const put = (rule, at, value) => {
    const keys = parts(at), end = keys.pop();
    const place = keys.reduce((inner, key) => (inner[key] ??= {}), rule);
    if (value === undefined) delete place[end]; else place[end] = value;
  };
  const asNumber = (text, scale = 1) => {
    if (text.trim() === "") return "";
    const number = Number(text);
    return Number.isFinite(number) ? Math.round(number / scale * 1e9) / 1e9 : text;
  };

  // --- from a rule to the tree, and back -----------------------------------------------------------------------------

  const fresh = (node) => ({ id: ++last, not: false, ...node });
  const only = (object, names) => Object.keys(object).every((key) => names.includes(key));
  const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const isNumber = (value) => typeof value === "number" || (typeof value === "string" && (value === "" || Number.isFinite(Number(value))));
  const isBounds = (value) => isPlain(value) && Object.values(value).every(isNumber) && spec.bounds.some(([names]) => names.length === Object.keys(value).length && names.every((name) => name in value));
  const comparisons = (rule) => Object.fromEntries(Object.entries(rule).filter(([key]) => COMPARISONS.includes(key)));

  // Whether the fields of its kind can show every part of the condition; else it stands there as text.
  const isShown = (rule, kind) => {
    const known = new Set();
    for (const field of kind.fields) {
      const value = look(rule, field.at);
      if (field.sort === "bounds") {
        const bounds = field.at ? value : comparisons(rule);
        if (!(field.optional && value === undefined) && !isBounds(bounds)) return false;
        if (field.at) known.add(field.at); else Object.keys(bounds).forEach((key) => known.add(key));
      } else if (field.sort === "thing") {
        const place = field.at ? value : rule, names = field.options.map(([name]) => name).filter(Boolean);
        if (!isPlain(place)) return false;
        const there = names.filter((name) => name in place);
        if (there.length > 1 || (field.at && (there.length !== 1 || !only(place, names)))) return false;
        if (there.some((name) => typeof place[name] !== "string")) return false;
        if (field.at) known.add(field.at); else there.forEach((name) => known.add(name));
      } else if (field.sort === "test") {
        const operators = Object.keys(rule).filter((key) => key !== "attribute");
        if (operators.length !== 1) return false;
        const [operator] = operators, given = rule[operator];
        if (operator === "in" ? !Array.isArray(given) || given.some((one) => typeof one !== "string" || one.includes(",")) : isPlain(given) || Array.isArray(given)) return false;
        if (!["is", "in", "contains", "gt", "gte", "lt", "lte", "exists"].includes(operator)) return false;
        if (["gt", "gte", "lt", "lte"].includes(operator) && !isNumber(given)) return false;
        known.add(operator);
      } else {
        if (value === undefined && !field.optional && field.at !== "top" && field.at !== "gte") return false;
        if (value !== undefined && typeof value === "object") return false;
        if (field.sort === "number" && value !== undefined && !isNumber(value)) return false;
        if (field.sort === "choice" && value !== undefined && !field.options.some(([name]) => name === value)) return false;
        known.add(parts(field.at)[0]);
      }
    }
    if (rule.random && !only(rule.random, ["salt", "percent"])) return false;
    return only(rule, [...known]);
  };

  const parse = (rule) => {
    for (const group of ["all", "any"]) {
      if (isPlain(rule) && Array.isArray(rule[group]) && only(rule, [group])) return fresh({ group, items: rule[group].map(parse) });
    }
    if (isPlain(rule) && isPlain(rule.not) && only(rule, ["not"])) {
      const inner = parse(rule.not);
      if (!inner.not) return { ...inner, not: true };
    }
    const kind = isPlain(rule) ? spec.kinds.find((one) => one.name in rule) : null;
    if (kind && isShown(rule, kind)) return fresh({ kind: kind.name, rule: clone(rule) });
    return fresh({ kind: "raw", text: JSON.stringify(rule) });
  };

  const write = (node) => {
    const inner = node.group ? { [node.group]: node.items.map(write) } : node.kind === "raw" ? rawOf(node) : clone(node.rule);
    return node.not ? { not: inner } : inner;
  };
  const rawOf = (node) => { try { return JSON.parse(node.text); } catch { return node.text; } };
  const isAlone = () => root.items.length === 1 && !root.not && !root.items[0].group;
  const whole = () => (root.items.length ? (isAlone() ? write(root.items[0]) : write(root)) : null);
  const read = (rule) => {
    const found = parse(rule);
    root = found.group ? found : fresh({ group: "all", items: [found] });
  };

  const place = (node, path) => {
    node.path = path;
    const inner = node.not ? `${path}.not` : path;
    if (node.group) node.items.forEach((one, at) => place(one, `${inner}.${node.group}[${at}]`));
  };
  const every = (node) => [node, ...(node.items || []).flatMap(every)];
  const parentOf = (node, within = root) => every(within).find((one) => one.items && one.items.includes(node));

  // --- the fields of a condition -------------------------------------------------------------------------------------

  const option = (value, label, chosen) => make("option", { value, selected: value === chosen }, label);

  const suggesting = (input, of, attribute) => {
    const list = make("datalist", { id: `seg-list-${++last}` });
    let due = 0, newest = 0;
    input.setAttribute("list", list.id);
    input.setAttribute("autocomplete", "off");
    const ask = async () => {
      const mine = ++newest, query = new URLSearchParams({ of: of(), q: input.value, attribute: attribute ? attribute() : "" });
      try {
        const answer = await fetch(`${live.suggest}?${query}`, { headers: { Accept: "application/json" } });
        const { found } = answer.ok ? await answer.json() : { found: [] };
        if (mine === newest) list.replaceChildren(...found.map(([value, label]) => make("option", { value, label: label === value ? null : label })));
      } catch { /* what is not suggested can be typed */ }
    };
    input.addEventListener("focus", ask);
    input.addEventListener("input", () => { clearTimeout(due); due = setTimeout(ask, 200); });
    return list;
  };

  const textInput = (label, value, does, more = {}) => make("input", {
    type: "text", class: "seg-input is-text", "aria-label": label, value: value ?? "", maxlength: 300,
    "data-needed": true, on: { input: ({ target }) => { does(target.value); changed(); } }, ...more,
  });
  const numberInput = (label, value, does, { least, most, scale = 1, isNeeded = true, empty = "" } = {}) => make("input", {
    type: "number", step: "any", min: least, max: most, class: "seg-input is-number", "aria-label": label, placeholder: empty,
    value: typeof value === "number" ? Math.round(value * scale * 1e6) / 1e6 : value ?? "", "data-needed": isNeeded,
    on: { input: ({ target }) => { does(asNumber(target.value, scale)); changed(); } },
  });
  const select = (label, options, chosen, does) => make("select", { class: "seg-input", "aria-label": label, on: { change: ({ target }) => does(target.value) } }, ...options.map(([value, text]) => option(value, text, chosen)));

  const SORTS = {
    text: (node, field) => {
      const input = textInput(field.label, look(node.rule, field.at), (value) => put(node.rule, field.at, value));
      return field.suggest ? [input, suggesting(input, () => field.suggest)] : [input];
    },
    number: (node, field) => {
      const set = (value) => put(node.rule, field.at, value === "" && field.optional ? undefined : value);
      const input = numberInput(field.label, look(node.rule, field.at), set, { ...field, isNeeded: !field.optional });
      return field.suggest ? [input, suggesting(input, () => field.suggest)] : [input];
    },
    choice: (node, field) => [select(field.label, field.options, look(node.rule, field.at) ?? "", (value) => {
      put(node.rule, field.at, value === "" && field.optional ? undefined : value);
      changed();
    })],
    bounds: (node, field) => {
      const now = () => (field.at ? look(node.rule, field.at) : comparisons(node.rule));
      const set = (bounds) => {
        if (field.at) put(node.rule, field.at, bounds);
        else { COMPARISONS.forEach((key) => delete node.rule[key]); Object.assign(node.rule, bounds || {}); }
      };
      const bounds = now() || {}, names = Object.keys(bounds);
      const chosen = spec.bounds.find(([keys]) => keys.length === names.length && keys.every((key) => names.includes(key)));
      const options = [...(field.optional ? [["", words.any_value]] : []), ...spec.bounds.map(([keys, label]) => [keys.join(), label])];
      const choice = select(field.label, options, chosen ? chosen[0].join() : "", (value) => {
        const kept = Object.values(now() || {})[0] ?? "";
        if (!value && node.open) delete node.open[field.at];
        set(value ? Object.fromEntries(value.split(",").map((key, at) => [key, at ? "" : kept])) : undefined);
        render({ node, key: value ? field.at || "bounds" : `more-${field.at}` });
        changed();
      });
      choice.dataset.key = field.at || "bounds";
      const numbers = (chosen ? chosen[0] : []).flatMap((key, at) => [
        at ? make("span", {}, words.to) : null,
        numberInput(`${field.label} ${chosen[1]} ${at + 1}`, bounds[key], (value) => set({ ...now(), [key]: value }), field),
      ]);
      return [choice, ...numbers];
    },
    thing: (node, field) => {
      const where = () => (field.at ? node.rule[field.at] : node.rule);
      const names = field.options.map(([name]) => name).filter(Boolean), chosen = names.find((name) => name in where()) || "";
      const choice = select(field.label, field.options, chosen, (value) => {
        names.forEach((name) => delete where()[name]);
        if (value) where()[value] = "";
        render({ node, key: "thing" });
        changed();
      });
      choice.dataset.key = "thing";
      if (!chosen) return [choice];
      const label = field.options.find(([name]) => name === chosen)[1];
      const input = textInput(label, where()[chosen], (value) => { where()[chosen] = value; });
      return [choice, input, suggesting(input, () => field.suggests[chosen])];
    },
    test: (node, field) => {
      const operator = Object.keys(node.rule).find((key) => key !== "attribute"), value = node.rule[operator];
      const chosen = operator === "exists" ? (value ? "known" : "unknown") : operator;
      const choice = select(field.label, spec.tests, chosen, (name) => {
        const kept = Array.isArray(value) ? value.join(", ") : operator === "exists" ? "" : node.rule[operator];
        delete node.rule[operator];
        if (name === "known" || name === "unknown") node.rule.exists = name === "known";
        else node.rule[name] = name === "in" ? listed(String(kept)) : kept;
        render({ node, key: "test" });
        changed();
      });
      choice.dataset.key = "test";
      if (operator === "exists") return [choice];
      if (["gt", "gte", "lt", "lte"].includes(operator)) return [choice, numberInput(field.label, value, (number) => { node.rule[operator] = number; })];
      const shown = Array.isArray(value) ? value.join(", ") : String(value);
      const input = textInput(field.label, shown, (text) => { node.rule[operator] = operator === "in" ? listed(text) : text; });
      return operator === "is" ? [choice, input, suggesting(input, () => "value", () => node.rule.attribute)] : [choice, input];
    },
  };
  const listed = (text) => text.split(/[,，]/).map((one) => one.trim()).filter(Boolean);

  const fieldOf = (node, field) => make("div", { class: "seg-field", role: "group", "data-field": field.at, "aria-label": field.label }, make("span", { "aria-hidden": "true" }, field.label), make("span", {}, ...SORTS[field.sort](node, field)));

  // --- drawing -------------------------------------------------------------------------------------------------------

  const tool = (node, name, sign, does, isOff) => make("button", {
    type: "button", class: "seg-tool", "data-key": name, title: words[name], "aria-label": words[name], disabled: isOff, on: { click: does },
  }, make("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, sign));
  const tools = (node) => {
    const parent = parentOf(node), at = parent.items.indexOf(node);
    return make("span", { class: "seg-tools" },
      tool(node, "up", "arrow_upward", () => move(node, -1), at === 0),
      tool(node, "down", "arrow_downward", () => move(node, 1), at === parent.items.length - 1),
      tool(node, "out", "format_indent_decrease", () => out(node), parent === root),
      tool(node, "into", "format_indent_increase", () => into(node), false),
      tool(node, "duplicate", "content_copy", () => duplicate(node), false),
      tool(node, "remove", "close", () => remove(node), false));
  };

  const kindChoice = (node) => {
    const groups = [...new Set(spec.kinds.map((kind) => kind.group))];
    const options = groups.map((group) => make("optgroup", { label: group }, ...spec.kinds.filter((kind) => kind.group === group).map((kind) => option(kind.name, kind.label, node.kind))));
    if (node.kind === "raw") options.unshift(option("raw", words.raw, "raw"));
    return make("select", {
      class: "seg-input", "aria-label": words.kind, "data-key": "kind", on: {
        change: ({ target }) => {
          node.kind = target.value;
          node.rule = clone(kindOf(node.kind).fresh);
          render({ node, key: "kind" });
          changed();
        },
      },
    }, ...options);
  };

  const leaf = (node) => {
    const holds = select(words.whether, [["", words.holds], ["not", words.not]], node.not ? "not" : "", (value) => { node.not = value === "not"; changed(); });
    const row = make("div", { class: "seg-row" }, holds, kindChoice(node));
    if (node.kind === "raw") {
      row.append(tools(node));
      const text = make("textarea", { class: "seg-input desk-code", rows: 2, "aria-label": words.raw, on: { input: ({ target }) => { node.text = target.value; changed(); } } });
      text.value = node.text;
      return make("div", { class: "seg-leaf" }, row, make("p", { class: "desk-quiet" }, words.raw_about), text, wrong());
    }
    const isLeftOut = (field) => field.optional && field.sort !== "thing" && look(node.rule, field.at) === undefined && !node.open?.[field.at];
    const { fields } = kindOf(node.kind);
    row.append(...fields.filter((field) => !isLeftOut(field)).map((field) => fieldOf(node, field)), ...fields.filter(isLeftOut).map((field) => more(node, field)), tools(node));
    return make("div", { class: "seg-leaf" }, row, wrong());
  };
  // What a condition may say besides: a word to press, so that what it does say reads as a sentence.
  const more = (node, field) => make("button", {
    type: "button", class: "desk-button seg-more", "data-key": `more-${field.at}`, on: {
      click: () => {
        node.open = { ...node.open, [field.at]: true };
        put(node.rule, field.at, clone(field.start));
        render();
        boxOf(node).querySelector(`[data-field="${field.at}"] select, [data-field="${field.at}"] input`).focus();
        changed();
      },
    },
  }, `+ ${field.label}`);
  const wrong = () => make("p", { class: "seg-wrong", role: "alert" });

  const group = (node) => {
    const chosen = `${node.group},${node.not}`;
    const how = select(words.how, spec.groups.map(([name, isNot, label]) => [`${name},${isNot}`, label]), chosen, (value) => {
      const [name, isNot] = value.split(",");
      Object.assign(node, { group: name, not: isNot === "true" });
      render({ node, key: "how" });
      changed();
    });
    how.dataset.key = "how";
    const head = make("div", { class: "seg-head" }, node === root ? make("span", {}, words.people) : null, how, node === root ? null : tools(node));
    const joint = node.group === "all" ? words.and : words.or;
    const items = node.items.map((one, at) => make("li", { class: "seg-item", "data-node": one.id },
      at ? make("p", { class: "seg-joint", "aria-hidden": "true" }, joint) : null, one.group ? group(one) : leaf(one)));
    return make("div", { class: "seg-box" }, head, wrong(),
      node.items.length ? make("ul", { class: "seg-items" }, ...items) : make("p", { class: "desk-quiet seg-note" }, words.begin),
      make("div", { class: "seg-adds" },
        make("button", { type: "button", class: "desk-button", "data-key": "add", on: { click: () => add(node, fresh({ kind: "did", rule: clone(kindOf("did").fresh) })) } }, `+ ${words.add}`),
        make("button", { type: "button", class: "desk-button", "data-key": "add_group", on: { click: () => add(node, fresh({ group: node.group === "all" ? "any" : "all", items: [fresh({ kind: "did", rule: clone(kindOf("did").fresh) })] })) } }, `+ ${words.add_group}`)));
  };

  const boxOf = (node) => (node === root ? host : host.querySelector(`[data-node="${node.id}"]`));
  const render = (focus = null) => {
    const note = removed ? make("p", { class: "seg-note", role: "status" }, `${words.removed} `,
      make("button", { type: "button", class: "desk-button", "data-key": "undo", on: { click: () => { root = removed; removed = null; render(); changed(); } } }, words.undo)) : "";
    host.replaceChildren(group(root), note);
    place(root, "$");
    if (isAlone()) root.items[0].path = "$";
    if (focus) (boxOf(focus.node)?.querySelector(`[data-key="${focus.key}"]:not(:disabled)`) || boxOf(focus.node)?.querySelector("select, button"))?.focus();
  };

  // --- what the buttons do -------------------------------------------------------------------------------------------

  const did = (node, key) => { removed = null; render({ node, key }); changed(); };
  const add = (node, one) => { node.items.push(one); did(one, one.group ? "how" : "kind"); };
  const move = (node, by) => {
    const { items } = parentOf(node), at = items.indexOf(node), to = at + by;
    if (to < 0 || to >= items.length) return;
    items.splice(at, 1);
    items.splice(to, 0, node);
    did(node, by < 0 ? "up" : "down");
  };
  const out = (node) => {
    const parent = parentOf(node);
    if (parent === root) return;
    const above = parentOf(parent);
    parent.items.splice(parent.items.indexOf(node), 1);
    above.items.splice(above.items.indexOf(parent) + 1, 0, node);
    if (!parent.items.length) above.items.splice(above.items.indexOf(parent), 1);
    did(node, "out");
  };
  const into = (node) => {
    const parent = parentOf(node), at = parent.items.indexOf(node), before = parent.items[at - 1];
    if (before?.group) { parent.items.splice(at, 1); before.items.push(node); }
    else parent.items.splice(at, 1, fresh({ group: parent.group === "all" ? "any" : "all", items: [node] }));
    did(node, "into");
  };
  const copied = (node) => fresh({ ...clone({ ...node, items: undefined }), id: ++last, ...(node.items ? { items: node.items.map(copied) } : {}) });
  const duplicate = (node) => {
    const { items } = parentOf(node), copy = copied(node);
    items.splice(items.indexOf(node) + 1, 0, copy);
    did(copy, "duplicate");
  };
  const remove = (node) => {
    const before = copied(root), parent = parentOf(node);
    parent.items.splice(parent.items.indexOf(node), 1);
    removed = before;
    render();
    changed();
    host.querySelector('[data-key="undo"]').focus();
  };

  // --- in step with the text, and counted ----------------------------------------------------------------------------

  const changed = () => {
    place(root, "$");
    if (isAlone()) root.items[0].path = "$";
    const rule = whole();
    area.value = rule === null ? "" : JSON.stringify(rule, null, 2);
    count();
  };

  const show = (html) => { document.getElementById("segment-counts").innerHTML = html; };
  const inWords = (html) => { document.getElementById("segment-words").innerHTML = html; };
  const say = (text) => document.getElementById("segment-counts").replaceChildren(make("p", { class: "desk-quiet" }, text));

  const unfinished = () => {
    let first = null;
    for (const input of host.querySelectorAll("[data-needed]")) {
      const isEmpty = input.value.trim() === "";
      if (isEmpty) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
      if (isEmpty) first ??= input;
    }
    return first !== null;
  };

  const mark = (path, message) => {
    host.querySelectorAll(".seg-wrong").forEach((one) => { one.textContent = ""; });
    if (!path) return;
    const near = every(root).filter((node) => node.path && path.startsWith(node.path)).sort((a, b) => b.path.length - a.path.length)[0] || root;
    boxOf(near).querySelector(".seg-wrong").textContent = message;
  };

  const count = (delay = 350) => {
    clearTimeout(waiting);
    asking?.abort();
    mark(null);
    const lacks = !area.value.trim() ? words.begin : unfinished() ? words.unfinished : "";
    if (lacks) {
      inWords("");
      return say(lacks);
    }
    say(words.counting);
    waiting = setTimeout(ask, delay);
  };

  const post = async (url, signal) => {
    const body = new FormData();
    body.set("rule", area.value);
    body.set("slug", slug?.value ?? "");
    body.set("csrfmiddlewaretoken", area.form.querySelector("[name=csrfmiddlewaretoken]").value);
    const answer = await fetch(url, { method: "POST", body, signal });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer;
  };
  const pause = (ms, signal) => new Promise((go, stop) => { setTimeout(go, ms); signal.addEventListener("abort", stop); });

  const ask = async () => {
    asking = new AbortController();
    const { signal } = asking, examples = document.getElementById("segment-examples");
    try {
      const about = await (await post(live.estimate, signal)).json();
      show(about.html);
      mark(about.path, about.message);
      if (examples) examples.replaceChildren();
      inWords(about.words);
      if (about.path) return;
      // In a large shop the exact figure takes seconds: the estimate stands until then, and who goes on writing is not counted.
      const exactly = document.getElementById("segment-exactly");
      await pause(exactly ? 1500 : 600, signal);
      if (examples) examples.innerHTML = await (await post(live.examples, signal)).text();
      const html = await (await post(live.count, signal)).text(), told = make("div");
      told.innerHTML = html;
      const trouble = told.querySelector(".desk-note");
      if (exactly && trouble) exactly.replaceChildren(trouble); else show(html);
    } catch (problem) {
      const exactly = document.getElementById("segment-exactly");
      if (!signal.aborted) exactly ? exactly.replaceChildren(make("p", { class: "desk-quiet" }, words.failed)) : say(words.failed);
    }
  };

  const typed = () => {
    if (!area.value.trim()) root = fresh({ group: "all", items: [] });
    else try { read(JSON.parse(area.value)); } catch { return say(words.not_json); }
    removed = null;
    render();
    count(700);
  };

  const keys = (event) => {
    if (event.key === "Enter" && event.target.tagName === "INPUT") return event.preventDefault();
    const does = { ArrowUp: (node) => move(node, -1), ArrowDown: (node) => move(node, 1), ArrowLeft: out, ArrowRight: into }[event.key];
    const item = event.target.closest("[data-node]");
    if (!does || !item || !event.altKey || !event.shiftKey) return;
    event.preventDefault();
    does(every(root).find((node) => node.id === Number(item.dataset.node)));
  };

  document.addEventListener("DOMContentLoaded", () => {
    host = document.getElementById("segment-builder");
    area = document.getElementById("id_rule");
    if (!host || !area) return;
    [spec, live, slug] = [told("segment-spec"), told("segment-live"), document.getElementById("id_slug")];
    words = spec.words;
    const fieldset = area.closest("fieldset"), text = document.getElementById("segment-text");
    text.append(fieldset);
    let rule = null;
    try { rule = area.value.trim() ? JSON.parse(area.value) : null; } catch { text.open = true; }
    if (rule === null) root = fresh({ group: "all", items: [] }); else read(rule);
    [host, text, document.getElementById("segment-keys")].forEach((one) => { one.hidden = false; });
    host.addEventListener("keydown", keys);
    area.addEventListener("input", typed);
    render();
    if (rule !== null) count(0);
  });
})();
