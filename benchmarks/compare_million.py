"""What ``harness leaderboard`` and ``harness compare`` cost over a million measurements.

    python benchmarks/compare_million.py [--shape finals|curves|items]

Two runs are written with the store's own writer, a million rows each (so ``compare`` reads two
million): ``finals`` is 1,000 groups × 1,000 seeds of one value, the most to compute;
``curves`` is 400 groups × 50 seeds × 50 points; ``items`` is 50 groups × 10 seeds × 2,000
item scores. Each command runs in a process of its own; wall time, CPU time and the largest
resident memory are the process's, start included. CPU time is held against the limit: the
commands are single-threaded, and on a shared machine wall time is an upper end. The
leaderboard is made anew from the measurements, as at the end of a run, and then printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from harness.analyse.leaderboard import leaderboard
from harness.analyse.results import Results
from harness.api.metric import Metric
from harness.store.ids import id_column
from harness.store.parquet import write_table
from harness.store.record import RunRecord, write_run_json
from harness.store.schemas import SCHEMAS

WANTED_S, WANTED_MIB = 3.0, 1024
SHAPES = {"finals": (1_000, 1_000, 1), "curves": (400, 50, 50), "items": (50, 10, 2_000)}
METHODS = 20
MADE = """
from pathlib import Path
import sys
from harness.analyse.leaderboard import leaderboard
from harness.runner.sides import load_side
from harness.store.parquet import write_table
folder = Path(sys.argv[1])
write_table(folder / "leaderboard.parquet", leaderboard(load_side(folder).results))
"""


def write_run(folder: Path, shape: str, shift: float) -> None:
    groups, seeds, points = SHAPES[shape]
    folder.mkdir(parents=True)
    metric = Metric(
        name="loss", axis="round" if shape == "curves" else None, has_items=shape == "items"
    )
    cells = groups * seeds
    group = np.repeat(np.arange(groups), seeds)
    ids = np.frombuffer(
        b"".join(blake2b(b"%d" % cell, digest_size=16).digest() for cell in range(cells)), np.uint8
    ).reshape(-1, 16)
    write_table(folder / "cells.parquet", _cells(ids, group, np.tile(np.arange(seeds), groups)))
    values = _values(shape, group, points, shift)
    _write_values(folder, shape, ids, points, values)
    tables = {name: _read(folder / f"{name}.parquet") for name in ("cells", "measurements")}
    items = _read(folder / "items.parquet") if shape == "items" else None
    results = Results.from_tables(**tables, items=items, metrics={"t": [metric]})
    write_table(folder / "leaderboard.parquet", leaderboard(results))
    record = RunRecord(
        run_id=folder.name,
        suite="million",
        suite_hash="",
        state="finished",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        metrics={"t": [asdict(metric)]},
        cells=cells,
    )
    write_run_json(folder, record)


def _values(shape: str, group: np.ndarray, points: int, shift: float) -> np.ndarray:
    generator = np.random.default_rng(1)  # the same instances in both runs, then their own noise
    common = generator.normal(size=group.size)
    noise = np.random.default_rng(int(1_000 * shift) + 2)
    if shape == "items":
        return (noise.random((group.size, points)) < 0.7 + 0.02 * shift).astype(float)
    level = 10 + group % METHODS * 0.05 + common
    own = 0.5 * noise.normal(size=(group.size, points))
    return (level + shift * (group % 7 == 0))[:, None] + own


def _cells(ids: np.ndarray, group: np.ndarray, seed: np.ndarray) -> pa.Table:
    rows = len(group)
    params = [f'{{"task":{task}}}' for task in range(group.max() // METHODS + 1)]
    labels = [f"method-{label}" for label in range(METHODS)]
    constants = {
        "run_id": "run", "suite": "million", "task": "t", "method": "m", "method_params": "{}",
        "hardware": "h", "machine": "m", "device": "cpu", "status": "ok",
    }  # fmt: skip
    columns = {name: _text(np.zeros(rows), [text]) for name, text in constants.items()}
    columns |= {
        "cell_id": id_column(ids),
        "code_id": id_column(np.zeros_like(ids)),
        "task_params": _text(group // METHODS, params),
        "title": _text(group // METHODS, [f"t {text}" for text in params]),
        "label": _text(group % METHODS, labels),
        "seed": pa.array(seed),
        "attempts": pa.array(np.ones(rows, np.int32)),
        "shared": pa.array(np.ones(rows, np.int32)),
        "started": pa.array(np.zeros(rows, np.int64)).cast(SCHEMAS["cells"].field("started").type),
        "wall_s": pa.array(np.full(rows, 0.1)),
    }
    for field in SCHEMAS["cells"]:
        columns.setdefault(field.name, pa.nulls(rows, field.type))
    return pa.table(columns).select(SCHEMAS["cells"].names)


def _text(codes: np.ndarray, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words))


def _write_values(
    folder: Path, shape: str, ids: np.ndarray, points: int, values: np.ndarray
) -> None:
    owner = id_column(np.repeat(ids, points, axis=0))
    metric = _text(np.zeros(values.size), ["loss"])
    flat = pa.array(values.ravel())
    at = np.tile(np.arange(1.0, points + 1), len(ids))
    measurements = {"cell_id": owner, "metric": metric, "at": pa.array(at), "value": flat}
    if shape == "finals":
        measurements["at"] = pa.nulls(values.size, pa.float64())
    measurements["censored"] = pa.array(np.zeros(values.size, np.bool_))
    table = pa.table(measurements)
    if shape == "items":
        item = _text(np.tile(np.arange(points), len(ids)), [f"item {n}" for n in range(points)])
        items = pa.table({"cell_id": owner, "metric": metric, "item": item, "value": flat})
        write_table(folder / "items.parquet", items)
        table = table.slice(0, 0)
    write_table(folder / "measurements.parquet", table)


def _read(path: Path) -> pa.Table:
    from harness.store.parquet import read_table

    return read_table(path)


def measure(name: str, command: list[str]) -> bool:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    # A helper process of its own, so that the largest memory is this command's alone.
    script = (
        "import resource, subprocess, sys;"
        "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak, code = (int(word) for word in done.stdout.split())
    met = cpu < WANTED_S and peak / 1024 < WANTED_MIB and code in (0, 1)
    print(
        f"{name:32} {wall:5.2f} s wall {cpu:5.2f} s CPU {peak / 1024:5.0f} MiB  exit {code}  "
        f"{'met' if met else f'NOT under {WANTED_S:.0f} s and {WANTED_MIB} MiB'}"
    )
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", choices=[*SHAPES, "all"], default="all")
    shapes = list(SHAPES) if (chosen := parser.parse_args().shape) == "all" else [chosen]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    all_met = True
    for shape in shapes:
        with tempfile.TemporaryDirectory() as folder:
            base, other = Path(folder) / "a", Path(folder) / "b"
            write_run(base, shape, 0.0)
            write_run(other, shape, 0.3)
            command = [sys.executable, "-c", "from harness.cli.main import main; main()"]
            all_met &= measure(
                f"{shape}: leaderboard made", [sys.executable, "-c", MADE, str(base)]
            )
            all_met &= measure(
                f"{shape}: leaderboard printed", [*command, "leaderboard", str(base)]
            )
            all_met &= measure(f"{shape}: compare", [*command, "compare", str(base), str(other)])
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
