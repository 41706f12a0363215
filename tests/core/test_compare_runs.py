"""What an argument of ``harness compare`` means, and what is read of damaged runs."""

import json
import shutil
import subprocess

import pyarrow.parquet as pq
import pytest
from compared import noisy, run_of, write_run

from harness.analyse.compare import compare
from harness.errors import StoreError, UsageError
from harness.runner.arguments import resolve
from harness.runner.sides import load_side
from harness.runner.timeline import runs_by_commit

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]


def git(folder, *arguments):
    return subprocess.run(
        [*GIT, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet")
    for number in range(4):
        git(folder, "commit", "--quiet", "--allow-empty", "-m", f"commit {number}")
    git(folder, "tag", "v1", "HEAD~2")
    git(folder, "branch", "other", "HEAD~1")
    return folder


def hash_of(repository, revision):
    return git(repository, "rev-parse", revision)


@pytest.fixture
def root(tmp_path, repository):
    """Two runs at v1, one of a changed tree, and one at HEAD; one unfinished at ``other``."""
    results = tmp_path / "results"
    old, middle, new = (hash_of(repository, each) for each in ("v1", "other", "HEAD"))
    run = run_of({"a": noisy(1, 12)})
    write_run(results, run, "20260101-0000-old", commit=old, hours=0)
    write_run(results, run, "20260101-0100-old", commit=old, diff_hash="d", hours=1)
    write_run(results, run, "20260101-0200-mid", commit=middle, state="interrupted", hours=2)
    write_run(results, run_of({"a": noisy(2, 12)}), "20260101-0300-new", commit=new, hours=3)
    return results


def names(resolved):
    return [path.name for path in resolved.paths]


@pytest.mark.parametrize("revision", ["v1", "HEAD~2", "main~2", "main^^"])
def test_a_revision_is_the_latest_clean_run_at_its_commit(root, repository, revision):
    found = resolve([revision, "HEAD"], root, repository=repository)
    assert names(found) == ["20260101-0000-old", "20260101-0300-new"]


def test_a_short_hash_is_a_revision(root, repository):
    short = hash_of(repository, "v1")[:8]
    assert names(resolve([short], root, repository=repository)) == ["20260101-0000-old"]


def test_runs_are_also_meant_by_id_start_path_and_suite(root, repository):
    whole = "20260101-0100-old"
    path = str(root / "by-hand" / whole)
    found = resolve([whole, path, "20260101-0300", "by-hand"], root, repository=repository)
    assert names(found) == [whole, whole, "20260101-0300-new", "20260101-0300-new"]


def test_revisions_without_a_suite_in_common_say_what_makes_one(tmp_path, repository):
    run = run_of({"a": [1.0, 2.0]})
    write_run(tmp_path, run, "old", commit=hash_of(repository, "v1"), suite="early")
    write_run(tmp_path, run, "new", commit=hash_of(repository, "HEAD"), suite="late")
    told = "v1 has early, HEAD has late; harness run --at v1 suites/late.yaml makes one"
    with pytest.raises(UsageError, match=told):
        resolve(["v1", "HEAD"], tmp_path, repository=repository)


@pytest.mark.parametrize("part", [{"cuts": ("seeds=2",)}, {"is_cut_short": True}])
def test_a_whole_run_comes_before_a_later_one_of_a_part(tmp_path, repository, part):
    commit = hash_of(repository, "HEAD")
    write_run(tmp_path, run_of({"a": [1.0, 2.0]}), "part", commit=commit, hours=1, **part)
    assert (
        "part ran a part of the suite"
        in resolve(["HEAD"], tmp_path, repository=repository).notes[0]
    )
    write_run(tmp_path, run_of({"a": [1.0, 2.0]}), "whole", commit=commit)
    found = resolve(["HEAD", "by-hand"], tmp_path, repository=repository)
    assert names(found) == ["whole", "whole"]
    assert not found.notes


def test_a_run_of_a_changed_tree_is_taken_where_there_is_no_other_and_told(tmp_path, repository):
    commit = hash_of(repository, "HEAD")
    write_run(tmp_path, run_of({"a": [1.0]}), "dirty", commit=commit, diff_hash="d")
    found = resolve(["HEAD"], tmp_path, repository=repository)
    assert found.notes == ("HEAD: the tree of dirty differed from its commit",)


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("HEAD~1", "did not finish"),
        ("HEAD~3", r"no results at HEAD~3 \(\w{7}\); harness run --at HEAD~3"),
        ("no-such-branch", "no run is called 'no-such-branch'.*nor is it a git revision"),
        ("--evil", "no run is called"),
        ("missing.parquet", "is not there"),
    ],
)
def test_what_means_nothing_is_refused_with_the_next_command(root, repository, argument, told):
    with pytest.raises(UsageError, match=told):
        resolve([argument], root, repository=repository)


def test_a_copied_run_is_compared_with_a_run_of_its_own_suite(root, tmp_path, repository):
    new = hash_of(repository, "HEAD")
    write_run(root, run_of({"a": noisy(1, 12)}), "later", suite="other", commit=new, hours=9)
    copy = shutil.copytree(root / "by-hand" / "20260101-0000-old", tmp_path / "mail" / "copy")
    found = resolve([str(copy), "HEAD"], root, repository=repository)
    assert names(found) == ["copy", "20260101-0300-new"]


def test_of_several_suites_the_common_one_is_compared_and_told(root, repository):
    old, new = (hash_of(repository, each) for each in ("v1", "HEAD"))
    run = run_of({"a": noisy(1, 12)})
    write_run(root, run, "b-old", suite="second", commit=old, hours=4)
    write_run(root, run, "b-new", suite="second", commit=new, hours=5)
    write_run(root, run, "c-new", suite="lonely", commit=new, hours=6)
    found = resolve(["v1", "HEAD"], root, repository=repository)
    assert names(found) == ["b-old", "b-new"]
    assert "compared second, which ran last" in found.notes[0]
    chosen = resolve(["v1", "HEAD"], root, suite="by-hand", repository=repository)
    assert names(chosen) == ["20260101-0000-old", "20260101-0300-new"]


def test_a_run_without_whole_measurements_is_its_leaderboard(root):
    folder = root / "by-hand" / "20260101-0300-new"
    path = folder / "measurements.parquet"
    path.write_bytes(path.read_bytes()[:-40])
    side = load_side(folder, "cut")
    assert side.results is None
    assert any("measurements.parquet is damaged" in note for note in side.notes)
    comparison = compare(load_side(root / "by-hand" / "20260101-0000-old", "whole"), [side])
    assert [row.paired_by for row in comparison.rows] == ["mean"]
    assert any("damaged" in note for note in comparison.notes)


def test_a_run_without_its_leaderboard_is_its_measurements(root):
    folder = root / "by-hand" / "20260101-0300-new"
    (folder / "leaderboard.parquet").write_bytes(b"PAR1")
    side = load_side(folder)
    assert side.results is not None
    assert any("leaderboard.parquet is damaged" in note for note in side.notes)


def test_a_run_of_which_nothing_can_be_read_is_refused_by_name(root):
    folder = root / "by-hand" / "20260101-0300-new"
    for name in ("measurements", "leaderboard"):
        (folder / f"{name}.parquet").write_bytes(b"")
    with pytest.raises(StoreError, match=r"nothing of .*20260101-0300-new can be compared"):
        load_side(folder)


def test_a_later_schema_is_refused_by_the_files_name(root):
    folder = root / "by-hand" / "20260101-0300-new"
    for name in ("measurements", "leaderboard"):
        path = folder / f"{name}.parquet"
        table = pq.read_table(path)
        later = {**table.schema.metadata, b"harness.schema_version": b"99"}
        pq.write_table(table.replace_schema_metadata(later), path)
    with pytest.raises(StoreError, match=r"measurements\.parquet has schema version 99"):
        load_side(folder)


def test_what_a_task_declares_is_known_without_its_plugin(root):
    side = load_side(root / "by-hand" / "20260101-0300-new")
    metric = side.results.metric(0, "solved")
    assert (metric.direction, metric.has_items) == ("higher", True)


def test_without_the_record_directions_come_from_the_leaderboard(root):
    folder = root / "by-hand" / "20260101-0300-new"
    record = json.loads((folder / "run.json").read_text())
    del record["metrics"]
    (folder / "run.json").write_text(json.dumps(record))
    assert load_side(folder).results.metric(0, "regret").direction == "lower"


def test_runs_lie_in_the_order_of_their_commits_not_of_their_clocks(root, repository):
    first = hash_of(repository, "HEAD~3")
    write_run(root, run_of({"a": noisy(4, 12)}), "late", commit=first, hours=9)
    found = runs_by_commit(root, repository=repository)
    assert [side.run_id for side in found.sides] == [
        "late", "20260101-0000-old", "20260101-0100-old", "20260101-0300-new"]  # fmt: skip


def test_commits_of_another_repository_are_ordered_by_time_and_told(root, repository):
    write_run(root, run_of({"a": [1.0]}), "stranger", commit="f" * 40, hours=-1)
    found = runs_by_commit(root, repository=repository)
    assert found.sides[0].run_id == "stranger"
    assert any("not in this repository" in note for note in found.notes)
