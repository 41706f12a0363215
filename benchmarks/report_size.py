"""What a report costs: time to build, weight, and time to the first table in a browser.

    python benchmarks/report_size.py [--tasks 20] [--methods 20] [--points 100] [--seeds 10]

Makes a run of synthetic tables through the store, builds its page, and opens it in headless
Chromium (left out, and said, where selenium or Chromium is not there). Wanted: built in under
10 s, under 8 MiB besides the plot library, first table visible in under 1 s.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from harness.api.parameters import canonical
from harness.store.ids import id_column
from harness.store.parquet import write_table
from harness.store.record import RunRecord, write_run_json
from harness.store.schemas import SCHEMAS

WANTED = {"built_s": 10.0, "besides_library_mib": 8.0, "first_table_s": 1.0}
START = datetime(2026, 11, 24, 20, 31, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A run to make: cost a cell, quality by round, theory 14√(nK), one horizon a task."""

    tasks: int = 20
    methods: int = 20
    points: int = 100
    seeds: int = 10
    labels: tuple[str, ...] = ()  # names of the first methods
    failing: int = 0  # cells of the last method that fail, on the first task
    published: bool = False
    shift: float = 0.0  # of the first method's regret: another commit
    suite: str = "synthetic"
    title: str = "synthetic/task"
    state: str = "finished"

    def label(self, method: int) -> str:
        return self.labels[method] if method < len(self.labels) else f"toy/method-{method}"

    def title_of(self, task: int) -> str:
        return f"{self.title} horizon={self.horizon(task)}"

    def horizon(self, task: int) -> int:
        return 1_000 * (task + 1)


def make_run(folder: Path, shape: Shape, *, day: int = 0, commit: str = "3f9c2e1") -> Path:
    """A run's folder below ``folder``, written through the store."""
    started = START + timedelta(days=day)
    path = folder / shape.suite / f"{started:%Y%m%d-%H%M}-{commit}"
    path.mkdir(parents=True)
    maker = _Maker(shape, path.name, commit)
    for name in ("cells", "measurements", "bounds", "leaderboard", "claims"):
        write_table(path / f"{name}.parquet", getattr(maker, name)())
    record = RunRecord(
        run_id=path.name,
        suite=shape.suite,
        suite_hash="0" * 64,
        state=shape.state,
        started=started,
        finished=started + timedelta(minutes=9, seconds=12),
        suite_text=f"suite: {shape.suite}\ndescription: Made for measuring {shape.suite}.\n",
        suite_path=f"suites/{shape.suite}.yaml",
        command=("harness", "run", f"suites/{shape.suite}.yaml"),
        cells=shape.tasks * shape.methods * shape.seeds,
        workers=2,
        classes=("laptop",),
        commit=commit.ljust(40, "0"),
        branch="main",
        versions={"harness": "0.1.0"},
        hardware={"cpus": 2, "memory_bytes": 2**32},
        machine="made-up",
    )
    write_run_json(path, record)
    return path


class _Maker:
    """The tables; values are a power law of the round with noise of a fixed seed."""

    def __init__(self, shape: Shape, run_id: str, commit: str) -> None:
        self._shape = shape
        self._run_id = run_id
        self._commit = commit
        self._groups = [(t, m) for t in range(shape.tasks) for m in range(shape.methods)]
        keys = [f"{t}/{m}/{s}" for t, m in self._groups for s in range(shape.seeds)]
        digests = b"".join(hashlib.blake2b(key.encode(), digest_size=16).digest() for key in keys)
        self._ids = np.frombuffer(digests, np.uint8).reshape(-1, 16)
        rng = np.random.default_rng(2013)
        # One noise a method: cells pair by seed across horizons, as real ones do.
        self._noise = rng.normal(0.0, 0.1, (shape.methods, shape.seeds))

    def _params(self, task: int) -> str:
        return canonical({"arms": 10, "horizon": self._shape.horizon(task)})

    def _is_failed(self) -> np.ndarray:
        failed = np.zeros((len(self._groups), self._shape.seeds), bool)
        failed[self._shape.methods - 1, : self._shape.failing] = True
        return failed

    def _at(self, task: int) -> np.ndarray:
        return np.unique(
            np.append(np.geomspace(10, 1_000, self._shape.points - 1), self._shape.horizon(task))
        )

    def _regret(self, group: int, at: np.ndarray) -> np.ndarray:
        """(seeds, points)."""
        _, method = self._groups[group]
        level = (method + 1) * np.exp(self._noise[method])
        if method == 0:  # not by one factor: seeds differ in how much they change
            level *= 1 + self._shape.shift * np.exp(self._noise[-1])
        return level[:, None] * at[None, :] ** 0.5

    def cells(self) -> pa.Table:
        shape, seeds = self._shape, self._shape.seeds
        failed = self._is_failed().ravel()
        many = [group for group in self._groups for _ in range(seeds)]
        size = len(many)
        wall = [1e-3 * (shape.methods - m) * (1 + 0.01 * (n % 7)) for n, (_, m) in enumerate(many)]
        columns = {
            "run_id": [self._run_id] * size,
            "cell_id": id_column(self._ids),
            "code_id": id_column(self._ids),
            "suite": [shape.suite] * size,
            "task": [shape.title] * size,
            "title": [shape.title_of(t) for t, _ in many],
            "task_params": [self._params(t) for t, _ in many],
            "method": [f"toy/method-{m}" for _, m in many],
            "method_params": [canonical({"c": float(m)}) for _, m in many],
            "label": [shape.label(m) for _, m in many],
            "seed": [n % seeds for n in range(size)],
            "hardware": ["laptop"] * size,
            "machine": ["made-up"] * size,
            "device": ["cpu"] * size,
            "status": ["crashed" if each else "ok" for each in failed],
            "attempts": [1] * size,
            "started": [START] * size,
            "wall_s": wall,
            "cpu_s": wall,
            "shared": [1] * size,
            "compile_s": [0.0] * size,
            "peak_memory": [10_000_000 * (1 + m) for _, m in many],
            "error_type": ["SegmentationFault" if each else None for each in failed],
            "error_message": ["worker ended by signal 11" if each else None for each in failed],
            "log": ["logs/worker-0.log" if each else None for each in failed],
        }
        return _table("cells", columns)

    def measurements(self) -> pa.Table:
        ids, ats, values = [], [], []
        failed = self._is_failed()
        cells = self._ids.reshape(len(self._groups), self._shape.seeds, 16)
        for group, (task, _) in enumerate(self._groups):
            at = self._at(task)
            regret = self._regret(group, at)[~failed[group]]
            kept = cells[group][~failed[group]]
            ids.append(np.repeat(kept, at.size + 1, axis=0))
            ats.append(np.tile(np.append(at, np.nan), len(kept)))
            values.append(np.concatenate([regret, regret[:, -1:]], axis=1).ravel())
        at_all = np.concatenate(ats)
        size = at_all.size
        columns = {
            "cell_id": id_column(np.concatenate(ids)),
            "metric": ["regret"] * size,
            "at": pa.array(at_all, mask=np.isnan(at_all)),
            "value": np.concatenate(values),
            "censored": np.zeros(size, bool),
        }
        return _table("measurements", columns)

    def bounds(self) -> pa.Table:
        rows = [
            {
                "cell_id": None,
                "task": self._shape.title,
                "task_params": self._params(task),
                "label": self._shape.label(method),
                "metric": "regret",
                "role": "guarantee",
                "name": "",
                "at": None,
                "value": self._guarantee(task),
                "holds": "in_expectation",
                "delta": None,
                "trivial": float(self._shape.horizon(task)),
                "vacuous": self._guarantee(task) >= self._shape.horizon(task),
                "source": "Theorem 1",
            }
            for task, method in self._groups
            if method == 0
        ]
        return _rows("bounds", rows)

    def _guarantee(self, task: int) -> float:
        return 14 * (10 * self._shape.horizon(task)) ** 0.5

    def leaderboard(self) -> pa.Table:
        rows = []
        for group, (task, method) in enumerate(self._groups):
            rows.append(self._board_row(group, task, method))
            if method == self._shape.methods - 1 and self._shape.published:
                rows.append(self._published(task))
        return _rows("leaderboard", rows)

    def _board_row(self, group: int, task: int, method: int) -> dict:
        shape, failed = self._shape, self._is_failed()[group]
        final = self._regret(group, np.array([float(shape.horizon(task))]))[~failed, 0]
        has_value = final.size > 0
        half = 2 * final.std() / max(final.size, 1) ** 0.5 if has_value else 0.0
        mean = float(final.mean()) if has_value else None
        is_first = method == 0
        return {
            **self._board_common(task, shape.label(method)),
            "method": f"toy/method-{method}",
            "method_params": canonical({"c": float(method)}),
            "origin": "measured",
            "rank_low": max(method, 1) if has_value else None,
            "rank_high": min(method + 2, shape.methods) if has_value else None,
            "mean": mean,
            "ci_low": mean - half if has_value else None,
            "ci_high": mean + half if has_value else None,
            "n": int(final.size),
            "failures": int(failed.sum()),
            "guarantee": self._guarantee(task) if is_first else None,
            "ratio_to_guarantee": mean / self._guarantee(task) if is_first and mean else None,
            "vacuous": self._guarantee(task) >= shape.horizon(task) if is_first else None,
            "wall_s": 1e-3 * (shape.methods - method),
            "peak_memory": 10_000_000 * (1 + method),
        }

    def _published(self, task: int) -> dict:
        said = {"origin": "published", "mean": 33.0, "n": 1, "failures": 0, "source": "table 2"}
        return {**self._board_common(task, "a paper"), **said}

    def _board_common(self, task: int, label: str) -> dict:
        return {
            "suite": self._shape.suite,
            "task": self._shape.title,
            "task_params": self._params(task),
            "title": self._shape.title_of(task),
            "metric": "regret",
            "unit": "reward",
            "direction": "lower",
            "label": label,
            "censored": 0,
            "machine": "made-up",
            "commit": self._commit,
        }

    def claims(self) -> pa.Table:
        first = self._shape.label(0)
        head = {"source": "Theorem 1", "metric": "regret", "groups": "1", "n": self._shape.seeds}
        rows = [
            _claim("the prior-free bound", "value", (0.03, 0.02, 0.04), 1.0, "held", "held")
            | {"statement": f"regret ÷ guarantee of {first} at most 1: 0.030, 0.020 … 0.040"},
            _claim("below its rival", "difference", (3.0, 1.0, 5.0), 0.0, "failed", "held")
            | {"statement": f"regret of {first} − other below 0: +3.0, +1.0 … +5.0"},
            _claim("the rate", "trend", (0.5, 0.4, 0.6), 0.45, "undecided", "held")
            | {
                "statement": "slope of log regret within 0.45 … 0.55: 0.50, 0.40 … 0.60",
                "seeds_to_decide": 2600,
            },
            _claim("a control", "value", (2.9, 2.8, 3.0), 1.0, "failed", "failed")
            | {"statement": "regret ÷ guarantee at most 1: 2.90, 2.80 … 3.00"},
        ]
        return _rows("claims", [{**head, **row} for row in rows])


def _claim(
    name: str, form: str, value: tuple[float, float, float], limit: float, verdict: str, expect: str
) -> dict:
    estimate, low, high = value
    return {
        "name": name,
        "form": form,
        "estimate": estimate,
        "ci_low": low,
        "ci_high": high,
        "threshold": limit,
        "verdict": verdict,
        "expect": expect,
        "note": "",
    }


def _rows(name: str, rows: list[dict]) -> pa.Table:
    columns = {field.name: [row.get(field.name) for row in rows] for field in SCHEMAS[name]}
    return _table(name, columns)


def _table(name: str, columns: dict) -> pa.Table:
    arrays = []
    for field in SCHEMAS[name]:
        size = len(next(iter(columns.values())))
        values = columns.get(field.name, [None] * size)
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(values if isinstance(values, pa.Array) else pa.array(values, field.type))
    return pa.table(dict(zip(SCHEMAS[name].names, arrays, strict=True)))


def first_table_s(page: Path) -> float | None:
    """When the first table was painted, by the page's own clock; ``None`` without a browser."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        return None
    if chromium is None or driver is None:
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
        browser.get(page.resolve().as_uri())
        return float(browser.execute_script("return window.firstTable")) / 1000
    finally:
        browser.quit()


_WATCH = """
const look = () => {
  const table = document.querySelector("table tbody tr");
  if (!table) return requestAnimationFrame(look);
  requestAnimationFrame(() => { window.firstTable ??= performance.now(); });
};
requestAnimationFrame(look);
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name, value in (("tasks", 20), ("methods", 20), ("points", 100), ("seeds", 10)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--keep", type=Path, help="Leave run and page in this folder.")
    given = parser.parse_args()
    shape = Shape(tasks=given.tasks, methods=given.methods, points=given.points, seeds=given.seeds)
    with tempfile.TemporaryDirectory() as made:
        folder = given.keep or Path(made)
        path = make_run(folder / "results", shape)
        _measure(path, folder / "report")


def _cpu_s() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(each) for each in whose]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _measure(run: Path, folder: Path) -> None:
    began, spent = time.perf_counter(), _cpu_s()
    from harness.report.build import build
    from harness.report.drawers import library
    from harness.report.render import can_render
    from harness.runner import load

    site = build([load(run)], folder)
    built = time.perf_counter() - began
    print(
        f"{'cpu_s':22} {_cpu_s() - spent:8.2f}  of all processes, the firm figure on a busy machine"
    )
    plots = len(library().encode()) if can_render() else 0
    weight = (site.index.stat().st_size - plots) / 2**20
    shown = [first_table_s(site.index) for _ in range(3)]
    seconds = [each for each in shown if each is not None]
    found = {"built_s": built, "besides_library_mib": weight}
    if seconds:
        found["first_table_s"] = sorted(seconds)[len(seconds) // 2]
    else:
        print("first table: not measured, selenium or Chromium is not there")
    for name, value in found.items():
        verdict = "ok" if value < WANTED[name] else "TOO MUCH"
        print(f"{name:22} {value:8.2f}  wanted below {WANTED[name]:g}: {verdict}")


if __name__ == "__main__":
    main()
