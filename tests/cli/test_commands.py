"""Every command with its options, on the run in which everything went wrong."""

from __future__ import annotations

import csv
import io
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from commands import HEAD, Folder, settled

COMMANDS = ["run", "list", "show", "leaderboard", "claims", "results", "hardware", "data", "schema"]


def test_help_lists_every_command_and_each_has_help(folder):
    printed = settled(folder.run("--help"), 0)
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", printed, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["run"], ["run", "toy.yaml", "--nonsense"], ["leaderboard", "--format", "x"]],
    ids=" ".join,
)
def test_what_a_command_does_not_take_is_exit_two(folder, arguments):
    settled(folder.run(*arguments), 2)


def test_the_completion_script_is_printed(folder):
    # The program's name decides the variable, so the command is called as it is installed.
    code = "import sys; sys.argv[0] = 'harness'; from harness.cli.main import main; main()"
    options = folder._options
    options["env"]["_HARNESS_COMPLETE"] = "zsh_source"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0
    assert "_HARNESS_COMPLETE=zsh_complete harness" in done.stdout


def test_list_tells_what_there_is_by_kind(folder):
    printed = settled(folder.run("list"), 0)
    assert "bandits/thompson" in printed
    assert "Plugins" in printed
    found = folder.json("list", "methods", "--json")
    assert "bandits/thompson" in {each["name"] for each in found["methods"]}


def test_show_tells_parameters_metrics_and_bounds(folder):
    printed = settled(folder.run("show", "bandits/bernoulli"), 0)
    for told in ("Parameters", "horizon", "Metrics", "regret", "Accepts"):
        assert told in printed
    assert "Bounds" in settled(folder.run("show", "bandits/lower-bound-prior"), 0)
    printed = settled(folder.run("show", "bandits/thompson"), 0)
    assert "guarantee of regret on bandits/bernoulli" in printed
    assert "Bubeck & Liu 2013, Theorem 1" in printed
    assert folder.json("show", "bandits/thompson", "--json")["kind"] == "method"
    assert "harness_methods()" in settled(folder.run("show", "hooks"), 0)
    assert "nearest: bandits/thompson" in settled(folder.run("show", "bandits/tompson"), 2)


def test_a_leaderboard_comes_as_table_markdown_csv_and_json(troubled):
    folder, _ = troubled
    board = folder.json("leaderboard", "toy", "--format", "json")
    rows = list(csv.DictReader(io.StringIO(folder.run("leaderboard", "--format", "csv").stdout)))
    assert [row["label"] for row in rows] == [row["label"] for row in board]
    assert [float(row["mean"] or "nan") for row in rows] == pytest.approx(
        [float("nan") if row["mean"] is None else row["mean"] for row in board], nan_ok=True
    )
    markdown = settled(folder.run("leaderboard", "--format", "md", "--metric", "loss"), 0)
    assert "| rank | method | mean | interval |" in markdown
    assert "no value: 5 cells failed" in markdown
    table = settled(folder.run("leaderboard", "--task", "trouble/trained"), 0)
    assert "trouble/one" not in table
    assert "nearest: loss" in settled(folder.run("leaderboard", "--metric", "los"), 2)


@pytest.mark.parametrize(
    ("columns", "has_interval", "has_plot"), [(120, 1, 1), (99, 0, 1), (79, 0, 0)]
)
def test_narrow_terminals_lose_the_interval_first_and_then_the_plot(
    troubled, columns, has_interval, has_plot
):
    folder, _ = troubled
    done = folder.run(
        "leaderboard",
        "--task",
        "trouble/trained",
        "--metric",
        "loss",
        env={**folder._options["env"], "COLUMNS": str(columns)},
    )
    printed = settled(done, 0)
    first = printed.split("\n\n")[0]
    assert ("interval  " in first) == has_interval
    assert ("●" in first) == has_plot
    table = [line for line in first.splitlines() if line.startswith("  ")]
    assert max(map(len, table)) <= columns


def test_claims_are_printed_with_the_surprise_on_top_and_decide_the_exit_code(troubled):
    folder, _ = troubled
    printed = settled(folder.run("claims"), 0)
    assert printed.index("one is lost") < printed.index("the first cell is small")
    settled(folder.run("claims", "--strict"), 1)
    verdicts = {each["name"]: each["verdict"] for each in folder.json("claims", "--json")}
    assert verdicts == {"the first cell is small": "held", "one is lost": "undecided"}


def test_runs_are_listed_and_an_unknown_one_is_told(troubled):
    folder, _ = troubled
    printed = settled(folder.run("results"), 0)
    assert re.search(r"^toy  \S+  finished +100 cells  results/toy/", printed, re.MULTILINE)
    (run, *_) = folder.json("results", "--json")
    assert run["suite"] == "toy"
    assert "no run is called 'tyo'" in settled(folder.run("results", "tyo"), 2)
    assert "nearest: toy" in settled(folder.run("leaderboard", "tyo"), 2)


@pytest.fixture
def copied(troubled, tmp_path):
    """A copy of the shared run's folder, for commands that make runs."""
    return Folder(shutil.copytree(troubled[0].path, tmp_path / "copy"))


@pytest.fixture(scope="module")
def failures(troubled):
    """What ``results --failed`` says of the shared run, by title."""
    folder, _ = troubled
    found = folder.json("results", folder.runs()[0].name, "--failed", "--json")
    return {(each["title"], each["label"]): each for each in found}


def test_failed_cells_are_told_by_cause_with_log_commands_and_what_they_cost(troubled):
    folder, _ = troubled
    printed = settled(folder.run("results", folder.runs()[0].name, "--failed"), 0)
    assert printed.startswith("22 cells failed of 100 · toy")
    assert "trouble/plain on trouble/one fault=segfault, seed 2, tried 2 times" in printed
    assert "trouble/plain on trouble/trained broken=true, seeds 0–4" in printed
    assert "no value and no rank: trouble/plain on trouble/trained broken=true" in printed
    assert "claims touched: one is lost" in printed
    for log in re.findall(r"log    (\S+)", printed):
        assert (folder.path / log).is_file()


def pasted(folder, command: str) -> subprocess.CompletedProcess[str]:
    """A command as it was printed."""
    program, *arguments = shlex.split(command)
    assert program == "harness"
    return folder.run(*arguments)


def test_the_rerun_command_runs_the_failed_cells_and_no_other(copied, failures):
    folder = copied
    cause = failures["trouble/trained broken=true", "trouble/other"]
    printed = settled(pasted(folder, cause["rerun"]), 3)
    assert "5 cells on box, 2 workers · 0 measured · 5 failed" in printed
    cause = failures["trouble/one fault=raise", "trouble/plain"]
    printed = settled(pasted(folder, cause["rerun"]), 3)
    assert "1 cell on box, 2 workers · 0 measured · 1 failed" in printed


def test_the_debug_command_shows_the_traceback_of_the_cell(copied, failures):
    folder = copied
    done = pasted(folder, failures["trouble/one fault=raise", "trouble/plain"]["debug"])
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert 'raise ArithmeticError("the second is wrong")' in done.stderr
    assert done.stderr.rstrip().endswith("ArithmeticError: the second is wrong")
    settled(folder.run("leaderboard"), 0)  # of the last run that has one


def test_one_cell_is_a_run_of_its_own_and_an_unknown_one_is_told(copied, failures):
    folder = copied
    before = folder.record(0)
    cell = failures["trouble/one fault=nan", "trouble/plain"]["debug"].split()[4]
    printed = settled(folder.run("run", "toy.yaml", "--cell", cell, "--inline"), 3)
    assert "1 cell on box, inline" in printed
    assert folder.record(0) == before
    assert "no cell has an id that starts" in settled(
        folder.run("run", "toy.yaml", "--cell", "zz"), 2
    )


def test_the_result_of_a_run_comes_as_json_with_the_exit_code(copied):
    folder = copied
    done = folder.run(
        "run", "toy.yaml", "--seeds", "2", "--only", "trouble/one fault=none", "--json"
    )
    assert done.stderr == ""
    found = folder.json(
        "run", "toy.yaml", "--seeds", "2", "--only", "trouble/one fault=none", "--json"
    )
    assert (found["exit_code"], found["state"], found["cells"]) == (0, "finished", {"reused": 2})
    assert found["leaderboard"][0]["label"] == "trouble/plain"


def test_a_dry_run_tells_the_plan_what_is_reused_and_the_cost(troubled):
    folder, _ = troubled
    runs = folder.runs()
    printed = settled(folder.run("run", "toy.yaml", "--dry-run"), 0)
    assert "100 cells: 2 to run, 98 reused" in printed  # crashed ones are always tried again
    printed = settled(folder.run("run", "toy.yaml", "--dry-run", "--retry-failed"), 0)
    assert "100 cells: 22 to run, 78 reused" in printed
    printed = settled(folder.run("run", "toy.yaml", "--dry-run", "--fresh", "--limit", "5"), 0)
    assert re.search(r"about .* of one core, by earlier runs", printed)
    assert folder.runs() == runs


def test_quiet_prints_the_result_and_no_progress(folder):
    folder.write("toy.yaml", f"{HEAD}entries: [{{task: trouble/one, methods: [trouble/plain]}}]\n")
    done = folder.run("run", "toy.yaml", "--quiet", "-o", "seed=9", "-o", "defaults.seeds=3")
    assert done.stderr == ""
    assert done.stdout.startswith("toy · 3 cells on")
    assert folder.record()["overrides"] == ["seed=9", "defaults.seeds=3"]


def test_progress_is_plain_lines_where_there_is_no_terminal(troubled):
    _, done = troubled
    lines = done.stderr.splitlines()
    assert lines[0].startswith("toy · 18 tasks · 2 methods · 100 cells · box, 2 workers")
    assert lines[-1].startswith("! ") or lines[-1].startswith("100 of 100 cells, 22 failed")
    assert "\x1b" not in done.stderr + done.stdout
    assert sum(bool(re.match(r"\d+ of 100 cells", line)) for line in lines) <= 11


def test_a_reader_that_goes_away_is_no_error(troubled):
    folder, _ = troubled
    process = folder.start("leaderboard", "--format", "json")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def test_hardware_schema_and_data_answer(folder):
    assert folder.json("hardware", "--json")["cpus"] >= 1
    assert folder.json("schema")["type"] == "object"
    assert "cells" in settled(folder.run("schema", "tables"), 0)
    assert re.search(
        r"^  timeout_s +double", settled(folder.run("schema", "cells"), 0), re.MULTILINE
    )
    settled(folder.run("schema", "nothing"), 2)
    folder.env["HARNESS_DATA"] = str(folder.path)
    (one, *_) = folder.json("data", "list", "--json")
    assert (one["path"], one["verified"]) == (None, False)
    assert "absent" in settled(folder.run("data", "verify", one["name"]), 3)
    assert f"harness data fetch {one['name']}" in settled(
        folder.run("data", "path", one["name"]), 3
    )
    settled(folder.run("data", "fetch", "nothing"), 2)


def test_hardware_that_is_not_here_is_exit_four_and_can_be_left_out(folder):
    text = f"""{HEAD}hardware:
  here: {{cpus: 1}}
  huge: {{cpus: 4000}}
defaults: {{hardware: here, seeds: 2}}
entries:
  - {{task: trouble/one, methods: [trouble/plain]}}
  - {{task: trouble/one, methods: [trouble/other], hardware: huge}}
"""
    folder.write("toy.yaml", text)
    assert "4000" in settled(folder.run("run", "toy.yaml"), 4)
    settled(folder.run("run", "toy.yaml", "--dry-run"), 4)
    assert not (folder.path / "results").exists()
    printed = settled(folder.run("run", "toy.yaml", "--skip-unmet"), 0)
    assert "2 measured · 2 skipped" in printed


def test_what_a_plugin_warns_of_is_a_note_and_its_own_warnings_keep_their_place(
    capsys, monkeypatch
):
    import warnings

    from harness.cli import main

    monkeypatch.setattr(warnings, "showwarning", main._tell)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = main._tell
        warnings.warn("the radius is out of reach", stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    told = capsys.readouterr().err
    assert "the radius is out of reach" in told.splitlines()[0]
    assert "UserWarning" not in told
    assert "DeprecationWarning: old" in told
