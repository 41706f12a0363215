"""Workers that crash, hang, eat memory or leave children: what the local executor contains."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from faulty import Batch, Big, Faulty, Null, Plain
from faulty_plans import HERE, Memory, plan_of, run_local, spec_of

from harness.errors import StoreError
from harness.execute import Control, LocalOptions
from harness.execute.crew import Hand
from harness.execute.guard import Born
from harness.execute.jobs import WorkerKind
from harness.execute.local import LocalExecutor
from harness.execute.running import LocalRun
from harness.execute.slot import Mark
from harness.execute.staff import Poller
from harness.execute.system import anonymous_bytes, children
from harness.execute.watch import Watch

MIB = 1 << 20


def faulty(fault: str, cells: int = 20, at: int = 7, **changes):
    task = {key: changes.pop(key) for key in ("folder", "cell_s") if key in changes}
    return plan_of((spec_of(Faulty(fault=fault, at=at, **task), Plain(), **changes), cells))


def with_one(status: str, cells: int = 20, at: int = 7) -> list[str]:
    return ["OK"] * at + [status] + ["OK"] * (cells - at - 1)


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


# One bad cell costs one cell


@pytest.mark.parametrize("job_cells", [20, 7, 1, None])
@pytest.mark.parametrize("fault", ["segfault", "exit"])
def test_a_cell_that_kills_its_worker_is_crashed_after_two_attempts(fault, job_cells):
    sink, execution = run_local(faulty(fault), job_cells=job_cells)
    assert sink.statuses() == with_one("CRASHED")
    assert sink.cells["attempts"][7] == 2
    assert (np.delete(sink.cells["attempts"], 7) == 1).all()
    assert execution.restarts == 2
    told = "signal 11 (SIGSEGV)" if fault == "segfault" else "exited with status 0"
    assert told in sink.texts[7].error_message


@pytest.mark.parametrize("job_cells", [20, 1, None])
def test_a_cell_that_loses_the_gpu_costs_no_other_cell(job_cells):
    sink, execution = run_local(faulty("lost gpu"), job_cells=job_cells)
    assert sink.statuses() == with_one("CRASHED")
    assert "had made its GPU useless to it" in sink.texts[7].error_message
    assert execution.restarts == 2


def test_a_full_gpu_is_out_of_memory_and_the_worker_goes_on():
    sink, execution = run_local(faulty("full gpu"), job_cells=20)
    assert sink.statuses() == with_one("OOM")
    assert "CUDA out of memory" in sink.texts[7].error_message
    assert execution.restarts == 0


def test_a_cell_that_crashes_once_is_ok_at_its_second_attempt(tmp_path):
    sink, _ = run_local(faulty("crash once", folder=str(tmp_path)), job_cells=20)
    assert sink.statuses() == ["OK"] * 20
    assert sink.cells["attempts"][7] == 2


def test_without_retries_a_crash_is_final():
    sink, execution = run_local(faulty("segfault"), job_cells=20, retries=0)
    assert sink.statuses() == with_one("CRASHED")
    assert execution.restarts == 1


def test_one_deadly_cell_among_batches_is_the_only_one_charged():
    plan = plan_of((spec_of(Batch(width=16, at=21), Plain()), 48))
    sink, execution = run_local(plan, job_cells=32)
    assert sink.statuses() == with_one("CRASHED", 48, 21)
    assert execution.restarts == 3


def test_a_module_that_crashes_at_import_condemns_its_spec_and_no_other():
    broken = spec_of(Null(), Plain(), task_at="importcrash:Task")
    sink, execution = run_local(plan_of((broken, 50), (spec_of(Null(), Plain()), 10)))
    assert sink.statuses() == ["CRASHED"] * 50 + ["OK"] * 10
    assert "imported and constructed" in sink.texts[0].error_message
    assert execution.restarts <= 4


def test_a_constructor_that_crashes_condemns_its_spec():
    broken = spec_of(Null(), Plain(), method_at="faulty:Picky", method_params={"how": "crash"})
    sink, _ = run_local(plan_of((broken, 5), (spec_of(Null(), Plain()), 5)))
    assert sink.statuses() == ["CRASHED"] * 5 + ["OK"] * 5


def test_a_constructor_that_hangs_is_waited_for_twice_and_not_once_a_cell():
    hung = spec_of(
        Null(), Plain(), method_at="faulty:Picky", method_params={"how": "hang"}, timeout_s=0.5
    )
    plan = plan_of((hung, 100), (spec_of(Null(), Plain()), 5))
    sink, execution = run_local(plan, workers=1, load_timeout_s=0.6)
    assert sink.statuses() == ["TIMEOUT"] * 100 + ["OK"] * 5
    assert execution.restarts == 2
    assert "imported and constructed" in sink.texts[50].error_message


def test_a_constructor_that_takes_longer_than_a_cell_may_is_no_cells_fault():
    slow = spec_of(
        Null(), Plain(), method_at="faulty:Picky", method_params={"how": "slow"}, timeout_s=0.2
    )
    sink, execution = run_local(plan_of((slow, 5)))
    assert sink.statuses() == ["OK"] * 5
    assert execution.restarts == 0


def test_a_crash_after_the_last_outcome_is_a_note_and_costs_no_cell():
    plan = plan_of(
        (spec_of(Faulty(fault="crash after the last"), Plain()), 10), (spec_of(Null(), Plain()), 50)
    )
    sink, execution = run_local(plan, workers=1, job_cells=5, retries=0)
    assert sink.statuses() == ["OK"] * 60
    assert any("killed by signal 11" in note for note in execution.notes)


def test_a_worker_that_dies_again_and_again_ends_the_trying():
    task = spec_of(Faulty(fault="crash after the last"), Plain())
    sink, execution = run_local(plan_of((task, 40)), workers=1, job_cells=1, max_restarts=5)
    statuses = sink.statuses()
    assert len(statuses) == 40
    assert set(statuses) == {"OK", "CRASHED"}
    assert execution.restarts <= 8


# Time


@pytest.mark.parametrize("fault", ["loop", "stubborn", "stop"])
def test_a_cell_without_end_is_ended_from_outside(fault):
    started = time.monotonic()
    sink, execution = run_local(faulty(fault, timeout_s=0.5), job_cells=20, term_grace_s=0.1)
    assert sink.statuses() == with_one("TIMEOUT")
    assert sink.texts[7].error_message == "no outcome within 0.5 s"
    assert execution.restarts == 1
    assert 0.5 <= sink.cells["wall_s"][7] < 8
    assert time.monotonic() - started < 12


def test_code_after_the_last_outcome_has_a_deadline_too():
    plan = plan_of(
        (spec_of(Faulty(fault="hang after the last"), Plain(), timeout_s=0.4), 3),
        (spec_of(Faulty(cell_s=0.001), Plain()), 50),
    )
    sink, execution = run_local(plan, workers=1, job_cells=3, retries=0)
    assert sink.statuses() == ["OK"] * 53
    assert any("did not end after its last outcome" in note for note in execution.notes)


def test_cells_taken_up_together_have_the_time_of_all_of_them():
    # 8 cells in 0.8 s, limit 0.5 s a cell: late for one cell, in time for eight.
    plan = plan_of((spec_of(Batch(width=8, seconds=0.1), Plain(), timeout_s=0.5), 8))
    sink, execution = run_local(plan, job_cells=8)
    assert sink.statuses() == ["OK"] * 8
    assert execution.restarts == 0


# Memory and logs


@pytest.mark.parametrize("fault", ["eat", "eat in a child"])
def test_a_cell_that_passes_its_memory_limit_is_out_of_memory(fault):
    sink, execution = run_local(faulty(fault, memory_bytes=200 * MIB), job_cells=20)
    assert sink.statuses() == with_one("OOM")
    assert "200 MiB are allowed" in sink.texts[7].error_message
    assert execution.restarts == 1
    assert sink.cells["peak_kib"][7] >= 200 << 10


def test_a_cell_that_starts_more_processes_than_its_class_says_fails_and_leaves_none():
    sink, execution = run_local(faulty("crowd", processes=2), job_cells=20)
    assert sink.statuses() == with_one("FAILED")
    told = "3 processes ran at one time where the hardware class says 2"
    assert sink.texts[7].error_message == told
    assert sink.texts[7].error_type == "TooManyProcesses"
    assert execution.restarts == 1
    assert subprocess.run(["pgrep", "-fx", "sleep 0.3"], check=False).returncode == 1


@pytest.mark.parametrize("allowed", [None, 3])
def test_a_cell_may_start_as_many_processes_as_its_class_says(allowed):
    sink, _ = run_local(faulty("crowd", processes=allowed), job_cells=20)
    assert sink.statuses() == ["OK"] * 20


@pytest.mark.parametrize(
    ("fault", "limit"), [("keep", {"memory_bytes": 200 * MIB}), ("children", {"processes": 2})]
)
def test_what_another_spec_left_in_a_worker_is_charged_to_nobody(fault, limit, tmp_path):
    leaving = spec_of(Faulty(fault=fault, at=0, folder=str(tmp_path)), Plain())
    limited = spec_of(Faulty(cell_s=0.15), Plain(), **limit)
    sink, execution = run_local(plan_of((leaving, 1), (limited, 3)), workers=1, job_cells=1)
    assert sink.statuses() == ["OK"] * 4
    assert execution.restarts == 0


def test_an_idle_worker_that_stands_still_gives_way_to_another_kind():
    frozen = spec_of(Faulty(fault="freeze later", at=0), Plain())
    working = spec_of(Faulty(cell_s=0.6), Plain())
    waiting = spec_of(Faulty(), Plain(), cpus=2, exclusive=True)
    plan = plan_of((frozen, 1), (working, 1), (waiting, 2))
    control = Control()
    late = threading.Timer(20.0, lambda: setattr(control, "stop", True))
    late.start()
    sink, execution = run_local(plan, workers=2, cpus=2, job_cells=1, control=control)
    late.cancel()
    assert not execution.was_stopped
    assert sink.statuses() == ["OK"] * 4


def test_what_a_worker_inherits_from_the_guardian_is_not_counted_to_it():
    inherited = []

    def look():
        for guardian in set(children(os.getpid())) - known:
            inherited.extend(map(anonymous_bytes, children(guardian)))

    known = set(children(os.getpid()))
    sink = Memory(on_write=look)
    run_local(faulty("none", cells=20, cell_s=0.01), sink=sink)
    limit = min(each for each in inherited if each)
    assert limit > 5 * MIB
    sink, execution = run_local(faulty("none", cells=10, cell_s=0.05, memory_bytes=limit))
    assert sink.statuses() == ["OK"] * 10
    assert execution.restarts == 0


def test_a_worker_that_prints_without_end_has_a_log_of_its_cap(tmp_path):
    sink, _ = run_local(faulty("print"), log_folder=tmp_path / "logs", log_cap_bytes=64 << 10)
    assert sink.statuses() == ["OK"] * 20
    logs = list((tmp_path / "logs").iterdir())
    assert logs
    # The last cut is at most one look (50 ms) before the end.
    assert all(log.stat().st_size < 64 * MIB for log in logs)
    assert any(b"cut here" in log.read_bytes() for log in logs)


def test_a_failed_cell_names_the_log_that_has_its_traceback(tmp_path):
    sink, _ = run_local(faulty("raise"), log_folder=tmp_path / "logs")
    log = sink.texts[7].log
    assert log.startswith("logs/worker-")
    assert "ArithmeticError: the seventh is wrong" in (tmp_path / log).read_text()


# Nobody is left behind


def sleepers(folder: Path) -> list[int]:
    return [int(pid) for file in folder.glob("pids-*") for pid in file.read_text().split()]


@pytest.mark.parametrize("fault", ["children", "children, then crash"])
def test_children_of_all_kinds_are_gone_when_the_run_returns(tmp_path, fault):
    sink, _ = run_local(faulty(fault, folder=str(tmp_path)), job_cells=20)
    assert sink.statuses()[8:] == ["OK"] * 12
    pids = sleepers(tmp_path)
    assert len(pids) >= 3
    assert not [pid for pid in pids if is_alive(pid)]


def test_a_dead_workers_children_go_while_the_run_goes_on(tmp_path):
    plan = plan_of(
        (spec_of(Faulty(fault="children, then crash", at=0, folder=str(tmp_path)), Plain()), 1),
        (spec_of(Faulty(cell_s=0.05), Plain()), 400),
    )
    control, seen = Control(), []

    def look():
        pids = sleepers(tmp_path)
        if len(pids) == 6 and not any(map(is_alive, pids)):
            seen.append(True)
            control.stop = True

    sink = Memory(on_write=look)
    run_local(plan, control=control, sink=sink)
    assert seen


def test_a_forked_child_that_holds_the_pipe_does_not_hold_up_the_run():
    started = time.monotonic()
    sink, _ = run_local(faulty("holder"), job_cells=20)
    assert sink.statuses() == with_one("CRASHED")
    assert time.monotonic() - started < 15


def test_no_process_is_left_after_a_run():
    run_local(faulty("none"))
    names = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(os.getpid())]
    assert not any(b"guardian" in name for name in names)


MAIN = """
import sys
sys.path[:0] = [{here!r}]
from faulty import Faulty, Plain
from faulty_plans import plan_of, run_local, spec_of
task = Faulty(fault="children", at=0, cell_s=0.2, folder={folder!r})
run_local(plan_of((spec_of(task, Plain()), 1000)), job_cells=1)
"""


@pytest.mark.parametrize("moment", [0.0, 0.15])
def test_nobody_lives_a_second_after_main_was_killed(tmp_path, moment):
    script = MAIN.format(here=HERE, folder=str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    main = subprocess.Popen([sys.executable, "-c", script], env=environment)
    assert wait_until(lambda: len(sleepers(tmp_path)) == 3, 30)
    time.sleep(moment)
    (guardian,) = children(main.pid)
    everyone = [guardian, *children(guardian), *sleepers(tmp_path)]
    assert len(everyone) >= 5
    main.kill()
    main.wait()
    assert wait_until(lambda: not any(map(is_alive, everyone)), 1.0)


# Killed from outside


def kill_during(plan, chosen, moment: float, sig=signal.SIGKILL):
    """Run the plan while a thread kills what ``chosen`` gives of the guardian's pid."""
    known = set(children(os.getpid()))
    killed = []

    def strike():
        wait_until(lambda: set(children(os.getpid())) - known)
        (guardian,) = set(children(os.getpid())) - known
        wait_until(lambda: children(guardian))
        time.sleep(moment)
        for pid in chosen(guardian):
            os.kill(pid, sig)
            killed.append(pid)

    thread = threading.Thread(target=strike)
    thread.start()
    sink, execution = run_local(plan, job_cells=5)
    thread.join()
    assert killed
    return sink, execution


def disturbed_plan():
    return plan_of(
        (spec_of(Faulty(cell_s=0.002), Plain()), 150), (spec_of(Batch(seconds=0.001), Plain()), 150)
    )


@pytest.fixture(scope="module")
def undisturbed():
    sink, _ = run_local(disturbed_plan(), job_cells=5)
    return sink.content()


@pytest.mark.parametrize("seed", range(5))
def test_a_worker_killed_at_any_moment_changes_no_row(undisturbed, seed):
    draws = random.Random(seed)
    moment = draws.uniform(0.0, 0.2)
    sink, execution = kill_during(disturbed_plan(), lambda g: children(g)[:1], moment)
    assert sink.content() == undisturbed
    assert execution.restarts == 1


def test_a_guardian_killed_before_its_first_worker_is_born_is_replaced():
    known = set(children(os.getpid()))
    executor = LocalExecutor(2, LocalOptions(job_cells=5, is_pinned=False))
    executor.prepare()
    (guardian,) = set(children(os.getpid())) - known
    os.kill(guardian, signal.SIGKILL)
    plan, sink = plan_of((spec_of(Null(), Plain()), 20)), Memory()
    executor.run(plan, np.arange(20), sink, Control())
    assert sink.statuses() == ["OK"] * 20


@pytest.mark.parametrize("moment", [0.0, 0.06, 0.12])
def test_a_guardian_killed_at_any_moment_is_replaced_and_charges_nobody(undisturbed, moment):
    workers = []

    def guardian_itself(guardian):
        workers.extend(children(guardian))
        return [guardian]

    sink, execution = kill_during(disturbed_plan(), guardian_itself, moment)
    assert workers
    assert not any(map(is_alive, workers))
    assert sink.content() == undisturbed
    assert (sink.cells["attempts"] == 1).all()
    assert any("guardian" in note for note in execution.notes)


def test_busy_workers_die_with_the_guardian():
    control, known = Control(), set(children(os.getpid()))
    plan = faulty("none", cells=4, cell_s=30.0)
    run = threading.Thread(target=run_local, args=(plan,), kwargs={"control": control})
    run.start()
    assert wait_until(lambda: set(children(os.getpid())) - known)
    (guardian,) = set(children(os.getpid())) - known
    assert wait_until(lambda: len(children(guardian)) == 2)
    workers = children(guardian)
    time.sleep(0.1)
    os.kill(guardian, signal.SIGKILL)
    assert wait_until(lambda: not any(map(is_alive, workers)), 2.0)
    control.stop = True
    run.join()


def test_a_retired_workers_descriptor_is_not_taken_for_the_next_ones():
    def hand(commands, outcomes):
        log = os.open(os.devnull, os.O_RDWR)
        return Hand(0, WorkerKind(1), (0,), (), commands, outcomes, None, log, pid=1)

    pipes = [os.pipe() for _ in range(4)]
    poller, old = Poller(), hand(pipes[0][1], pipes[1][0])
    poller.watch(old)
    number = old.commands
    old.retire()
    os.dup2(pipes[2][0], number)  # the system gives the lowest number that is free
    new = hand(pipes[3][1], number)
    poller.watch(new)
    os.write(pipes[2][1], b"x")
    for fd in (old.outcomes, old.commands):  # as at its burial
        poller.forget(fd)
    old.close()
    assert [found for _, found in poller.ready(1.0)] == [new]
    poller.close()
    new.close()
    for fd in (pipes[0][0], pipes[1][1], *pipes[2], pipes[3][0]):
        os.close(fd)


def test_workers_of_two_kinds_take_turns_and_none_is_forgotten():
    """A worker retires for one of another kind, again and again, while others are born."""
    kinds = [spec_of(Faulty(), Plain(), cpus=cpus) for cpus in (1, 2, 1, 2, 1, 2)]
    for _ in range(3):
        sink, execution = run_local(plan_of(*((each, 4) for each in kinds)), workers=2, cpus=2)
        assert sink.statuses() == ["OK"] * 24
        assert execution.restarts == 0


def test_a_worker_that_is_born_to_no_work_gives_way_to_what_waits():
    """Its jobs were done by others before it came, and nothing else would make room."""
    hand = Hand(0, WorkerKind(1), (0,), (), -1, -1, None, -1)
    run = LocalRun.__new__(LocalRun)
    run._guard = SimpleNamespace(events=lambda: [Born(0, os.getpid())])
    run._crew = SimpleNamespace(hands={0: hand})
    run._staff = SimpleNamespace(feed=lambda hand: None)
    run._is_changed = False
    run._hear_guardian()
    assert run._is_changed


def test_a_worker_stopped_between_jobs_is_late_for_the_job_that_waits():
    job = SimpleNamespace(
        number=2, spec=0, artifact=None, need=SimpleNamespace(memory_bytes=0, processes=0)
    )
    hand = Hand(0, WorkerKind(1), (0,), (), -1, -1, None, -1, pid=1)
    hand.jobs.append(job)
    killed = []
    guard = SimpleNamespace(kill=lambda index, number: killed.append((index, number)))
    slots = SimpleNamespace(read=lambda index: Mark(0, 0, 0, 0, 0, 0))
    plan = SimpleNamespace(specs=[SimpleNamespace(timeout_s=5.0)])
    watch = Watch(plan, LocalOptions(term_grace_s=0.0))
    for waited_s, expected in ((1.0, []), (6.0, [(0, signal.SIGTERM)])):
        hand.head_since = time.monotonic() - waited_s
        watch.look(hand, slots, guard)
        assert killed == expected
    watch.look(hand, slots, guard)
    assert killed[1:] == [(0, signal.SIGKILL)]


def test_a_worker_stopped_from_outside_runs_into_its_limit():
    plan = plan_of((spec_of(Faulty(cell_s=0.01), Plain(), timeout_s=0.8), 100))
    sink, _ = kill_during(plan, lambda g: children(g)[:1], 0.1, signal.SIGSTOP)
    statuses = sink.statuses()
    assert len(statuses) == 100
    assert statuses.count("TIMEOUT") <= 1
    assert set(statuses) <= {"OK", "TIMEOUT"}


# Volume, stopping, errors of the sink


@pytest.mark.parametrize("fault", ["none", "segfault"])
def test_jobs_larger_than_any_pipe_do_not_lock_up(fault):
    sink, _ = run_local(faulty(fault, cells=30_000, at=20_000), job_cells=30_000)
    assert len(sink.cells) == 30_000
    bad = np.flatnonzero(sink.cells["status"])
    assert bad.tolist() == ([] if fault == "none" else [20_000])


def test_large_outcomes_of_a_worker_that_dies_are_whole_or_absent():
    task = Big(points=300_000)
    plan = plan_of((spec_of(task, Plain()), 6))
    sink, _ = kill_during(plan, lambda g: children(g)[:1], 0.05)
    assert sink.statuses() == ["OK"] * 6
    assert len(sink.measurements) == 6 * 300_000


def test_stop_ends_the_run_at_once_and_keeps_what_is_done():
    control = Control()
    sink = Memory()
    plan = faulty("none", cells=2000, cell_s=0.02)
    timer = threading.Timer(0.6, lambda: setattr(control, "stop", True))
    timer.start()
    started = time.monotonic()
    _, execution = run_local(plan, control=control, sink=sink)
    assert execution.was_stopped
    assert time.monotonic() - started < 6
    cells = sink.cells
    assert 0 < len(cells) < 2000
    assert (cells["status"] == 0).all()


def test_what_the_sink_raises_comes_through_and_leaves_nobody():
    class Full(Memory):
        def write(self, group):
            raise StoreError("the disk is full")

    known = set(children(os.getpid()))
    with pytest.raises(StoreError, match="the disk is full"):
        run_local(faulty("none"), sink=Full())
    assert set(children(os.getpid())) <= known


def test_the_display_is_called_at_most_ten_times_a_second_and_shows_the_running_cell():
    sink, _ = run_local(faulty("none", cells=60, cell_s=0.02))
    assert len(sink.views) >= 2
    shown = [view for views in sink.views for view in views if view.spec is not None]
    assert shown
    assert all(view.spec == 0 and 0 <= view.done <= view.cells for view in shown)


def test_an_empty_run_starts_nothing():
    plan = faulty("none")
    executor = LocalExecutor(2, LocalOptions())
    sink = Memory()
    assert not executor.run(plan, np.empty(0, np.int64), sink, Control()).was_stopped
    assert sink.groups == []


def test_workers_of_other_kinds_replace_idle_ones_and_exclusive_cells_run_last(tmp_path):
    plan = plan_of(
        (spec_of(Faulty(), Plain(), exclusive=True), 4),
        (spec_of(Faulty(), Plain()), 20),
        (spec_of(Faulty(), Plain(), cpus=2), 4),
    )
    sink, execution = run_local(plan, cpus=2, log_folder=tmp_path)
    assert sink.statuses() == ["OK"] * 28
    assert execution.restarts == 0
    cells = sink.cells
    alone = cells["cell"] < 4
    ends = cells["started"] + cells["wall_s"]
    assert cells["started"][alone].min() >= ends[~alone].max() - 1e-3
