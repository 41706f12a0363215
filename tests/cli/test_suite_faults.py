"""Faults of a suite as the command tells them: all at once, each with its place and a caret."""

from __future__ import annotations

import re

from commands import HEAD, settled
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.faults import error_lines
from harness.errors import Fault, SuiteError

FAULTY = f"""{HEAD}hardware: {{laptop: {{cpus: 1}}}}
defaults: {{hardware: lapptop, seeds: 3}}
entries:
  - task: trouble/one
    params: {{horizon: 3}}
    grid: {{fault: []}}
    methods: [trouble/plian, trouble/other: {{shift: often}}]
  - task: trouble/slow
    params: {{cell_s: [1]}}
    methods: [trouble/plain]
  - task: trouble/trianed
    methods: [trouble/plain]
"""


def faults_of(printed: str) -> list[tuple[str, int, int, str, str]]:
    """(message, line, column, the text under the caret, what is said beside it) of each."""
    pattern = re.compile(
        r"^✗ (?P<message>.+)\n  toy\.yaml:(?P<line>\d+):(?P<column>\d+)\n"
        r" *(?P=line) │ (?P<source>.*)\n +│ (?P<indent> *)(?P<caret>\^+) ?(?P<hint>.*)$",
        re.MULTILINE,
    )
    found = []
    for match in pattern.finditer(printed):
        start = len(match["indent"])
        token = match["source"][start : start + len(match["caret"])]
        assert start + 1 == int(match["column"])
        found.append(
            (match["message"], int(match["line"]), int(match["column"]), token, match["hint"])
        )
    return found


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 30))
def test_of_a_long_line_what_is_about_the_place_is_shown_with_the_caret_below_it(
    before, after, length
):
    source = "." * before + "x" * length + "." * after
    fault = Fault(message="m", path="p", line=7, column=before + 1, length=length, source=source)
    *_, shown, below, _, _ = [
        "".join(part.text for part in each) for each in error_lines(SuiteError("p", [fault]))
    ]
    place = below.index("^")
    assert set(shown[place : place + length]) == {"x"}
    assert len(shown) < 140


def test_all_faults_are_told_at_once_in_the_order_of_the_file_with_a_caret_each(folder):
    folder.write("toy.yaml", FAULTY)
    printed = settled(folder.run("run", "toy.yaml"), 2)
    found = faults_of(printed)
    assert printed.startswith(f"{len(found)} faults in toy.yaml, nothing was run\n")
    assert [(line, token) for _, line, _, token, _ in found] == [
        (5, "lapptop"),
        (8, "horizon"),
        (9, "[]"),
        (10, "trouble/plian"),
        (10, "often"),
        (12, "[1]"),
        (14, "trouble/trianed"),
    ]
    hints = {token: hint for *_, token, hint in found}
    assert "laptop" in hints["lapptop"]
    assert "nearest: trouble/plain" in hints["trouble/plian"]
    assert "nearest: trouble/trained" in hints["trouble/trianed"]
    assert "its parameters: fault" in hints["horizon"]
    messages = {token: message for message, *_, token, _ in found}
    assert messages["often"] == 'shift of trouble/other must be a number, got text "often"'
    assert "the grid of fault is empty" in messages["[]"]
    assert printed.endswith("exit 2\n")
    assert not (folder.path / "results").exists()


def told(folder, text: str) -> list[tuple[str, int, int, str, str]]:
    """The faults of a text, which must not run."""
    folder.write("toy.yaml", text)
    printed = settled(folder.run("run", "toy.yaml"), 2)
    assert "nothing was run" in printed
    assert not (folder.path / "results").exists()
    return faults_of(printed)


def test_a_negative_horizon_is_told_with_the_limit(folder):
    entry = "- task: bandits/bernoulli\n  params: {horizon: -5}\n  methods: [bandits/ucb1]\n"
    ((message, line, _, token, _),) = told(folder, f"suite: toy\nentries:\n{entry}")
    assert (message, line, token) == ("horizon must be at least 1, got -5", 4, "-5")


def test_two_entries_that_make_one_cell_are_told_with_both_places(folder):
    text = f"""{HEAD}entries:
  - task: trouble/one
    methods: [trouble/plain]
  - task: trouble/one
    methods: [{{trouble/plain: {{shift: 0}}, as: again}}]
"""
    ((message, line, _, token, hint),) = told(folder, text)
    assert (line, token) == (8, "trouble/plain")
    assert "makes cells that stand in line 6 too" in message
    assert "seed 0 is in both" in hint


def test_a_claim_that_matches_nothing_is_a_fault_of_the_file(folder):
    text = f"""{HEAD}entries:
  - {{task: trouble/one, methods: [trouble/plain]}}
claims:
  - {{name: lower, metric: loss, where: {{fault: raise}}, at_most: 3}}
"""
    ((message, line, _, token, hint),) = told(folder, text)
    assert (message, line, token) == ("claim “lower” selects no cell", 7, "raise")
    assert "planned here: none" in hint


def test_what_is_not_yaml_is_told_where_it_breaks(folder):
    ((message, line, _, token, _),) = told(folder, "suite: [a, b\nentries: {\n")
    assert message == "this is not YAML: the bracket opened in line 1, column 8 is not closed"
    assert (line, token) == (2, ":")


def test_a_bomb_is_refused_before_it_is_walked(folder):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for depth in range(1, 12):
        lines.append(f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]")
    ((message, *_),) = told(folder, "\n".join([*lines, "suite: *a11"]))
    assert "values once its aliases are written out, at most 250,000" in message


def test_a_tag_builds_nothing(folder):
    text = 'suite: toy\ndescription: !!python/object/apply:os.system ["touch built"]\n'
    found = told(folder, text + "entries: []\n")
    assert found[0][0] == "a tag is not read: nothing in a suite builds objects"
    assert not (folder.path / "built").exists()


def test_a_suite_that_is_not_there_is_told_with_the_nearest_file(folder):
    folder.write("quick.yaml", HEAD)
    printed = settled(folder.run("run", "quikc.yaml"), 2)
    assert "there is no file quikc.yaml\n  nearest: quick.yaml" in printed


def test_where_the_encoding_has_no_marks_plain_ones_stand_in(folder):
    folder.env["PYTHONIOENCODING"] = "ascii"
    folder.write("toy.yaml", FAULTY)
    done = folder.run("run", "toy.yaml")
    printed = settled(done, 2)
    assert printed.isascii()
    assert "FAIL no method is called" in printed
    assert " | " in printed


def test_check_reads_the_suite_and_runs_nothing(folder):
    folder.write("toy.yaml", f"{HEAD}entries: [{{task: trouble/one, methods: [trouble/plain]}}]\n")
    assert "toy is well: 8 cells, 0 claims" in settled(folder.run("run", "toy.yaml", "--check"), 0)
    settled(folder.run("run", "toy.yaml", "--check", "-o", "entries.0.task=nothing"), 2)
    assert not (folder.path / "results").exists()
