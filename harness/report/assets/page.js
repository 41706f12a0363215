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

  // ---- what is listened to
  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (button) sort(button);
    const more = event.target.closest("button.all");
    if (more) {
      more.parentElement.querySelector("table").classList.add("whole");
      more.remove();
    }
    const link = event.target.closest('a[href^="#"]');
    if (link) open(one(decodeURIComponent(link.hash.slice(1))));
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
