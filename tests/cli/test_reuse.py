"""What a second command computes again: the five cases of identity, and cells that failed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from commands import HEAD, Folder, settled

PACKAGE = {
    "__init__.py": """
from harness import hookimpl


@hookimpl
def harness_methods():
    return {
        "pack/one": "pack.one:One",
        "pack/two": "pack.two:Two",
        "pack/three": "pack.three:Three",
    }


@hookimpl
def harness_tasks():
    return {"pack/task": "pack.task:Sum"}
""",
    "task.py": """
from dataclasses import dataclass

from harness import Method, Metric, Outcome, Task


@dataclass(frozen=True, kw_only=True)
class Sum(Task):
    accepts = Method
    metrics = (Metric(name="loss"),)

    def evaluate(self, method, cells):
        for cell in cells:
            yield Outcome(cell=cell, final={"loss": method.value() + cell.seed})
""",
    "helper.py": "def scale(x):\n    return 2 * x\n",
    "middle.py": "from pack.helper import scale\n\n\ndef twice(x):\n    return scale(x)\n",
}
METHOD = """
from dataclasses import dataclass

from harness import Method
{imports}

@dataclass(frozen=True, kw_only=True)
class {name}(Method):
    a: float = 1.0

    def value(self):
        return {value}
"""
METHODS = {
    "One": ("from pack.helper import scale", "scale(self.a)"),
    "Two": ("from pack import middle", "middle.twice(self.a)"),
    "Three": (
        "from pathlib import Path\n\nTABLE = 'table.bin'",
        "float(Path(__file__).with_name(TABLE).read_text())",
    ),
}
SEEDS = 4


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A folder whose plugin is a package of three methods: two reach a helper, one a file."""
    folder = Folder.at(tmp_path_factory.mktemp("packed"))
    pack = folder.path / "pack"
    pack.mkdir()
    for name, text in PACKAGE.items():
        (pack / name).write_text(text)
    for name, (imports, value) in METHODS.items():
        text = METHOD.format(imports=imports, name=name, value=value)
        (pack / f"{name.lower()}.py").write_text(text)
    (pack / "table.bin").write_text("7")
    folder.write(
        "toy.yaml",
        f"suite: toy\nseed: 5\nplugins: [pack]\ndefaults: {{seeds: {SEEDS}}}\n"
        "entries: [{task: pack/task, methods: [pack/one, pack/two, pack/three]}]\n",
    )
    return folder


def computed(folder: Folder, *arguments: str) -> set[str]:
    """The labels whose cells the command computes, all of a label's or none."""
    settled(folder.run("run", "toy.yaml", *arguments), 0)
    cells = folder.cells()
    counts = cells[cells["status"] == "ok"]["label"].value_counts().to_dict()
    assert set(counts.values()) <= {SEEDS}
    assert len(cells) == 3 * SEEDS
    return {label.removeprefix("pack/") for label in counts}


def edit(folder: Folder, name: str, before: str, after: str) -> None:
    path = folder.path / "pack" / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_an_edit_costs_the_cells_that_it_can_change_and_no_other(packed):
    assert computed(packed) == {"one", "two", "three"}
    assert computed(packed) == set()

    # A comment, a docstring, a touch, a name more: nothing.
    edit(
        packed,
        "one.py",
        "class One(Method):",
        'class One(Method):\n    """Says more."""\n    # now',
    )
    edit(packed, "helper.py", "def scale", "# scales\ndef scale")
    edit(packed, "__init__.py", '"pack.one:One",', '"pack.one:One", "pack/uno": "pack.one:One",')
    (packed.path / "pack" / "two.py").touch()
    assert computed(packed) == set()

    # One method's module: its cells.
    edit(packed, "one.py", "scale(self.a)", "scale(self.a) + 1")
    assert computed(packed) == {"one"}

    # A helper, reached directly and through another module: all of theirs.
    edit(packed, "helper.py", "return 2 * x", "return 3 * x")
    assert computed(packed) == {"one", "two"}
    values = packed.json("leaderboard", "--format", "json")
    means = {row["label"]: row["mean"] for row in values}
    assert means == {"pack/one": 4 + 1.5, "pack/two": 3 + 1.5, "pack/three": 7 + 1.5}

    # A data file's content: who reads it.
    (packed.path / "pack" / "table.bin").write_text("8")
    assert computed(packed) == {"three"}


def test_defaults_and_the_seed_of_the_suite_are_part_of_a_cell(packed, tmp_path):
    folder = Folder(shutil.copytree(packed.path, tmp_path / "copy"))
    assert computed(folder, "--fresh") == {"one", "two", "three"}
    seed = computed(folder, "-o", "seed=6")
    assert seed == {"one", "two", "three"}
    assert computed(folder, "-o", "seed=6") == set()
    # A default that changes is another method, whatever the suite says.
    edit(folder, "two.py", "a: float = 1.0", "a: float = 2.0")
    assert computed(folder) == {"two"}
    # So is a parameter more by the code that has it; the cell itself is the same one.
    before = set(folder.cells()["cell_id"])
    edit(folder, "two.py", "a: float = 2.0", "a: float = 2.0\n    b: int = 0")
    computed(folder)
    assert set(folder.cells()["cell_id"]) == before


def test_reused_rows_name_the_run_that_computed_them(packed):
    folder = packed
    computed(folder)
    runs = [path.name for path in folder.runs()]
    cells = folder.cells()
    assert (cells["status"] == "reused").all()
    assert set(cells["reused_from"]) <= set(runs[:-1])


FAILING = f"""{HEAD}hardware: {{box: {{cpus: 1, memory: 300MiB}}}}
defaults: {{hardware: box, seeds: 4, timeout: 400ms}}
entries:
  - task: trouble/one
    grid: {{fault: [none, raise, loop, segfault]}}
    methods: [trouble/plain]
"""


def statuses(folder: Folder) -> dict[str, int]:
    return folder.cells()["status"].value_counts().to_dict()


def test_failed_cells_of_a_finished_run_stay_failed_until_something_changes(folder):
    folder.write("toy.yaml", FAILING)
    settled(folder.run("run", "toy.yaml"), 3)
    assert statuses(folder) == {"ok": 13, "failed": 1, "timeout": 1, "crashed": 1}
    first = folder.cells().set_index("cell_id")

    done = folder.run("run", "toy.yaml")
    settled(done, 3)
    assert "2 cells failed before and are not tried again; --retry-failed tries them" in done.stderr
    assert statuses(folder) == {"reused": 13, "failed": 1, "timeout": 1, "crashed": 1}
    cells = folder.cells().set_index("cell_id")
    bad = cells[cells["status"].isin(["failed", "timeout"])]
    assert set(bad["reused_from"]) == {folder.runs()[0].name}
    assert (bad["error_message"] == first.loc[bad.index, "error_message"]).all()
    assert (bad["started"] == first.loc[bad.index, "started"]).all()
    again = cells[cells["status"] == "crashed"]
    assert (again["started"] > first.loc[again.index, "started"]).all()
    printed = settled(folder.run("results", "--failed"), 0)
    assert folder.runs()[0].name + "/logs/" in printed

    # A changed limit: what failed under the old one.
    settled(folder.run("run", "toy.yaml", "-o", "defaults.timeout=500ms"), 3)
    assert folder.cells()["reused_from"].isna().sum() == 3
    settled(folder.run("run", "toy.yaml", "--dry-run", "-o", "hardware.box.memory=400MiB"), 0)

    # Asked for: all three; the others are reused.
    settled(folder.run("run", "toy.yaml", "--retry-failed"), 3)
    assert folder.cells()["reused_from"].isna().sum() == 3

    # New code: everything that it reaches.
    text = (folder.path / "trouble.py").read_text()
    mended = text.replace('raise ArithmeticError("the second is wrong")', "return None")
    (folder.path / "trouble.py").write_text(mended)
    settled(folder.run("run", "toy.yaml"), 3)
    assert statuses(folder) == {"ok": 14, "timeout": 1, "crashed": 1}
    assert np.isnan(folder.cells()["wall_s"]).sum() == 0


def test_rows_of_other_code_in_a_journal_do_not_count(folder):
    """A run begun with one code, gone on with after going back to another."""
    folder.write("toy.yaml", f"{HEAD}entries: [{{task: trouble/slow, methods: [trouble/plain]}}]\n")
    settled(folder.run("run", "toy.yaml"), 0)
    first = folder.cells()
    path = folder.path / "trouble.py"
    text = path.read_text()
    path.write_text(text.replace("value = method.shift +", "value = 100 + method.shift +"))
    settled(folder.run("run", "toy.yaml"), 0)
    # As if this second run had been killed before its end.
    record = folder.runs()[1] / "run.json"
    record.write_text(record.read_text().replace('"state": "finished"', '"state": "running"'))
    for table in folder.runs()[1].glob("*.parquet"):
        table.unlink()
    path.write_text(text)
    settled(folder.run("run", "toy.yaml"), 0)
    assert len(folder.runs()) == 2
    cells = folder.cells()
    assert set(cells["code_id"]) == set(first["code_id"])
    (row,) = [
        row for row in folder.json("leaderboard", "--format", "json") if row["metric"] == "loss"
    ]
    assert row["mean"] < 2
