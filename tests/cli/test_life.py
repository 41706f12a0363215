"""A run's life: stopped, killed, out of disk, beside another; and then gone on with."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest
from commands import HEAD, Folder, alive, children, descendants, settled, wait_until

SLOW = f"""{HEAD}defaults: {{seeds: {{seeds}}}}
entries:
  - task: trouble/slow
    params: {{told: told.txt}}
    methods: [trouble/plain, trouble/other]
claims:
  - name: plain is lower
    metric: loss
    better: trouble/plain
    than: trouble/other
    failures: drop
"""
CELLS = 240

# What may differ between two runs of one suite: timings, memory, and who ran what when.
OF_THE_RUN = [
    "run_id",
    "attempts",
    "started",
    "wall_s",
    "cpu_s",
    "compile_s",
    "peak_memory",
    "shared",
    "log",
]


def slow(path, seeds: int = CELLS // 2) -> Folder:
    return Folder.at(path, SLOW.replace("{seeds}", str(seeds)))


def content(folder: Folder, run: int = -1) -> dict[str, list[tuple]]:
    """Every Parquet file of a run, but for what may differ."""
    found = {}
    for name in ("cells", "measurements", "leaderboard", "claims"):
        table = pd.read_parquet(folder.runs()[run] / f"{name}.parquet")
        kept = table.drop(columns=[each for each in OF_THE_RUN if each in table])
        found[name] = sorted(map(repr, kept.itertuples(index=False, name=None)))
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """An undisturbed run: its folder, and how long it took."""
    folder = slow(tmp_path_factory.mktemp("undisturbed"))
    before = time.monotonic()
    settled(folder.run("run", "toy.yaml"), 3)
    return folder, time.monotonic() - before


def begun(folder: Folder, *arguments: str, cells: int = 5) -> subprocess.Popen:
    """A run that has begun ``cells`` cells."""
    told = folder.path / "told.txt"
    process = folder.start("run", "toy.yaml", *arguments)

    def has_begun():
        assert process.poll() is None, process.communicate()
        return told.exists() and told.read_text().count("\n") >= cells

    wait_until(has_begun)
    return process


def ended(process: subprocess.Popen) -> subprocess.CompletedProcess[str]:
    stdout, stderr = process.communicate(timeout=20)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_the_write_and_the_same_command_goes_on(tmp_path, undisturbed, number):
    folder = slow(tmp_path)
    process = begun(folder)
    below = descendants(process.pid)
    process.send_signal(number)
    done = ended(process)
    printed = settled(done, 130)
    assert "the same command goes on from there" in printed
    assert re.search(r"^  harness run toy.yaml$", printed, re.MULTILINE)
    assert "not run" in printed
    assert not alive(below)
    assert folder.record()["state"] == "interrupted"
    first = folder.cells()
    assert 0 < len(first) < CELLS
    again = folder.run("run", "toy.yaml")
    settled(again, 3)
    assert len(folder.runs()) == 1
    assert folder.record()["state"] == "finished"
    kept = first.merge(folder.cells(), on="cell_id")
    assert (kept["started_x"] == kept["started_y"]).all()  # none was computed twice
    assert content(folder) == content(undisturbed[0])


def test_a_second_interrupt_ends_at_once_and_keeps_what_is_journalled(tmp_path, undisturbed):
    folder = slow(tmp_path)
    folder.write(
        "toy.yaml", (folder.path / "toy.yaml").read_text().replace("told:", "cell_s: 0.1, told:")
    )
    process = begun(folder, "--job-cells", "100", cells=30)  # 7 s are left of its job
    below = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: "stopping" in process.stderr.readline())
    process.send_signal(signal.SIGINT)
    before = time.monotonic()
    done = ended(process)
    assert time.monotonic() - before < 4
    settled(done, 130)
    wait_until(lambda: not alive(below))
    assert "killed" in settled(folder.run("results"), 0)


def workers_of(main: int) -> set[int]:
    """The children of the guardian, which is a child of the main process."""
    return {worker for child in children(main) for worker in children(child)}


def kill_and_resume(folder: Folder, moments: list[float], *, victim: str) -> None:
    """Runs that are killed so long after their start, and one that goes on to the end."""
    for moment in moments:
        process = folder.start("run", "toy.yaml")
        time.sleep(moment)
        below = descendants(process.pid)
        if victim == "main":
            process.kill()
            process.communicate()
            wait_until(lambda below=below: not alive(below), within=1)
        else:
            for pid in sorted(workers_of(process.pid))[:1]:
                os.kill(pid, signal.SIGKILL)
            process.communicate(timeout=20)
    done = folder.run("run", "toy.yaml")
    settled(done, 3)


def random_moments(seed: int, number: int, seconds: float) -> list[float]:
    draw = random.Random(seed)
    return [draw.uniform(0.0, 1.1 * seconds) for _ in range(number)]


def check_kills(tmp_path, undisturbed, seed: int, number: int, victim: str) -> None:
    whole, seconds = undisturbed
    wanted = content(whole)
    for at, moment in enumerate(random_moments(seed, number, seconds)):
        folder = slow(tmp_path / f"{victim}-{at}")
        kill_and_resume(folder, [moment], victim=victim)
        runs = folder.runs()
        # A second run is there where the first had finished nevertheless.
        assert content(folder, 0) == wanted, f"killed {victim} after {moment:.3f} s"
        assert len(runs) in (1, 2)
        shutil.rmtree(folder.path)


@pytest.mark.parametrize("victim", ["main", "worker"])
def test_kill_nine_at_a_random_moment_loses_nothing(tmp_path, undisturbed, victim):
    check_kills(tmp_path, undisturbed, seed=3, number=3, victim=victim)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["main", "worker"])
def test_kill_nine_at_fifty_random_moments_loses_nothing(tmp_path, undisturbed, victim):
    check_kills(tmp_path, undisturbed, seed=4, number=50, victim=victim)


def test_a_resumed_run_that_is_killed_again_loses_nothing(tmp_path, undisturbed):
    whole, seconds = undisturbed
    folder = slow(tmp_path)
    kill_and_resume(folder, [0.6 * seconds, 0.6 * seconds], victim="main")
    assert content(folder, 0) == content(whole)


def test_two_runs_of_one_suite_at_once_both_finish(tmp_path, undisturbed):
    folder = slow(tmp_path)
    both = [folder.start("run", "toy.yaml", "--fresh") for _ in range(2)]
    for process in both:
        settled(ended(process), 3)
    assert len(folder.runs()) == 2
    assert content(folder, 0) == content(folder, 1) == content(undisturbed[0])


def small_files():
    """As a disk with room for 24 kB a file: what is beyond fails with EFBIG."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (24 << 10, resource.RLIM_INFINITY))


def check_full(folder: Folder, done: subprocess.CompletedProcess[str], advice: str) -> None:
    """That a run which could not write says so, and that a later one goes on with it."""
    printed = settled(done, 5)
    assert "✗ cannot write results/toy/" in printed
    assert advice in printed
    assert printed.endswith("exit 5\n")


def test_when_no_more_can_be_written_what_was_is_kept(tmp_path, undisturbed):
    folder = slow(tmp_path)
    done = folder.run("run", "toy.yaml", preexec_fn=small_files)
    check_full(folder, done, "File too large")
    told = (folder.path / "told.txt").read_text().splitlines()
    settled(folder.run("run", "toy.yaml"), 3)
    assert len(folder.runs()) == 1
    assert content(folder) == content(undisturbed[0])
    begun_twice = len((folder.path / "told.txt").read_text().splitlines()) - CELLS
    assert 0 <= begun_twice < len(told) / 2  # most of what ran before was not run again


def mounted(path, size: str, *options: str) -> bool:
    path.mkdir()
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "none", path]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def unmount(path) -> None:
    subprocess.run(["umount", "-l", path], check=True)


def test_a_full_disk_says_what_to_do_and_keeps_what_is_there(tmp_path, undisturbed):
    folder = slow(tmp_path / "work")
    results = folder.path / "results"
    if not mounted(results, "64k"):
        pytest.skip("needs the right to mount a file system")
    try:
        done = folder.run("run", "toy.yaml")
        check_full(folder, done, "free the disk, then give the same command again")
        grown = ["mount", "-o", "remount,size=8m", results]
        subprocess.run(grown, check=True)
        settled(folder.run("run", "toy.yaml"), 3)
        assert len(folder.runs()) == 1
        assert content(folder) == content(undisturbed[0])
    finally:
        unmount(results)


def test_a_read_only_results_folder_is_told_before_anything_runs(tmp_path):
    folder = slow(tmp_path / "work")
    results = folder.path / "results"
    if not mounted(results, "64k", "ro"):
        pytest.skip("needs the right to mount a file system")
    try:
        printed = settled(folder.run("run", "toy.yaml"), 5)
        assert "read-only: choose another folder for results" in printed
    finally:
        unmount(results)
    assert not (folder.path / "told.txt").exists()


def test_results_below_a_file_are_told_before_anything_runs(tmp_path):
    folder = slow(tmp_path)
    printed = settled(folder.run("run", "toy.yaml", "--results", "toy.yaml/results"), 5)
    assert "✗ cannot write toy.yaml/results" in printed
    assert not (folder.path / "told.txt").exists()


@pytest.fixture
def finished(tmp_path, undisturbed):
    """A copy of the undisturbed run's folder."""
    shutil.copytree(undisturbed[0].path, tmp_path / "copy")
    return Folder(tmp_path / "copy")


def test_a_run_of_a_newer_schema_is_refused_by_name_and_harms_no_other(finished):
    (run,) = finished.runs()
    later = run.parent / "20990101-0000-later"
    shutil.copytree(run, later)
    record = json.loads((later / "run.json").read_text())
    (later / "run.json").write_text(json.dumps({**record, "schema_version": 99}))
    for command in ("leaderboard", "claims"):
        printed = settled(finished.run(command, str(later)), 5)
        assert f"{later}/run.json has schema version 99" in printed
        assert "upgrade harness" in printed
    done = finished.run("leaderboard", "toy")
    assert "trouble/slow" in done.stdout
    assert "20990101-0000-later/run.json has schema version 99" in done.stderr
    assert "schema version 99" in finished.run("results").stderr


def test_a_newer_table_is_refused_by_name(finished):
    (run,) = finished.runs()
    path = run / "leaderboard.parquet"
    table = pq.read_table(path)
    changed = {**table.schema.metadata, b"harness.schema_version": b"99"}
    pq.write_table(table.replace_schema_metadata(changed), path)
    printed = settled(finished.run("leaderboard"), 5)
    assert "leaderboard.parquet has schema version 99" in printed


@pytest.mark.parametrize("keep", [0, 0.5], ids=str)
def test_a_table_that_was_cut_short_is_named(finished, keep):
    (run,) = finished.runs()
    path = run / "leaderboard.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    printed = settled(finished.run("leaderboard"), 5)
    assert "leaderboard.parquet is damaged" in printed
    assert "run the suite again" in printed
    settled(finished.run("claims"), 0)


def test_results_can_be_read_when_the_plugin_is_gone(finished):
    (finished.path / "trouble.py").unlink()
    assert "trouble/plain" in settled(finished.run("leaderboard"), 0)
    assert "plain is lower" in settled(finished.run("claims"), 0)
    assert "finished" in settled(finished.run("results"), 0)
    assert "unlucky 12" in settled(finished.run("results", "--failed"), 0)
    assert "no plugin at" in settled(finished.run("run", "toy.yaml"), 2)
