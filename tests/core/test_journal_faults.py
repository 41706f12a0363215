"""The journal after kills, torn and full disks, power cuts, flipped bits and moved batches."""

import random
import shutil
from contextlib import suppress
from itertools import pairwise

import pyarrow as pa
import pytest
from store_cases import FailingDisk, make_group, make_plan, rows_of

from harness.errors import StoreError
from harness.store.chain import START
from harness.store.disk import Disk
from harness.store.journal import Journal
from harness.store.recover import read_files, read_journal, recover
from harness.store.schemas import JOURNAL_SCHEMAS
from harness.store.stream import stream_path

PLAN = make_plan()
GROUPS = [make_group([0, 1]), make_group([2]), make_group([3, 4, 5]), make_group([6])]
STREAMS = ("measurements", "items", "records", "bounds", "cells")


def drive(folder, disk, groups, *, start=0):
    """Append ``groups`` from ``start`` on, each synced; how many were acknowledged."""
    done = start
    journal = Journal.open(folder, disk=disk, hold_sync_s=3600)
    try:
        for group in groups[start:]:
            journal.append(PLAN, group)
            done += 1
            journal.sync()
    except StoreError:
        return done
    finally:
        with suppress(StoreError):
            journal.close()
    return done


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """The rows after 0, 1, … groups, and the files and offsets of the batches at the end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    rows = [rows_of(read_journal(folder))]
    ends = {name: [] for name in STREAMS}
    with Journal.open(folder) as journal:
        for group in GROUPS:
            journal.append(PLAN, group)
            rows.append(rows_of(read_journal(folder)))
            for name in STREAMS:
                ends[name].append(stream_path(folder, name).stat().st_size)
    return States(rows, read_files(folder), ends)


class States:
    def __init__(self, rows, files, ends):
        self.rows, self.files, self.ends = rows, files, ends

    def reached(self, tables):
        """How many groups ``tables`` hold; fails unless it is whole groups."""
        found = rows_of(tables)
        assert found in self.rows
        return self.rows.index(found)

    def head(self, name):
        return len(JOURNAL_SCHEMAS[name].serialize())

    def batches(self, name):
        """Head and batches of a stream as bytes."""
        edges = [0, self.head(name), *self.ends[name]]
        data = self.files[name]
        return [data[a:b] for a, b in pairwise(edges)]


def test_the_states_differ_and_grow(states):
    assert [len(rows["cells"]) for rows in states.rows] == [0, 2, 3, 6, 7]
    assert all(len(states.ends[name]) == len(GROUPS) for name in STREAMS)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_anywhere_keeps_exactly_its_whole_batches(states, name):
    size, ends = len(states.files[name]), states.ends[name]
    edges = [0, states.head(name), *ends]
    near = {edge + step for edge in edges for step in (-1, 0, 1) if 0 <= edge + step <= size}
    others = random.Random(11).sample(range(size), 100)
    for cut in sorted(near | set(others)):
        found = recover({**states.files, name: states.files[name][:cut]}, "run")
        assert states.reached(found.tables) == sum(end <= cut for end in ends), cut


@pytest.mark.parametrize("name", STREAMS)
def test_a_last_batch_torn_at_every_byte_is_cut(states, name):
    files = {"cells": states.files["cells"], name: states.files[name]}
    start, size = states.ends[name][-2], states.ends[name][-1]
    for cut in range(start, size):
        found = recover({**files, name: files[name][:cut]}, "run")
        assert found.ends[name].size <= start
        assert len(found.tables.cells) < len(states.rows[-1]["cells"])


def test_going_on_after_a_cut_gives_the_undisturbed_journal(states, tmp_path):
    draw = random.Random(12)
    for trial in range(40):
        folder = tmp_path / str(trial)
        cuts = {name: draw.randrange(len(data) + 1) for name, data in states.files.items()}
        write_files(folder, {name: data[: cuts[name]] for name, data in states.files.items()})
        assert_goes_on(states, folder)


def write_files(folder, contents):
    (folder / "journal").mkdir(parents=True)
    for name, data in contents.items():
        stream_path(folder, name).write_bytes(data)


def assert_resumes(states, folder, *, at_least=0):
    """The journal holds whole groups, and with the others appended it has all."""
    start = states.reached(read_journal(folder))
    assert start >= at_least
    assert drive(folder, Disk(), GROUPS, start=start) == len(GROUPS)
    assert rows_of(read_journal(folder)) == states.rows[-1]


def assert_goes_on(states, folder, *, at_least=0):
    """As above, and the files are as those of an undisturbed run."""
    assert_resumes(states, folder, at_least=at_least)
    assert read_journal(folder).notes == ()
    for name in STREAMS:
        with pa.OSFile(str(stream_path(folder, name))) as file:
            assert len(pa.ipc.open_stream(file).read_all()) == sum(
                batch.num_rows for batch in pa.ipc.open_stream(states.files[name])
            )


def calls_of(tmp_path):
    disk = FailingDisk(10**9)
    drive(tmp_path / "counted", disk, GROUPS)
    return disk.calls


def killed_run(folder, at, torn, start=0):
    """A run that dies at its ``at``-th call; how many groups were acknowledged."""
    try:
        return drive(folder, FailingDisk(at, torn=torn), GROUPS, start=start)
    except StoreError:  # while it was being opened
        return start


def test_killed_at_any_call_what_was_appended_is_there(states, tmp_path):
    calls = calls_of(tmp_path)
    assert calls > 40
    for at in range(1, calls + 1):
        folder = tmp_path / str(at)
        done = killed_run(folder, at, torn=(0.0, 0.5, 1.0)[at % 3])
        if done < len(GROUPS):
            assert states.reached(read_journal(folder)) in (done, done + 1)
        assert_goes_on(states, folder, at_least=done)


def test_a_resumption_killed_at_any_call_loses_nothing_either(states, tmp_path):
    draw = random.Random(13)
    calls = calls_of(tmp_path)
    for trial in range(60):
        folder = tmp_path / str(trial)
        done = killed_run(folder, draw.randint(1, calls), torn=draw.random())
        for _ in range(2):
            # A killed run's last group may be there though nobody was told.
            start = states.reached(read_journal(folder))
            assert start >= done
            done = killed_run(folder, draw.randint(1, 40), torn=draw.random(), start=start)
        assert_goes_on(states, folder, at_least=done)


class FullDisk(FailingDisk):
    """Full at one call and then with room again; syncing, which is final, never fails."""

    def __init__(self, at):
        super().__init__(at, torn=0.5, recovers=True)

    def sync(self, fd):
        pass

    def sync_folder(self, path):
        pass


def test_on_a_disk_full_at_any_call_a_group_is_whole_or_absent(states, tmp_path):
    at, tried_again = 1, 0
    while True:
        folder, disk = tmp_path / str(at), FullDisk(at)
        with suppress(StoreError):  # at the first calls it cannot even be opened
            journal = Journal.open(folder, disk=disk, hold_sync_s=3600)
            tried_again += appended_stubbornly(journal, folder, states)
        if not disk.has_failed:
            break
        assert_goes_on(states, folder)
        at += 1
    assert tried_again == at - 3  # but for the two calls of the lock


def appended_stubbornly(journal, folder, states):
    """Append each group until it is accepted; how often one was not."""
    tried_again = 0
    for count, group in enumerate(GROUPS):
        try:
            journal.append(PLAN, group)
        except StoreError:
            tables = read_journal(folder)
            assert states.reached(tables) == count
            assert tables.notes == ()  # nothing is left of the half that was written
            journal.append(PLAN, group)
            tried_again += 1
        assert states.reached(read_journal(folder)) == count + 1
    journal.close()
    return tried_again


class SyncedDisk(Disk):
    """Remembers how long each file was when it was last synced."""

    def __init__(self):
        self.synced = {}
        self._paths = {}

    def open_append(self, path):
        fd = super().open_append(path)
        self._paths[fd] = path
        return fd

    def sync(self, fd):
        path = self._paths[fd]
        self.synced[path.stem] = path.stat().st_size


def after_power_cut(data, synced, draw):
    """What may be left of a file: its synced bytes, and of the rest any part, zeros or holes."""
    tail = bytearray(data[synced:])
    if not tail:
        return data
    fate = draw.randrange(4)
    part = draw.randrange(len(tail) + 1)
    if fate == 0:
        del tail[part:]
    elif fate == 1:
        tail[part:] = bytes(len(tail) - part)
    elif fate == 2:
        hole = draw.randrange(part + 1)
        tail[hole:part] = bytes(part - hole)
    else:
        tail = bytearray()
    return data[:synced] + bytes(tail)


@pytest.mark.parametrize("synced_groups", [0, 1, 2, 3])
def test_a_power_cut_keeps_the_synced_groups(states, tmp_path, synced_groups):
    disk = SyncedDisk()
    whole = tmp_path / "whole"
    with Journal.open(whole, disk=disk, hold_sync_s=3600) as journal:
        for group in GROUPS[:synced_groups]:
            journal.append(PLAN, group)
        journal.sync()
        synced = dict(disk.synced)
        for group in GROUPS[synced_groups:]:
            journal.append(PLAN, group)
    draw = random.Random(14 + synced_groups)
    for trial in range(50):
        left = {
            name: after_power_cut(data, synced.get(name, 0), draw)
            for name, data in read_files(whole).items()
        }
        found = recover(left, "run")
        assert states.reached(found.tables) >= synced_groups
        if trial % 10 == 0:
            folder = tmp_path / str(trial)
            write_files(folder, left)
            assert_goes_on(states, folder, at_least=synced_groups)


def test_a_flipped_bit_is_seen_or_harmless(states, tmp_path):
    draw = random.Random(15)
    outcomes = {"cut": 0, "harmless": 0, "refused": 0}
    for trial in range(600):
        name = draw.choice(STREAMS)
        data = bytearray(states.files[name])
        place = draw.randrange(len(data))
        data[place] ^= 1 << draw.randrange(8)
        before = sum(end <= place for end in states.ends[name])
        contents = {**states.files, name: bytes(data)}
        try:
            found = recover(contents, "run")
        except StoreError as error:
            # The number of the version itself was hit: refused, and nothing is touched.
            outcomes["refused"] += "schema version" in str(error) and place < states.head(name)
            continue
        # What is before the bit is there; what is after it only if it fits.
        reached = states.reached(found.tables)
        assert reached >= before
        outcomes["cut" if reached < len(GROUPS) else "harmless"] += 1
        if trial % 30 == 0:
            write_files(tmp_path / str(trial), contents)
            assert_resumes(states, tmp_path / str(trial), at_least=before)
    assert outcomes["cut"] > 200
    assert outcomes["harmless"] > 20
    assert sum(outcomes.values()) == 600


@pytest.mark.parametrize("name", STREAMS)
def test_a_schema_damaged_at_the_start_of_a_file_costs_nothing(states, name):
    data = states.files[name]
    found = recover({**states.files, name: bytes(64) + data[64:]}, "run")
    assert states.reached(found.tables) == len(GROUPS)
    assert found.tables.notes == (
        f"{name}: the schema at the start of the file is damaged, and is known",
    )


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize(
    ("moved", "reached"),
    [
        pytest.param([0, 2, 3, 4], 0, id="first dropped"),
        pytest.param([0, 1, 2, 4], 2, id="third dropped"),
        pytest.param([0, 1, 3, 2, 4], 1, id="two swapped"),
        pytest.param([0, 1, 2, 2, 3, 4], 2, id="one repeated"),
    ],
)
def test_moved_batches_are_seen(states, name, moved, reached):
    batches = states.batches(name)
    found = recover({**states.files, name: b"".join(batches[place] for place in moved)}, "run")
    assert states.reached(found.tables) == reached


@pytest.mark.parametrize("name", STREAMS[:-1])
def test_a_stream_of_another_journal_is_not_taken_for_ones_own(states, tmp_path, name):
    with Journal.open(tmp_path) as journal:
        for group in reversed(GROUPS):
            journal.append(PLAN, group)
    other = read_files(tmp_path)
    found = recover({**states.files, name: other[name]}, "run")
    assert states.reached(found.tables) == 0


def test_a_changed_value_breaks_the_chain_though_the_file_is_valid_arrow(states, tmp_path):
    """The control: without the sums the change would be read as it is."""
    data = states.files["measurements"]
    place = data.rindex(GROUPS[0].measurements[16:24], 0, states.ends["measurements"][0])
    changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    plain, before = (pa.ipc.open_stream(each).read_all() for each in (changed, data))
    assert plain.num_rows == before.num_rows
    assert plain != before
    assert states.reached(recover({**states.files, "measurements": changed}, "run").tables) == 0


def test_zeros_after_the_last_batch_are_cut_and_told(states, tmp_path):
    data = states.files["cells"] + bytes(64)
    write_files(tmp_path, {**states.files, "cells": data})
    with Journal.open(tmp_path) as journal:
        assert journal.notes == ["cells: 64 bytes after 4 whole batches"]
    assert read_files(tmp_path)["cells"] == states.files["cells"]


def test_a_lost_stream_loses_the_cells_that_point_to_it(states, tmp_path):
    files = {name: data for name, data in states.files.items() if name != "items"}
    write_files(tmp_path, files)
    assert states.reached(read_journal(tmp_path)) == 0
    shutil.rmtree(tmp_path / "journal")
    assert states.reached(read_journal(tmp_path)) == 0


def test_the_first_sum_starts_from_nothing():
    assert bytes(16) == START


def test_a_lost_artifact_takes_the_cells_after_it_along_and_only_these(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append_artifact("a1", "toy/model", "{}", "ok", 1.0, {})
        journal.append(PLAN, GROUPS[0])
        journal.append_artifact("a2", "toy/model", "{}", "ok", 1.0, {})
        journal.append(PLAN, GROUPS[1])
    files = read_files(tmp_path)
    tables = recover({**files, "artifacts": files["artifacts"][:-1]}, "run").tables
    assert tables.artifacts.column("artifact_id").to_pylist() == ["a1"]
    assert len(tables.cells) == 2
