"use strict";
// Sorting, filtering, the picker and live figures. Without it everything is there, unsorted.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const root = document.documentElement;
  const said = one("said");
  const picks = { task: one("task"), metric: one("metric") };
  const find = one("find");
  const search = one("search-task");
  const options = picks.task ? [...picks.task.options] : [];

  // ---- theme: the system's, with a switch that is remembered for the visit
  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = one("theme");
  const nameTheme = () => { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { sessionStorage.setItem("harness-theme", root.dataset.theme); } catch { /* denied */ }
    nameTheme();
  });
  nameTheme();

  // ---- the picker: its state is in the address, so a link shows what was seen
  const shownTask = () => document.querySelector(".task.chosen");
  const shownBoard = () => document.querySelector(".task.chosen .metric.chosen table.board");

  function show(task, metric) {
    const article = all(".task").find((each) => each.dataset.task === task) || shownTask();
    if (!article) return;
    all(".task").forEach((each) => each.classList.toggle("chosen", each === article));
    const boards = all(".metric", article);
    const board = boards.find((each) => each.dataset.metric === metric) || boards[0];
    boards.forEach((each) => each.classList.toggle("chosen", each === board));
    const has = new Set(boards.map((each) => each.dataset.metric));
    [...picks.metric.options].forEach((each) => { each.hidden = !has.has(each.value); });
    restore(article.dataset.task);
    picks.task.value = article.dataset.task;
    if (board) {
      picks.metric.value = board.dataset.metric;
      const figures = all("figure", article);
      const own = figures.some((each) => each.dataset.metric === board.dataset.metric);
      figures.forEach((each) => {
        each.classList.toggle("other", own && each.dataset.metric !== board.dataset.metric);
      });
    }
    filter();
  }

  function address() {
    const state = new URLSearchParams({ task: picks.task.value, metric: picks.metric.value });
    if (find.value) state.set("find", find.value);
    history.replaceState(null, "", "#" + state);
  }

  function fromAddress() {
    const hash = location.hash.slice(1);
    if (hash.includes("task=")) {
      const state = new URLSearchParams(hash);
      find.value = state.get("find") || "";
      show(state.get("task"), state.get("metric"));
      one("leaderboards").scrollIntoView();
    } else if (hash.startsWith("cell=")) {
      whenWhole(() => openCell(hash.slice("cell=".length)));
    } else if (hash) {
      open(one(hash));
    }
  }

  function open(target) {
    if (!target) return;
    const article = target.closest(".task");
    if (article && article !== shownTask()) show(article.dataset.task, picks.metric.value);
    for (let each = target; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
    }
    target.scrollIntoView({ block: "start" });
  }

  // ---- the task list, narrowed by a search
  function restore(chosen) {
    if (!options.find((each) => each.value === chosen).isConnected) {
      search.value = "";
      narrow();
    }
  }

  function narrow() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = options.filter((each) =>
      words.every((word) => each.value.toLowerCase().includes(word)));
    const before = picks.task.value;
    picks.task.replaceChildren(...(kept.length ? kept : options));
    said.textContent = words.length ? `${kept.length} of ${options.length} tasks` : "";
    const value = kept.some((each) => each.value === before) ? before : (kept[0] || {}).value;
    if (value && value !== before) {
      picks.task.value = value;
      show(value, picks.metric.value);
      address();
    } else {
      picks.task.value = before;
    }
  }

  // ---- filter and sort
  function filter() {
    const board = shownBoard();
    if (!board) return;
    const word = find.value.trim().toLowerCase();
    const rows = all("tbody tr", board);
    let kept = 0;
    rows.forEach((row) => {
      const fits = row.dataset.label.toLowerCase().includes(word);
      row.classList.toggle("out", !fits);
      kept += fits;
    });
    if (word) board.classList.add("whole");
    if (word || said.textContent.includes("methods")) {
      said.textContent = word ? `${kept} of ${rows.length} methods` : "";
    }
  }

  function sort(button) {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const column = Number(button.dataset.column);
    const descending = head.getAttribute("aria-sort") === "ascending";
    all("th", head.parentElement).forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const value = (row) => row.cells[column].dataset.v;
    const isNumber = head.classList.contains("num") || head.classList.contains("r");
    const compare = (left, right) => isNumber ? left - right : left.localeCompare(right);
    const rows = [...body.rows];
    // What has no value stays last whichever way: it is no extreme.
    const [known, unknown] = [true, false].map((is) =>
      rows.filter((row) => (value(row) !== undefined) === is));
    known.sort((a, b) => (descending ? -1 : 1) * compare(value(a), value(b)));
    body.append(...known, ...unknown);
    [...body.rows].forEach((row, place) => row.classList.toggle("more", place >= 20));
  }

  // ---- figures: pre-rendered; the library starts when one is touched
  let started = null;
  const data = (id) => JSON.parse(one(id).textContent);

  function library() {
    started ??= new Promise((resolve, reject) => {
      // A module, since the library's top-level names would clash with others.
      const script = document.createElement("script");
      script.type = "module";
      const after = "\nwindow.dispatchEvent(new Event('harness-plots'));";
      window.addEventListener("harness-plots", resolve, { once: true });
      script.onerror = reject;
      script.textContent = one("library").textContent + after;
      document.body.append(script);
    }).then(() => ({ specs: data("specs"), shared: data("vega-shared") }));
    return started;
  }

  function unpacked(fields, row) {
    const kept = fields.map((field, place) => [field, row[place]]);
    return Object.fromEntries(kept.filter(([, value]) => value !== null));
  }

  async function enliven(figure) {
    const canvas = figure.querySelector(".canvas");
    if (!one("library") || canvas.classList.contains("live")) return;
    canvas.classList.add("live");
    canvas.setAttribute("aria-busy", "true");
    const { specs, shared } = await library();
    const { wide, narrow, datasets } = specs[figure.id.slice("figure-".length)];
    const form = narrow && matchMedia("(max-width: 700px)").matches ? narrow : wide;
    const holder = document.createElement("div");
    const data = Object.fromEntries(Object.entries(datasets).map(([name, { fields, rows }]) =>
      [name, rows.map((row) => unpacked(fields, row))]));
    const spec = { ...shared, ...form, datasets: data };
    await window.vegaEmbed(holder, spec, { renderer: "svg", actions: false, defaultStyle: false });
    canvas.replaceChildren(holder);
    canvas.removeAttribute("aria-busy");
  }

  all("figure").forEach((figure) => {
    const canvas = figure.querySelector(".canvas");
    canvas.addEventListener("pointerdown", () => enliven(figure));
    canvas.addEventListener("focus", () => enliven(figure));
  });

  // ---- cells: packed in the page, a label's are unpacked when it is opened
  const PAGE = 25;
  const packs = new Map();
  const element = (name, text, set = {}) => Object.assign(document.createElement(name), { textContent: text ?? "" }, set);

  function pack(id) {
    if (!packs.has(id)) packs.set(id, JSON.parse(one(id).textContent));
    return packs.get(id);
  }

  function cellAt(group, place) {
    const text = (name) => {
      const column = group.texts[name];
      return column === undefined || typeof column === "string" ? column || "" : column[0][column[1][place]];
    };
    return {
      id: group.ids.slice(12 * place, 12 * place + 12),
      seed: Array.isArray(group.seeds) ? group.seeds[place] : group.seeds + place,
      values: Object.fromEntries(
        Object.entries(group.values).map(([name, values]) => [name, values[place]])),
      text,
    };
  }

  function shortly(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    const text = size && (size < 1e-4 || size >= 1e15)
      ? value.toExponential(3).replace(/\.?0+e/, "e")
      : value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
    return text.replace("-", "−").replace("+", "");
  }

  function cellRow(cell, isOpen) {
    const row = document.createElement("tr");
    const button = element("button", "", { type: "button", className: "cell" });
    button.append(element("code", cell.id));
    button.setAttribute("aria-expanded", String(isOpen));
    button.dataset.cell = cell.id;
    const status = element("td", cell.text("status"));
    if (cell.text("origin")) {
      status.append(element("span", ` from ${cell.text("origin")}`, { className: "mem" }));
    }
    row.append(document.createElement("td"));
    row.lastChild.append(button);
    row.append(element("td", cell.seed, { className: "num" }));
    row.append(status);
    Object.values(cell.values).forEach((value, place) => row.append(
      element("td", shortly(value), { className: place ? "num mem" : "num", title: value ?? "" })));
    row.append(element("td", cell.text("time"), { className: "num" }));
    row.append(element("td", cell.text("memory"), { className: "num mem" }));
    return row;
  }

  function cellFacts(cell, packed, columns) {
    const row = element("tr", "", { className: "facts" });
    const place = element("td", "", { colSpan: columns });
    const list = document.createElement("dl");
    const facts = { ...cell.values, Seed: cell.seed, "Reused from": cell.text("origin"),
      Time: cell.text("time"), Memory: cell.text("memory"), Machine: cell.text("machine"),
      Device: cell.text("device"), Error: cell.text("error"), Log: cell.text("log") || "nothing was printed" };
    for (const [name, value] of Object.entries(facts)) {
      if (value === "" || value === null) continue;
      list.append(element("dt", name.replaceAll("_", " ")), element("dd", value));
    }
    const command = packed.command.replace("CELL", cell.id);
    place.append(list, element("p", "This cell again:", { className: "note" }),
      element("pre", [...packed.setup, command].join("\n")));
    row.append(place);
    return row;
  }

  function cellsOf(details) {
    const id = details.closest(".cells").dataset.cells;
    const packed = pack(id);
    return { packed, group: packed.groups[Number(details.id.split("-m")[1])] };
  }

  function cellsPage(details, first, opened) {
    const { packed, group } = cellsOf(details);
    const count = group.ids.length / 12;
    const start = Math.max(0, Math.min(first, count - 1 - (count - 1) % PAGE));
    const body = details.querySelector("tbody");
    const columns = details.querySelectorAll("thead th").length;
    body.replaceChildren();
    for (let place = start; place < Math.min(start + PAGE, count); place += 1) {
      const cell = cellAt(group, place);
      const isOpen = cell.id === opened;
      body.append(cellRow(cell, isOpen));
      if (isOpen) body.append(cellFacts(cell, packed, columns));
    }
    details.dataset.first = start;
    turn(details, start, count);
  }

  function turn(details, start, count) {
    let pager = details.querySelector(".pager");
    if (!pager) {
      pager = element("div", "", { className: "pager" });
      const part = (className, text) => pager.append(element("button", text, { type: "button", className }));
      part("first", "First");
      part("earlier", "Earlier");
      pager.append(element("span", "", { className: "quiet", role: "status" }));
      part("later", "Later");
      part("last", "Last");
      const label = element("label", "Seed ");
      label.append(element("input", "", { type: "search", inputMode: "numeric", className: "seed" }));
      pager.append(label);
      details.querySelector(".scroll").after(pager);
      details.querySelector(".rest")?.remove();
    }
    pager.hidden = count <= PAGE;
    pager.querySelector("span").textContent =
      `${start + 1}–${Math.min(start + PAGE, count)} of ${count.toLocaleString("en-US")}`;
    const is = { first: start > 0, earlier: start > 0, later: start + PAGE < count, last: start + PAGE < count };
    for (const [name, can] of Object.entries(is)) pager.querySelector("." + name).disabled = !can;
  }

  function turned(button) {
    const details = button.closest("details");
    const { group } = cellsOf(details);
    const first = Number(details.dataset.first);
    const to = { first: 0, earlier: first - PAGE, later: first + PAGE, last: group.ids.length };
    cellsPage(details, to[button.className], null);
    if (button.disabled) details.querySelector(".pager button:enabled").focus();
  }

  function toSeed(input) {
    const details = input.closest("details");
    const { group } = cellsOf(details);
    const count = group.ids.length / 12;
    const seed = Number(input.value);
    if (!input.value.trim() || !Number.isInteger(seed)) return;
    const place = Array.isArray(group.seeds) ? group.seeds.indexOf(seed) : seed - group.seeds;
    if (place < 0 || place >= count) return;
    cellsPage(details, place - place % PAGE, cellAt(group, place).id);
  }

  function unfold(button) {
    const details = button.closest("details");
    const isOpen = button.getAttribute("aria-expanded") === "true";
    const opened = isOpen ? null : button.dataset.cell;
    cellsPage(details, Number(details.dataset.first), opened);
    details.querySelector(`[data-cell="${button.dataset.cell}"]`).focus();
    history.replaceState(null, "", opened ? "#cell=" + opened : "#" + details.id);
  }

  function openCell(id) {
    for (const list of all(".cells")) {
      const groups = pack(list.dataset.cells).groups;
      for (const [number, group] of groups.entries()) {
        for (let at = group.ids.indexOf(id); at >= 0; at = group.ids.indexOf(id, at + 1)) {
          if (at % 12) continue;
          const details = list.querySelectorAll("details")[number];
          const place = at / 12;
          open(details);
          cellsPage(details, place - place % PAGE, id);
          details.querySelector(`[data-cell="${id}"]`).scrollIntoView({ block: "center" });
          return;
        }
      }
    }
  }

  // Cells stand at the page's end, after all that is to be seen first.
  function whenWhole(act) {
    if (document.readyState !== "loading") act();
    else document.addEventListener("DOMContentLoaded", act, { once: true });
  }

  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (!details.open || !details.matches(".cells > details") || details.dataset.first) return;
    whenWhole(() => { if (!details.dataset.first) cellsPage(details, 0, null); });
  }, true);

  // ---- what is listened to
  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (button) sort(button);
    const more = event.target.closest("button.all");
    if (more) {
      more.parentElement.querySelector("table").classList.add("whole");
      more.remove();
    }
    const pager = event.target.closest(".pager button");
    if (pager) turned(pager);
    const cell = event.target.closest("button.cell");
    if (cell) unfold(cell);
    const link = event.target.closest('a[href^="#"]');
    if (link) open(one(decodeURIComponent(link.hash.slice(1))));
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches(".pager .seed")) toSeed(event.target);
  });
  if (!picks.task) return;
  picks.task.addEventListener("change", () => { show(picks.task.value, picks.metric.value); address(); });
  picks.metric.addEventListener("change", () => { show(picks.task.value, picks.metric.value); address(); });
  find.addEventListener("input", () => { filter(); address(); });
  if (search) search.addEventListener("input", narrow);
  window.addEventListener("hashchange", fromAddress);
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, select, textarea");
    if (event.key === "/" && !field && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      find.focus();
    } else if (event.key === "Escape" && (find.value || (search && search.value))) {
      find.value = "";
      if (search) { search.value = ""; narrow(); }
      filter();
      address();
    }
  });
  show(picks.task.value, picks.metric.value);
  fromAddress();
})();
