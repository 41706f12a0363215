"""Commits of a scratch repository: a suite at one of them, and the one that changed a metric."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scratch_plugin import Scratch, method

from harness.analyse.changed import Chosen
from harness.cli.main import cli
from harness.errors import UsageError
from harness.runner import load
from harness.runner.at import summary_at
from harness.runner.bisect import Asked, bisect, first_changed
from harness.runner.environments import environment_of
from harness.runner.revisions import Repository

COMMITS, PLANTED = 16, 11


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Sixteen commits; the eleventh after the first moves one method's loss by a half."""
    made = Scratch.create(tmp_path_factory.mktemp("scratch") / "repository")
    for number in range(1, COMMITS):
        files = {"notes.txt": f"commit {number}\n"}
        if number == PLANTED:
            files["scratch_plugin/a.py"] = method("A", 1.5)
        if number == 4:
            files["scratch_plugin/b.py"] = method("B", 2.0) + "\n# a comment changes nothing\n"
        made.commit(f"commit {number}", files)
    return made


@pytest.fixture(scope="module")
def repository(scratch):
    return Repository(scratch.root)


def asked(scratch, results, **chosen):
    return Asked(
        suite=scratch.suite,
        results=results,
        good=f"HEAD~{COMMITS - 1}",
        bad="HEAD",
        chosen=Chosen(metric="loss", **chosen),
        options=("--inline", "--quiet"),
    )


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_the_first_changed_commit_is_found_with_few_questions(case):
    count, planted = case
    questions = []

    def ask(place):
        questions.append(place)
        return "changed" if place >= planted else "same"

    found = first_changed(count, ask)
    assert (found.low, found.high, found.is_changed) == (planted - 1, planted, True)
    assert len(set(questions)) == len(questions)
    is_last_of_power = planted == count - 1 and count & (count - 1) == 0
    assert len(questions) <= math.ceil(math.log2(count)) + is_last_of_power


@given(st.integers(1, 70))
def test_where_nothing_changed_nothing_is_found(count):
    assert not first_changed(count, lambda place: "same").is_changed


@given(st.integers(2, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 2)))))
def test_commits_that_cannot_be_tested_leave_a_span_that_holds_the_change(case):
    count, broken = case
    planted = count // 2

    def ask(place):
        return "untestable" if place in broken else "changed" if place >= planted else "same"

    found = first_changed(count, ask)
    assert found.low < planted <= found.high
    assert set(range(found.low + 1, found.high)) <= broken


def test_the_planted_commit_among_sixteen_is_found_with_five_runs(scratch, tmp_path):
    lines = []
    found = bisect(asked(scratch, tmp_path), lines.append)
    assert [each.commit for each in found.suspects] == [
        scratch.git("rev-parse", f"HEAD~{COMMITS - 1 - PLANTED}")
    ]
    assert found.subject == f"commit {PLANTED}"
    assert found.evaluations <= 5
    assert (found.change.label, round(found.change.after - found.change.before, 9)) == (
        "scratch/a",
        0.5,
    )
    runs = [load(path.parent) for path in tmp_path.glob("scratch/*/run.json")]
    assert all(run.record.is_aside for run in runs)
    computed = [run.status_counts().get("ok", 0) for run in runs]
    assert sorted(computed)[:-2] == [0] * (len(runs) - 2)  # once as it was, once as it is
    assert sum(computed) == 24 + 12


@pytest.mark.parametrize(("only", "number"), [("better", None), ("worse", PLANTED)])
def test_of_changes_both_ways_only_one_is_looked_for(scratch, tmp_path, only, number):
    found = bisect(replace(asked(scratch, tmp_path), only=only), lambda text: None)
    assert found.subject == ("" if number is None else f"commit {number}")
    assert found.is_better == (None if number is None else False)


def test_a_run_at_a_commit_has_its_code_and_its_name_whatever_lies_in_the_index(scratch, tmp_path):
    scratch.git("reset", "-q", "--hard")
    (scratch.root / "scratch_plugin" / "a.py").write_text("broken (")
    scratch.git("add", "-A")
    try:
        answer = CliRunner().invoke(
            cli,
            ["run", "--at", "HEAD", str(scratch.suite), "--results", str(tmp_path), "--inline"],
            standalone_mode=False,
        )
    finally:
        scratch.git("reset", "-q", "--hard")
    assert answer.return_value == 0, answer.output
    run = load(results=tmp_path)
    assert run.record.commit == scratch.git("rev-parse", "HEAD")
    assert run.record.diff_hash == ""
    listed = CliRunner().invoke(cli, ["results", "--json", "--results", str(tmp_path)])
    (told,) = json.loads(listed.output)
    assert told["remarks"] == "for a comparison, at another commit"
    assert run.status_counts() == {"ok": 24}


def test_an_audit_at_the_runs_commit_computes_with_the_code_of_that_commit(
    scratch, repository, tmp_path, monkeypatch
):
    first = repository.revision(f"HEAD~{COMMITS - 1}")
    path = summary_at(first, scratch.suite, tmp_path, ["--inline"])["path"]
    monkeypatch.chdir(scratch.root)
    command = ["audit", path, "--at-commit", "--sample", "100", "--inline", "--json"]
    answer = CliRunner().invoke(cli, command, standalone_mode=False, catch_exceptions=False)
    found = json.loads(answer.output)
    assert (answer.return_value, found["agrees"], found["compared"]) == (0, True, 24)
    assert all(cell["same_code"] and cell["agreement"] == "exact" for cell in found["cells"])


def test_a_suite_that_the_commit_does_not_have_is_run_with_its_code(scratch, repository, tmp_path):
    text = scratch.suite.read_text().replace("seeds: 12", "seeds: 3")
    other = scratch.root / "other.yaml"
    other.write_text(text)
    first = repository.revision(f"HEAD~{COMMITS - 1}")
    summary = summary_at(first, other, tmp_path, ["--inline"])
    other.unlink()
    run = load(summary["path"])
    assert (run.record.commit, run.record.diff_hash) == (first.commit, "")
    assert run.record.suite_text == text
    assert run.status_counts() == {"ok": 6}


def test_a_plugin_beside_the_suite_that_no_commit_has_is_taken_as_it_is_at_hand(
    scratch, repository, tmp_path
):
    other, beside = scratch.root / "other.yaml", scratch.root / "beside.py"
    text = scratch.suite.read_text().replace("seeds: 12", "seeds: 3")
    other.write_text(text.replace("scratch/a", "beside/c") + "plugins: [beside.py]\n")
    first = repository.revision(f"HEAD~{COMMITS - 1}")
    found = []
    for loss in (4.0, 5.0):
        hooks = "def harness_methods():\n    return {'beside/c': 'beside:C'}\n"
        beside.write_text(f"from harness import hookimpl\n{method('C', loss)}\n@hookimpl\n{hooks}")
        run = load(summary_at(first, other, tmp_path, ["--inline"])["path"])
        assert (run.record.commit, run.record.diff_hash) == (first.commit, "")
        board = {row["label"]: row["mean"] for row in run.leaderboard_rows()}
        found.append(board["beside/c"])
    other.unlink()
    beside.unlink()
    assert found[1] - found[0] == pytest.approx(1.0)


def test_two_commits_of_one_version_have_environments_of_their_own(scratch, repository):
    old, new = (repository.revision(name) for name in (f"HEAD~{COMMITS - 1}", "HEAD"))
    said = []
    for revision in (old, new):
        made = environment_of(repository, revision)
        program = "import scratch_plugin.a as a; print(a.A().loss(), a.__file__)"
        command = [str(made.python), "-P", "-c", program]
        said.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [float(text.split()[0]) for text in said] == [1.0, 1.5]
    assert all("site-packages" in text for text in said)


@pytest.mark.parametrize("name", ["nowhere", "HEAD~99", "-h", ""])
def test_an_unknown_revision_is_named(repository, name):
    with pytest.raises(UsageError, match=f'"{name}" is no revision'):
        repository.revision(name)


def test_a_misspelt_branch_is_met_with_the_nearest(repository):
    with pytest.raises(UsageError, match="nearest: main"):
        repository.revision("mian")


def test_a_commit_that_does_not_build_says_so_with_its_log(tmp_path):
    made = Scratch.create(tmp_path / "repository")
    broken = (made.root / "pyproject.toml").read_text().replace('version = "1.0"', "")
    made.commit("no version", {"pyproject.toml": broken})
    repository = Repository(made.root)
    with pytest.raises(UsageError, match=r"cannot build its wheel \(log: .*\)\n(.*\n)*.*version"):
        environment_of(repository, repository.revision("HEAD"))


def test_a_suite_outside_of_a_repository_is_refused(tmp_path):
    (tmp_path / "suite.yaml").write_text("suite: x\n")
    command = ["run", "--at", "HEAD", str(tmp_path / "suite.yaml")]
    with pytest.raises(UsageError, match="in no git repository"):
        CliRunner().invoke(cli, command, standalone_mode=False, catch_exceptions=False)


def test_good_must_come_before_bad(repository):
    with pytest.raises(UsageError, match="is not before"):
        repository.between(repository.revision("HEAD"), repository.revision("HEAD~3"))
