"""Cutting rows into jobs, what waits for what, and the frames between processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.execute.jobs import Paces, WorkerKind
from harness.execute.queue import JobQueue
from harness.execute.wire import (
    Frames,
    JobMessage,
    Kind,
    Parcel,
    decode_parcel,
    encode_job,
    encode_parcel,
    frame,
)
from harness.store.rows import BoundRow, CellText, Group, ItemRow, RecordRow

ONE = WorkerKind(1)
ROOM = 1 << 40


def spec(index, cpus=1, memory=None, exclusive=False, artifacts=None, gpus=0):
    return SimpleNamespace(
        index=index,
        cpus=cpus,
        gpus=gpus,
        processes=None,
        memory_bytes=memory,
        exclusive=exclusive,
        artifacts=artifacts or {},
        timeout_s=60.0,
    )


def plan_of(*entries):
    specs = tuple(each for each, _ in entries)
    counts = [cells for _, cells in entries]
    seeds = [np.arange(cells) for cells in counts]
    return SimpleNamespace(
        specs=specs,
        spec=np.repeat(np.arange(len(specs), dtype=np.int32), counts),
        seed=np.concatenate(seeds),
        artifacts=(),
    )


def queue_of(*entries, job_cells=None, workers=2, cpus=2, gpus=0):
    plan = plan_of(*entries)
    return JobQueue(
        plan, np.arange(len(plan.spec)), Paces(job_cells, workers), WorkerKind(cpus, gpus)
    )


def drained(queue, seconds_a_cell):
    """Every job of a queue run by one worker, as (spec, cells)."""
    taken, last = [], None
    while not queue.is_done:
        job = queue.next(queue.kinds[0], last, ROOM)
        taken.append(job)
        last = job.spec
        queue.finished(job, seconds_a_cell * job.cells)
    return taken


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.integers(1, 4),
    st.one_of(st.none(), st.integers(1, 50)),
    st.floats(1e-6, 5.0),
)
def test_every_row_is_in_one_job_and_a_job_has_one_spec(counts, workers, job_cells, cell_s):
    entries = [(spec(index), cells) for index, cells in enumerate(counts)]
    jobs = drained(queue_of(*entries, job_cells=job_cells, workers=workers), cell_s)
    rows = np.concatenate([job.rows for job in jobs])
    assert sorted(rows.tolist()) == list(range(sum(counts)))
    ends = np.cumsum(counts)
    for job in jobs:
        assert (np.searchsorted(ends, job.rows, side="right") == job.spec).all()


def test_jobs_of_quick_cells_grow_to_a_thousand_and_shrink_towards_the_end():
    sizes = [job.cells for job in drained(queue_of((spec(0), 20_000)), 1e-5)]
    assert sizes[0] == 1
    assert max(sizes) == 1000
    assert sizes[-1] == 1
    assert len(sizes) < 100


def test_cells_of_a_second_and_more_are_jobs_of_their_own():
    assert {job.cells for job in drained(queue_of((spec(0), 30)), 2.0)} == {1}


def test_cells_of_ten_milliseconds_come_in_jobs_of_about_a_second():
    sizes = [job.cells for job in drained(queue_of((spec(0), 5000)), 0.01)]
    assert max(sizes) == 100


def test_a_given_size_is_kept():
    sizes = [job.cells for job in drained(queue_of((spec(0), 95), job_cells=20), 9.0)]
    assert sizes == [20, 20, 20, 20, 15]


def test_a_worker_stays_with_its_spec_and_another_begins_a_fresh_one():
    queue = queue_of((spec(0), 10), (spec(1), 10), job_cells=2)
    first, second = queue.next(ONE, None, ROOM), queue.next(ONE, None, ROOM)
    assert (first.spec, second.spec) == (0, 1)
    assert queue.next(ONE, 0, ROOM).spec == 0
    assert queue.next(ONE, 1, ROOM).spec == 1


def test_exclusive_cells_come_last_and_alone():
    queue = queue_of((spec(0, exclusive=True), 2), (spec(1), 2), job_cells=1)
    ordinary = [queue.next(ONE, None, ROOM) for _ in range(2)]
    assert {job.spec for job in ordinary} == {1}
    assert queue.next(ONE, None, ROOM) is None
    queue.finished(ordinary[0], 1.0)
    assert queue.next(ONE, None, ROOM) is None
    queue.finished(ordinary[1], 1.0)
    alone = queue.next(ONE, None, ROOM)
    assert alone.spec == 0
    assert queue.next(ONE, None, ROOM) is None
    queue.finished(alone, 1.0)
    assert queue.next(ONE, None, ROOM).spec == 0


def test_exclusive_cells_of_two_kinds_go_to_workers_of_their_kind():
    small, large = WorkerKind(1), WorkerKind(1, 1)
    queue = queue_of(
        (spec(0, exclusive=True), 3),
        (spec(1, exclusive=True, gpus=1), 6),
        job_cells=1,
        gpus=1,
    )
    given = []
    while not queue.is_done:
        for worker in (large, small):  # both new each time, as where there is room for one
            job = queue.next(worker, None, ROOM)
            if job is not None:
                given.append((worker, job))
                queue.finished(job, 1.0)
    met = Counter((worker, job.spec) for worker, job in given)
    assert met == {(small, 0): 3, (large, 1): 6}


def test_what_wants_more_memory_than_is_free_waits_unless_nothing_runs():
    queue = queue_of((spec(0, memory=100), 2), (spec(1, memory=10), 1), job_cells=1)
    large = queue.next(ONE, None, 50)
    assert large.spec == 0
    assert queue.next(ONE, None, 5) is None
    assert queue.next(ONE, None, 50).spec == 1
    assert queue.next(ONE, None, 50) is None


def test_a_spec_that_wants_more_processors_than_there_are_gets_these():
    queue = queue_of((spec(0, cpus=64), 1), (spec(1, cpus=2), 1), cpus=4)
    assert queue.kinds == [WorkerKind(4), WorkerKind(2)]
    assert queue.next(ONE, None, ROOM) is None


def test_a_spec_of_gpus_waits_for_a_worker_that_holds_as_many():
    queue = queue_of((spec(0, gpus=1), 1), (spec(1, gpus=8), 1), (spec(2), 1), gpus=4)
    assert queue.kinds == [WorkerKind(1, 1), WorkerKind(1, 4), WorkerKind(1, 0)]
    assert queue.next(WorkerKind(1, 2), None, ROOM) is None
    assert [queue.next(kind, None, ROOM).spec for kind in queue.kinds] == [0, 1, 2]


def test_what_is_given_back_comes_again_with_its_attempt():
    queue = queue_of((spec(0), 6), job_cells=6)
    job = queue.next(ONE, None, ROOM)
    queue.give_back(job, [(2, 3, 2), (3, 6, 1)])
    again = [queue.next(ONE, None, ROOM) for _ in range(2)]
    assert [(each.rows.tolist(), each.attempt) for each in again] == [([2], 2), ([3, 4, 5], 1)]
    for each in again:
        queue.finished(each, 1.0)
    assert queue.is_done


def test_taking_a_spec_leaves_the_others():
    queue = queue_of((spec(0), 10), (spec(1), 3), job_cells=4)
    job = queue.next(ONE, None, ROOM)
    assert queue.take_spec(0).tolist() == [4, 5, 6, 7, 8, 9]
    queue.finished(job, 1.0)
    assert [each.spec for each in drained(queue, 1.0)] == [1]


def test_an_outcome_survives_its_way_bit_for_bit():
    bound = BoundRow(1, 0, "guarantee", "as printed", None, 0.1, "always", None, 2.0, "paper")
    group = Group(
        b"c" * 52,
        b"m" * 28,
        [CellText(1, "Skip", "nö")],
        [ItemRow(1, 2, "a", 0.1), ItemRow(1, 2, "b", float("inf")), ItemRow(2, 2, "a", 1.0)],
        [RecordRow(1, "a", "x\ny")],
        [bound],
    )
    sent = Parcel(9, group, ["folder"], ["a note"])
    ((kind, payload),) = Frames().feed(b"".join(encode_parcel(sent)))
    assert kind == Kind.PARCEL
    got = decode_parcel(payload)
    assert got == sent


def test_measurements_beyond_a_mebibyte_go_ahead_in_pieces():
    numbers = bytes(range(256)) * 14_000
    frames = list(encode_parcel(Parcel(9, Group(b"c" * 52, numbers))))
    assert max(map(len, frames)) < (1 << 20) + 100
    parcels = [decode_parcel(each[5:]) for each in frames]
    assert b"".join(each.group.measurements for each in parcels) == numbers
    assert [each.group.cells for each in parcels] == [b""] * (len(parcels) - 1) + [b"c" * 52]


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 30))
def test_frames_come_out_whole_however_they_are_cut(payloads, step):
    stream = b"".join(frame(Kind.JOB, each) for each in payloads)
    frames, got = Frames(), []
    for start in range(0, len(stream), step):
        got += frames.feed(stream[start : start + step])
    assert got == [(Kind.JOB, each) for each in payloads]


def test_a_job_survives_its_way():
    rows, seeds = np.array([7, 900_000]), np.array([-3, 2**62])
    ids = np.arange(32, dtype=np.uint8).reshape(2, 16)
    ((_, payload),) = Frames().feed(encode_job((5, 2, 1), rows, seeds, ids, {"key": "id"}))
    job = JobMessage.decode(payload)
    assert (job.job, job.spec, job.attempt) == (5, 2, 1)
    assert (job.rows, job.seeds) == ((7, 900_000), (-3, 2**62))
    assert job.cell_id(1) == bytes(range(16, 32))
    assert job.artifacts == {"key": "id"}


def test_a_worker_imports_nothing_that_brings_threads_or_takes_long():
    script = (
        "import sys, json; import harness.execute.worker, harness.execute.guardian, numpy; "
        "print(json.dumps(sorted(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    heavy = {"pyarrow", "pandas", "pydantic", "numba", "scipy", "torch", "pluggy"}
    assert not heavy & set(json.loads(printed))
