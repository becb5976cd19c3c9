"use strict";
(function () {
  // Everything that a model wrote reaches the page as text nodes only; nothing here parses markup.
  const $ = (id) => document.getElementById(id);
  const el = (name, attrs, ...kids) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attrs || {})) {
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    for (const kid of kids) if (kid !== null && kid !== undefined) node.append(kid);
    return node;
  };
  const svg = (name, attrs, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attrs)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  // Characters that hide or reorder text are shown as escapes, as on a terminal.
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200c\u200e\u200f\u061c\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]|\udb40[\udc00-\udc7f]/g;
  const plain = (text) => String(text).replace(HIDDEN, (c) => "\\u{" + c.codePointAt(0).toString(16) + "}");
  const digits = (v, places) => v.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }).replace(/,/g, "\u202f");
  const ms = (v) => v === null || v === undefined ? "" : v >= 10000 ? digits(v / 1000, 1) + " s" : digits(v, v !== 0 && v < 10 ? 1 : 0) + " ms";
  const usd = (v) => v === null || v === undefined ? "" : v === 0 ? "0" : v.toPrecision(3).replace(/e.*/, "") && (v < 1e-4 ? v.toFixed(7) : v.toFixed(6)).replace(/0+$/, "");

  document.documentElement.classList.add("js");

  // Sorting of any table marked sortable. Cells carry their raw value in data-v.
  const raw = (row, index) => {
    const cell = row.cells[index];
    const value = cell.dataset.v;
    if (value === undefined) return cell.textContent.trim();
    return value === "" ? null : Number(value);
  };
  const order = (a, b) => {
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const mark = (heads, active, direction) => heads.forEach((h) => {
    if (h === active) h.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    else h.removeAttribute("aria-sort");
  });
  const sortable = (table) => {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    heads.forEach((head, index) => {
      const button = el("button", { class: "sort", type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        mark(heads, head, direction);
        const rows = [...table.tBodies[0].rows].map((row, n) => [raw(row, index), n, row]);
        rows.sort((a, b) => a[0] === null || b[0] === null ? order(a[0], b[0]) : direction * order(a[0], b[0]) || a[1] - b[1]);
        table.tBodies[0].append(...rows.map((r) => r[2]));
      });
    });
  };
  document.querySelectorAll("table[data-sortable]").forEach(sortable);

  // Filters over rows that carry data-target, data-mode, data-prompt and data-load.
  const KEYS = ["target", "mode", "prompt", "load"];
  const pick = (label, values, change) => {
    const select = el("select", {}, el("option", { value: "" }, "all"));
    values.forEach((v) => select.append(el("option", { value: v }, plain(v))));
    select.addEventListener("change", change);
    return [select, el("label", {}, label, select)];
  };
  const filterable = (box) => {
    const table = $(box.dataset.filters);
    const rows = [...table.tBodies[0].rows];
    const count = el("span", { class: "count", role: "status" });
    const selects = {};
    const apply = () => {
      let shown = 0;
      rows.forEach((row) => {
        row.hidden = Object.entries(selects).some(([key, s]) => s.value !== "" && row.dataset[key] !== s.value);
        if (!row.hidden) shown += 1;
      });
      count.textContent = shown === rows.length ? rows.length + " cells" : shown + " of " + rows.length + " cells";
    };
    KEYS.forEach((key) => {
      const values = [...new Set(rows.map((row) => row.dataset[key]))];
      if (values.length < 2) return;
      const [select, label] = pick(key, values, apply);
      selects[key] = select;
      box.append(label);
    });
    box.append(count);
    apply();
  };
  document.querySelectorAll("[data-filters]").forEach(filterable);

  const source = $("data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const cellName = (c) => {
    const cell = data.cells[c];
    return [cell.target, cell.mode, data.prompts > 1 ? cell.prompt : null, data.loads > 1 ? cell.load : null].filter((x) => x !== null).join(" · ");
  };
  const caseName = (t) => data.cases[t.k] === undefined ? "" : data.cases[t.k];
  const verdict = (t) => t.p === true ? "pass" : t.p === false ? "fail" : "undecided";
  data.trials.forEach((t) => { t.hay = (caseName(t) + "\n" + t.a + "\n" + t.m + "\n" + t.o).toLowerCase(); });

  // The list of trials: filters, search, sorting and pages.
  const PAGE = 50;
  const COLUMNS = [
    ["case", (t) => caseName(t)], ["target", (t) => data.cells[t.c].target], ["mode", (t) => data.cells[t.c].mode],
    ["prompt", (t) => data.cells[t.c].prompt], ["load", (t) => data.cells[t.c].load], ["result", (t) => t.o + " " + verdict(t)],
    ["TTFT", (t) => t.ttft, "n"], ["e2e", (t) => t.e2e, "n"], ["output tokens", (t) => t.ot, "n"], ["cost, USD", (t) => t.usd, "n"], ["answer", (t) => t.a],
  ].filter(([name]) => (name !== "prompt" || data.prompts > 1) && (name !== "load" || data.loads > 1));
  const table = $("trials"), state = { key: null, direction: 1, page: 0, open: null, other: null };
  const selects = {};
  const search = el("input", { type: "search", id: "search", placeholder: "case, answer or error", autocomplete: "off" });
  const count = el("span", { class: "count", role: "status", id: "shown" });
  const matches = (t) => {
    const words = search.value.toLowerCase().split(/\s+/).filter((w) => w !== "");
    return words.every((w) => t.hay.includes(w))
      && KEYS.every((key) => !selects[key] || selects[key].value === "" || data.cells[t.c][key] === selects[key].value)
      && (selects.result.value === "" || verdict(t) === selects.result.value || t.o === selects.result.value);
  };
  const shown = () => {
    const list = data.trials.filter(matches);
    if (state.key === null) return list;
    const value = COLUMNS[state.key][1];
    const keyed = list.map((t, n) => [value(t) === undefined ? null : value(t), n, t]);
    keyed.sort((a, b) => a[0] === null || b[0] === null ? order(a[0], b[0]) : state.direction * order(a[0], b[0]) || a[1] - b[1]);
    return keyed.map((k) => k[2]);
  };
  const badge = (t) => {
    const kind = t.p === true ? "good" : t.p === false ? "bad" : t.o === "ok" || t.o === "tool_calls" ? "" : "warn";
    const text = t.o === "ok" ? (t.p === null ? "ok" : verdict(t)) : t.p === null ? t.o : t.o + " · " + verdict(t);
    return el("span", { class: "tag " + kind }, text);
  };
  const line = (t) => plain((t.a || t.m || "").slice(0, 300)).replace(/\s+/g, " ");
  const rowOf = (t) => {
    const row = el("tr", { tabindex: "0", "aria-selected": state.open === t ? "true" : "false" });
    COLUMNS.forEach(([name, value, kind]) => {
      const v = value(t);
      let content;
      if (name === "result") content = badge(t);
      else if (name === "target") content = el("span", {}, el("span", { class: "dot t" + (data.cells[t.c].color % 8) }), plain(v));
      else if (name === "answer") content = el("span", {}, line(t));
      else if (name === "TTFT" || name === "e2e") content = ms(v);
      else if (name === "cost, USD") content = usd(v);
      else content = v === null || v === undefined ? "" : plain(v);
      row.append(el("td", { class: kind === "n" ? "n" : name === "answer" ? "answer" : null }, content));
    });
    row.addEventListener("click", () => open(t));
    row.addEventListener("keydown", (e) => {
      if (e.key === "Enter" || e.key === " ") { e.preventDefault(); open(t); }
      const near = e.key === "ArrowDown" ? row.nextElementSibling : e.key === "ArrowUp" ? row.previousElementSibling : null;
      if (near) { e.preventDefault(); near.focus(); }
    });
    return row;
  };
  const previous = el("button", { class: "act", type: "button", onclick: () => { state.page -= 1; list(); } }, "Previous");
  const next = el("button", { class: "act", type: "button", onclick: () => { state.page += 1; list(); } }, "Next");
  const where = el("span", {});
  const list = () => {
    const all = shown();
    const pages = Math.max(1, Math.ceil(all.length / PAGE));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    table.tBodies[0].replaceChildren(...all.slice(state.page * PAGE, (state.page + 1) * PAGE).map(rowOf));
    count.textContent = all.length === data.trials.length ? all.length + " attempts" : all.length + " of " + data.trials.length + " attempts";
    where.textContent = "page " + (state.page + 1) + " of " + pages;
    previous.disabled = state.page === 0;
    next.disabled = state.page >= pages - 1;
  };
  const restart = () => { state.page = 0; list(); };

  // Word diff: longest common subsequence over words and spaces; very long texts compare their ends only.
  const words = (text) => plain(text).match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
  const diff = (a, b) => {
    let head = 0, tail = 0;
    while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
    while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
    const x = a.slice(head, a.length - tail), y = b.slice(head, b.length - tail);
    const out = a.slice(0, head).map((w) => [0, w]);
    if (x.length * y.length > 4e6) {
      x.forEach((w) => out.push([-1, w]));
      y.forEach((w) => out.push([1, w]));
    } else {
      const width = y.length + 1, grid = new Uint16Array((x.length + 1) * width);
      for (let i = x.length - 1; i >= 0; i -= 1) for (let j = y.length - 1; j >= 0; j -= 1) {
        grid[i * width + j] = x[i] === y[j] ? grid[(i + 1) * width + j + 1] + 1 : Math.max(grid[(i + 1) * width + j], grid[i * width + j + 1]);
      }
      let i = 0, j = 0;
      while (i < x.length || j < y.length) {
        if (i < x.length && j < y.length && x[i] === y[j]) { out.push([0, x[i]]); i += 1; j += 1; }
        else if (j >= y.length || (i < x.length && grid[(i + 1) * width + j] >= grid[i * width + j + 1])) { out.push([-1, x[i]]); i += 1; }
        else { out.push([1, y[j]]); j += 1; }
      }
    }
    a.slice(a.length - tail).forEach((w) => out.push([0, w]));
    return out;
  };
  const side = (parts, keep, tag) => {
    const box = el("pre", { tabindex: "0" });
    let run = "", kind = 0;
    const flush = () => { if (run !== "") box.append(kind === 0 ? document.createTextNode(run) : el(tag, {}, run)); run = ""; };
    parts.filter(([k]) => k === 0 || k === keep).forEach(([k, w]) => { if (k !== kind) { flush(); kind = k; } run += w; });
    flush();
    return box;
  };

  // The waterfall of one attempt: waiting, then one tick per event.
  const LANES = { r: ["reasoning", "reasoning"], t: ["text", "answer"], c: ["tool", "tool call"], f: ["refusal", "refusal"], o: ["other", "other events"] };
  const waterfall = (t) => {
    if (!t.ev || t.ev.length === 0) return el("p", { class: "lead" }, "No events are stored in this page for this attempt.");
    const times = [];
    let at = 0;
    t.ev.forEach(([lane, gaps]) => gaps.forEach((gap) => { at += gap; times.push([at, lane]); }));
    const end = Math.max(t.e2e || 0, at, 1e-3), lanes = Object.keys(LANES).filter((lane) => times.some((e) => e[1] === lane)), W = 900, left = 110, H = 26 + lanes.length * 24 + 26;
    const x = (v) => left + v / end * (W - left - 16);
    const box = svg("svg", { class: "fall", viewBox: "0 0 " + W + " " + H, role: "img" });
    box.append(svg("title", {}, "Time line of this attempt: " + times.length + " events in " + ms(end)));
    const step = (() => { const r = end / 6, p = Math.pow(10, Math.floor(Math.log10(r))); return [1, 2, 5, 10].map((k) => k * p).find((s) => s >= r); })();
    for (let v = 0; v <= end; v += step) {
      box.append(svg("line", { class: "axis", x1: x(v), x2: x(v), y1: 8, y2: H - 24 }), svg("text", { x: x(v), y: H - 8, "text-anchor": "middle" }, ms(v)));
    }
    lanes.forEach((lane, n) => {
      const y = 14 + n * 24;
      const mine = times.filter((e) => e[1] === lane);
      box.append(svg("text", { x: left - 10, y: y + 12, "text-anchor": "end" }, LANES[lane][1]));
      if (n === 0) box.append(svg("rect", { class: "wait", x: x(0), y: y + 6, width: Math.max(0, x(times[0][0]) - x(0)), height: 4 }));
      mine.forEach(([v]) => {
        const tick = svg("rect", { class: LANES[lane][0], x: x(v) - 1, y, width: 2, height: 16 });
        tick.append(svg("title", {}, ms(v)));
        box.append(tick);
      });
    });
    return box;
  };

  const panel = $("trial");
  const verdictTable = (t) => {
    if (!t.v || t.v.length === 0) return null;
    const rows = t.v.map(([grader, result, why]) => el("tr", {}, el("td", {}, plain(grader)),
      el("td", {}, el("span", { class: "tag " + (result === "pass" ? "good" : result === "fail" ? "bad" : "") }, plain(result))), el("td", {}, plain(why))));
    return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...["grader", "verdict", "why"].map((h) => el("th", { scope: "col" }, h)))), el("tbody", {}, ...rows)));
  };
  const facts = (t) => [
    t.o, ms(t.ttft) && "TTFT " + ms(t.ttft), ms(t.ttfa) && "TTFA " + ms(t.ttfa), ms(t.e2e) && "e2e " + ms(t.e2e),
    t.ot !== null && t.ot !== undefined && t.ot + " output tokens" + (t.rt ? " (" + t.rt + " reasoning)" : ""), usd(t.usd) && usd(t.usd) + " USD",
    t.w && t.w.length ? "flags: " + t.w.map(plain).join(", ") : "",
  ].filter((x) => x).join(" · ");
  const pair = (t) => {
    const others = data.trials.filter((u) => u.k === t.k && u !== t);
    if (others.length === 0) return null;
    if (!others.includes(state.other)) {
      state.other = others.find((u) => u.r === t.r && data.cells[u.c].load === data.cells[t.c].load) || others[0];
    }
    const select = el("select", { id: "against" });
    others.forEach((u, n) => select.append(el("option", { value: String(n), selected: u === state.other }, plain(cellName(u.c)) + (data.repeats > 1 ? ", repeat " + (u.r + 1) : "") + " · " + verdict(u))));
    const box = el("div", { class: "pair", id: "diff" });
    const show = () => {
      const u = state.other, parts = diff(words(t.a), words(u.a));
      box.replaceChildren(el("div", {}, el("h4", {}, plain(cellName(t.c)) + " · " + verdict(t)), side(parts, -1, "del")),
        el("div", {}, el("h4", {}, plain(cellName(u.c)) + " · " + verdict(u)), side(parts, 1, "ins")));
    };
    select.addEventListener("change", () => { state.other = others[Number(select.value)]; show(); });
    show();
    return el("div", {}, el("h4", {}, "Against another arm, word by word"), el("p", {}, el("label", {}, "Compare with ", select)), box);
  };
  const open = (t) => {
    state.open = t;
    const close = el("button", { class: "act", type: "button", onclick: () => shut() }, "Close");
    const heading = el("h3", { tabindex: "-1" }, plain(caseName(t)) + " · " + plain(cellName(t.c)));
    panel.replaceChildren(heading, el("p", { class: "lead" }, "Trial " + t.t + ", attempt " + t.n + " · " + facts(t)));
    if (t.m) panel.append(el("h4", {}, "What the provider said"), el("pre", {}, plain(t.m)));
    panel.append(el("h4", {}, "Answer"), el("pre", { id: "answer", tabindex: "0" }, plain(t.a) || "(empty)"));
    if (t.z) panel.append(el("details", {}, el("summary", {}, "Reasoning"), el("pre", { tabindex: "0" }, plain(t.z))));
    if (t.x !== undefined && t.x !== null) panel.append(el("h4", {}, "Expected"), el("pre", {}, plain(t.x)));
    const table = verdictTable(t);
    if (table) panel.append(el("h4", {}, "Verdicts"), table);
    panel.append(el("h4", {}, "Time line, from the moment the request was due"), el("div", { class: "scroll" }, waterfall(t)));
    const against = pair(t);
    if (against) panel.append(against);
    panel.append(el("p", {}, close));
    panel.hidden = false;
    list();
    heading.focus();
    panel.scrollIntoView({ block: "start" });
  };
  const shut = () => {
    panel.hidden = true;
    state.open = null;
    list();
    const first = table.tBodies[0].rows[0];
    if (first) first.focus();
  };
  document.addEventListener("keydown", (e) => { if (e.key === "Escape" && !panel.hidden) shut(); });

  const box = $("trial-controls");
  box.append(el("label", {}, "search", search));
  KEYS.forEach((key) => {
    const values = [...new Set(data.cells.map((c) => c[key]))];
    if (values.length < 2) return;
    const [select, label] = pick(key, values, restart);
    select.id = "pick-" + key;
    selects[key] = select;
    box.append(label);
  });
  const results = ["pass", "fail", "undecided", ...new Set(data.trials.map((t) => t.o))].filter((v) => data.trials.some((t) => verdict(t) === v || t.o === v));
  const [result, label] = pick("result", results, restart);
  result.id = "pick-result";
  selects.result = result;
  box.append(label, count);
  let wait = 0;
  search.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(restart, 120); });
  const head = el("tr", {});
  COLUMNS.forEach(([name, , kind], index) => {
    const th = el("th", { scope: "col", class: kind || null });
    th.append(el("button", { class: "sort", type: "button", onclick: () => {
      state.direction = th.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      state.key = index;
      mark([...head.cells], th, state.direction);
      restart();
    } }, name));
    head.append(th);
  });
  table.tHead.replaceChildren(head);
  $("pager").append(previous, where, next);
  list();
})();
