"""What plugins do wrong: before a run (nothing runs) and in one (one cell is lost)."""

from __future__ import annotations

import subprocess

import pytest
from commands import HEAD, settled

HOOK = "from harness import hookimpl\n\n\n@hookimpl\ndef harness_methods({0}):\n    {1}\n"
BROKEN = {
    "import": ('raise ValueError("not today")\n', "ValueError: not today (", "broken.py:1)"),
    "exit": ("import sys\n\nsys.exit(0)\n", "SystemExit: 0"),
    "syntax": ("def broken(:\n", "SyntaxError: invalid syntax (", "broken.py:1)"),
    "registration": (HOOK.format("", "return 1 / 0"), "harness_methods: ZeroDivisionError"),
    "hook": (
        HOOK.format("", "return {}").replace("harness_methods", "harness_methodz"),
        "there is no hook harness_methodz (nearest: harness_methods)",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_that_the_suite_names_is_one_fault_and_nothing_runs(folder, case):
    text, *told = BROKEN[case]
    folder.write("broken.py", text)
    suite = HEAD.replace("trouble.py", "broken.py")
    folder.write("toy.yaml", f"{suite}entries: [{{task: broken/task, methods: [broken/method]}}]\n")
    printed = settled(folder.run("run", "toy.yaml"), 2)
    assert "1 fault in toy.yaml, nothing was run" in printed
    assert "toy.yaml:3:11" in printed
    for each in told:
        assert each in printed
    assert not (folder.path / "results").exists()


def test_a_plugin_that_is_not_there_is_told_with_its_path(folder):
    folder.write("toy.yaml", "suite: toy\nplugins: [gone.py]\nentries: []\n")
    printed = settled(folder.run("run", "toy.yaml"), 2)
    assert f"no plugin at {folder.path}/gone.py" in printed


PLANNING = """
from dataclasses import dataclass
from harness import Method, Metric, Outcome, Task, hookimpl


@hookimpl
def harness_methods():
    return {"plan/method": "planning:Any"}


@hookimpl
def harness_tasks():
    names = ("Made", "Bounds", "Wrong", "Models")
    return {f"plan/{name.lower()}": f"planning:{name}" for name in names}


@dataclass(frozen=True, kw_only=True)
class Any(Method):
    pass


@dataclass(frozen=True, kw_only=True)
class Fine(Task):
    accepts = Method
    metrics = (Metric(name="loss"),)

    def evaluate(self, method, cells):
        yield from (Outcome(cell=cell, final={"loss": 1.0}) for cell in cells)


@dataclass(frozen=True, kw_only=True)
class Made(Fine):
    def __post_init__(self):
        raise RuntimeError("cannot be")


class Bounds(Fine):
    def bounds(self):
        raise RuntimeError("no bounds")


class Wrong(Fine):
    def bounds(self):
        return ["a lot"]


class Models(Fine):
    def artifacts(self, method, seed):
        raise OSError("no models")
"""


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("made", "plan/made cannot be made: RuntimeError: cannot be"),
        ("bounds", "planning:Bounds.bounds() raised RuntimeError: no bounds"),
        ("wrong", "planning:Wrong.bounds() gave 'a lot', which is no Bound"),
        ("models", "planning:Models.artifacts() raised OSError: no models"),
    ],
)
def test_what_a_plugin_raises_at_planning_names_it_and_nothing_runs(folder, task, told):
    folder.write("planning.py", PLANNING)
    suite = HEAD.replace("trouble.py", "planning.py")
    folder.write("toy.yaml", f"{suite}entries: [{{task: plan/{task}, methods: [plan/method]}}]\n")
    assert told in settled(folder.run("run", "toy.yaml"), 2)
    assert not (folder.path / "results").exists()


INSTALLED = "[harness]\n{name} = {name}\n"


def install(folder, name: str, text: str) -> None:
    """A distribution with one plugin, as pip would leave it, on the folder's import path."""
    site = folder.path / "site"
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(INSTALLED.format(name=name))
    folder.env["PYTHONPATH"] = f"{site}:{folder._options['env']['PYTHONPATH']}"


def test_a_broken_plugin_that_the_suite_does_not_name_is_a_warning(folder):
    install(folder, "stranger", 'raise ValueError("not here")\n')
    suite = "entries: [{task: trouble/one, methods: [trouble/plain]}]\ndefaults: {seeds: 3}\n"
    folder.write("toy.yaml", HEAD + suite)
    done = folder.run("run", "toy.yaml")
    settled(done, 0)
    assert done.stderr.count('plugin "stranger" is unavailable: plugin "stranger": ValueErr') == 1
    assert "3 measured" in done.stdout
    folder.write("toy.yaml", "suite: toy\nentries: [{task: stranger/x, methods: [stranger/y]}]\n")
    assert 'plugin "stranger" is unavailable' in settled(folder.run("run", "toy.yaml"), 2)


CHATTY = """
from dataclasses import dataclass

import trouble
from harness import hookimpl

print("at import")


@hookimpl
def harness_tasks():
    print("at registration")
    return {"chatty/task": "chatty:Chatty"}


@dataclass(frozen=True, kw_only=True)
class Chatty(trouble.One):
    def __post_init__(self):
        print("made")

    def bounds(self):
        print("asked for bounds")
        return ()
"""


def test_what_a_plugin_prints_does_not_mix_with_what_the_command_prints(folder):
    folder.write("chatty.py", CHATTY)
    suite = HEAD.replace("trouble.py", "trouble.py, chatty.py")
    folder.write("toy.yaml", f"{suite}entries: [{{task: chatty/task, methods: [trouble/plain]}}]\n")
    assert folder.json("run", "toy.yaml", "--json")["cells"] == {"ok": 8}


LISTENER = """
from harness import hookimpl


@hookimpl
def harness_run_started(plan, folder):
    raise RuntimeError("at the start")


@hookimpl
def harness_cell_finished(group):
    raise SystemExit("in the middle")


@hookimpl
def harness_run_finished(state):
    raise RuntimeError(f"at the end: {state}")
"""


def test_a_hook_that_raises_in_a_run_is_a_warning_told_once(folder):
    folder.write("listener.py", LISTENER)
    suite = HEAD.replace("trouble.py", "trouble.py, listener.py")
    entries = "entries: [{task: trouble/slow, methods: [trouble/plain]}]\ndefaults: {seeds: 12}\n"
    folder.write("toy.yaml", suite + entries)
    done = folder.run("run", "toy.yaml", "--job-cells", "1")
    settled(done, 0)
    assert "12 measured" in done.stdout
    for told in ("at the start", "in the middle", "at the end: finished"):
        assert done.stderr.count(told) == 1


# In a run: the shared one, in which every kind of fault strikes the cell of seed 2.
LOST = {
    "raise": ("failed", "the second is wrong (at trouble.py:"),
    "nan": ("failed", 'metric "loss" is NaN'),
    "undeclared": ("failed", 'metric "lost" is not declared by One (nearest: loss)'),
    "nothing": ("failed", "evaluate yielded None, not an Outcome"),
    "few": ("failed", "evaluate ended and yielded no outcome"),
    "loop": ("timeout", "no outcome within 0.7 s"),
    "power": ("timeout", "no outcome within 0.7 s"),
    "regex": ("timeout", "no outcome within 0.7 s"),
    "blocked": ("timeout", "no outcome within 0.7 s"),
    "segfault": ("crashed", "SIGSEGV"),
    "exit": ("crashed", "the worker exited with status 0"),
    "eat": ("oom", "MiB where 300 MiB are allowed"),
}
WELL = ("none", "many", "print", "children")


def of_fault(cells, fault):
    return cells[cells["title"] == f"trouble/one fault={fault}"].set_index("seed")


@pytest.mark.parametrize("fault", LOST)
def test_a_fault_in_a_run_costs_its_cell_and_says_why_once(troubled, fault):
    folder, done = troubled
    status, told = LOST[fault]
    cells = of_fault(folder.cells(0), fault)
    lost = cells.loc[2]
    assert lost["status"] == status
    assert told in lost["error_message"]
    assert cells.drop(2)["status"].tolist() == ["ok"] * 4
    assert done.stderr.count(lost["error_message"].splitlines()[0]) >= 1
    assert done.stderr.count(f"fault={fault}: {lost['error_message'].splitlines()[0]}") == 1


@pytest.mark.parametrize("fault", WELL)
def test_noise_children_and_surplus_outcomes_cost_no_cell(troubled, fault):
    folder, _ = troubled
    assert of_fault(folder.cells(0), fault)["status"].tolist() == ["ok"] * 5


def test_a_run_with_lost_cells_says_so_and_ends_with_three(troubled):
    folder, done = troubled
    printed = settled(done, 3)
    cells = folder.cells(0)
    assert len(cells) == 100
    assert (cells["status"] == "ok").sum() == 78
    assert "78 measured · 22 failed" in printed
    assert "exit 3: cells failed" in printed
    assert "evaluate yielded more outcomes than it was given cells" in done.stderr


def test_what_cells_measured_is_there_and_nothing_of_the_lost_ones(troubled):
    import pandas as pd

    folder, _ = troubled
    cells = folder.cells(0)
    measured = pd.read_parquet(folder.runs()[0] / "measurements.parquet")
    well = set(cells.loc[cells["status"] == "ok", "cell_id"])
    assert set(measured["cell_id"]) == well
    finals = measured[measured["at"].isna()]
    assert len(finals) == len(well)


def test_no_child_of_a_cell_outlives_the_run(troubled):
    found = subprocess.run(["pgrep", "-f", "612[.]5"], capture_output=True, text=True, check=False)
    assert found.stdout == ""


def test_endless_printing_fills_a_capped_log_and_not_the_screen(troubled):
    folder, done = troubled
    assert "noise" not in done.stdout + done.stderr
    logs = list((folder.runs()[0] / "logs").glob("*"))
    assert sum("noise" in log.read_text() for log in logs) == 1
    assert all(log.stat().st_size < 16 << 20 for log in logs)


def test_an_artifact_that_cannot_be_built_fails_its_cells_and_is_told_once(troubled):
    folder, done = troubled
    cells = folder.cells(0)
    broken = cells[cells["title"] == "trouble/trained broken=true"]
    assert broken["status"].tolist() == ["failed"] * 10
    assert done.stderr.count('! artifact "model" failed: does not converge') == 1
    fine = cells[cells["title"] == "trouble/trained broken=false"]
    assert fine["status"].tolist() == ["ok"] * 10


def test_a_claim_that_lost_a_cell_is_undecided_and_one_that_did_not_is_held(troubled):
    import pandas as pd

    folder, _ = troubled
    claims = pd.read_parquet(folder.runs()[0] / "claims.parquet").set_index("name")
    assert claims.loc["the first cell is small", "verdict"] == "held"
    assert claims.loc["one is lost", "verdict"] == "undecided"
    assert "1 cell failed" in claims.loc["one is lost", "note"]
