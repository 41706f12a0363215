import os
import signal
import subprocess
import sys
import textwrap

import pyarrow as pa
import pytest
from store_cases import (
    METRICS,
    FailingDisk,
    cell_row,
    failed_group,
    make_group,
    make_plan,
    measurement,
    rows_of,
)

from harness.errors import ExitCode, StoreError
from harness.store import schemas
from harness.store.disk import Disk
from harness.store.journal import Journal
from harness.store.recover import read_journal
from harness.store.rows import Group, Status
from harness.store.schemas import JOURNAL_SCHEMAS
from harness.store.stream import stream_path

PLAN = make_plan()


def test_what_is_appended_is_read_back(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, make_group([3]))
        journal.append(PLAN, failed_group(7))
    tables = read_journal(tmp_path)
    good, bad = tables.cells.to_pylist()
    assert good["cell_id"] == bytes(PLAN.cell_ids[3])
    assert good["code_id"] == PLAN.specs[0].code_id
    assert (good["started"], good["wall_s"], good["cpu_s"]) == (1e9 + 3, 0.5, 0.25)
    assert (good["compile_s"], good["peak_memory"], good["shared"]) == (0.125, 2048 * 1024, 2)
    assert (good["status"], good["error_type"], good["log"]) == (Status.OK, None, None)
    assert (bad["status"], bad["error_type"]) == (Status.FAILED, "ValueError")
    assert (bad["error_message"], bad["log"]) == ("no such arm", "logs/0.log")
    assert [
        (row["metric"], row["at"], row["value"], row["censored"])
        for row in tables.measurements.to_pylist()
    ] == [("regret", 1.0, 4.0, False), ("regret", 2.0, 5.0, False), ("regret", None, 12.0, True)]
    assert tables.items.to_pydict()["item"] == ["item 0", "item 1"]
    assert tables.items.to_pydict()["metric"] == [METRICS[1].name] * 2
    assert tables.records.to_pydict()["record"] == ["récit 3"]
    assert tables.bounds.to_pydict()["value"] == [3.0]
    assert tables.notes == ()


def test_groups_of_any_size_come_back_whole(tmp_path):
    plan = make_plan(specs=3, seeds=4000)
    sizes = [1, 7, 8, 9, 1000, 3, 9000]  # bitmaps of 8 rows, several buffers of 1 MiB
    with Journal.open(tmp_path) as journal:
        start = 0
        for size in sizes:
            cells = range(start, start + size)
            rows = b"".join(measurement(cell, cell / 2, at=cell % 2 or None) for cell in cells)
            group = Group(cells=b"".join(map(cell_row, cells)), measurements=rows)
            journal.append(plan, group)
            start += size
    tables = read_journal(tmp_path)
    assert tables.notes == ()
    assert tables.cells.column("cell_id").to_pylist() == [
        bytes(row) for row in plan.cell_ids[:start]
    ]
    assert tables.measurements.column("value").to_pylist() == [cell / 2 for cell in range(start)]
    assert tables.measurements.column("at").null_count == start // 2


def test_a_stream_is_an_arrow_file_also_after_going_on(tmp_path):
    for cell in range(3):
        with Journal.open(tmp_path) as journal:
            journal.append(PLAN, make_group([cell]))
    for name in ("cells", "measurements", "items", "records", "bounds"):
        with pa.OSFile(str(stream_path(tmp_path, name))) as file:
            table = pa.ipc.open_stream(file).read_all()
        assert table.schema.equals(JOURNAL_SCHEMAS[name], check_metadata=True)
        assert len(table.column("cell_id").unique()) == 3


def test_a_stream_without_rows_has_no_file(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, Group(cells=cell_row(0)))
    assert os.listdir(tmp_path / "journal") == ["cells.arrows"]


def test_the_last_row_of_a_cell_wins_with_its_own_measurements(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, make_group([0, 1]))
        journal.append(PLAN, make_group([0], factor=10.0))
    first = Group(cells=cell_row(1, Status.OK), measurements=measurement(1, 7.0, at=1.0))
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, first)
    tables = read_journal(tmp_path)
    cell_of = {bytes(PLAN.cell_ids[cell]): cell for cell in range(2)}
    rows = tables.measurements.to_pylist()
    values = [(cell_of[row["cell_id"]], row["at"], row["value"]) for row in rows]
    assert values == [(0, 1.0, 10.0), (0, 2.0, 20.0), (0, None, 90.0), (1, 1.0, 7.0)]
    assert tables.items.column("value").to_pylist() == [0.0, 10.0]  # cell 1 has none any more
    assert len(tables.cells) == 2


def test_a_retry_in_the_same_session_leaves_nothing_of_the_earlier_row(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, make_group([0]))
        journal.append(PLAN, Group(cells=cell_row(0), measurements=measurement(0, 7.0, at=1.0)))
    assert read_journal(tmp_path).measurements.column("value").to_pylist() == [7.0]


def test_measurements_may_come_in_pieces_before_the_cell_row(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, Group(measurements=measurement(2, 1.0, at=1.0)))
        journal.append(PLAN, make_group([4]))
        journal.append(PLAN, Group(cells=cell_row(2), measurements=measurement(2, 2.0, at=2.0)))
    tables = read_journal(tmp_path)
    cell = bytes(PLAN.cell_ids[2])
    mine = [row for row in tables.measurements.to_pylist() if row["cell_id"] == cell]
    assert [row["value"] for row in mine] == [1.0, 2.0]


def test_a_piece_from_before_a_restart_is_not_mixed_with_the_new_try(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, Group(measurements=measurement(2, -1.0, at=0.5)))
        journal.append(PLAN, make_group([4]))
    with Journal.open(tmp_path) as journal:  # cell 2 was in flight
        journal.append(PLAN, Group(cells=cell_row(2), measurements=measurement(2, 2.0, at=2.0)))
    tables = read_journal(tmp_path)
    assert -1.0 not in tables.measurements.column("value").to_pylist()


def test_a_piece_that_a_dead_worker_sent_counts_once_when_it_is_sent_again(tmp_path):
    again = make_group([2])
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, Group(measurements=measurement(2, 3.0, at=1.0), items=again.items[:1]))
        journal.append(PLAN, again)
    tables = read_journal(tmp_path)
    assert tables.measurements.column("at").to_pylist() == [1.0, 2.0, None]
    assert tables.items.column("item").to_pylist() == ["item 0", "item 1"]


def test_rows_without_a_cell_are_left_out_and_cut(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, make_group([0]))
        journal.append(PLAN, Group(measurements=measurement(1, 1.0)))
    assert len(read_journal(tmp_path).measurements) == 3
    with Journal.open(tmp_path) as journal:
        assert journal.notes == ["measurements: 1 whole batch that no cell names"]
    assert read_journal(tmp_path).notes == ()


def test_the_last_row_of_an_artifact_wins_and_needs_no_cell(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append_artifact("a1", "toy/model", "{}", "failed", 1.0, {}, "out of memory")
        journal.append_artifact("a2", "toy/model", "{}", "ok", 2.0, {"loss": 0.5})
        journal.append_artifact("a1", "toy/model", "{}", "ok", 3.0, {"loss": 0.25})
    rows = read_journal(tmp_path).artifacts.to_pylist()
    assert [(row["artifact_id"], row["status"], row["metrics"]) for row in rows] == [
        ("a2", "ok", '{"loss":0.5}'),
        ("a1", "ok", '{"loss":0.25}'),
    ]


def test_two_rows_of_one_cell_in_a_group_are_a_bug_and_change_nothing(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, make_group([0]))
        with pytest.raises(ValueError, match="two rows"):
            journal.append(PLAN, Group(cells=cell_row(1) + cell_row(1)))
    assert len(read_journal(tmp_path).cells) == 1


def test_a_reader_needs_no_lock(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, make_group([0]))
        assert len(read_journal(tmp_path).cells) == 1


def test_reopening_gives_what_was_there(tmp_path):
    with Journal.open(tmp_path) as journal:
        assert len(journal.recovered.cells) == 0
        journal.append(PLAN, make_group([0, 1]))
        journal.append_artifact("a", "toy/model", "{}", "ok", 1.0, {})
    with Journal.open(tmp_path) as journal:
        assert rows_of(journal.recovered) == rows_of(read_journal(tmp_path))
        assert journal.notes == []


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path):
    with Journal.open(tmp_path), pytest.raises(StoreError, match=f"process {os.getpid()} "):
        Journal.open(tmp_path)
    Journal.open(tmp_path).close()  # and the refusal did not keep the lock


HOLDER = """
    import subprocess, sys, time
    from pathlib import Path
    from harness.store.journal import Journal
    journal = Journal.open(Path(sys.argv[1]))
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_the_lock_goes_with_a_killed_process_though_its_child_lives_on(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(StoreError, match=f"process {holder.pid} "):
            Journal.open(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        Journal.open(tmp_path).close()
    finally:
        holder.kill()
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()
        holder.wait()


class WatchedDisk(Disk):
    """Tells in which order files were written and synced."""

    def __init__(self):
        self.log = []
        self._names = {}

    def open_append(self, path):
        fd = super().open_append(path)
        self._names[fd] = path.stem
        return fd

    def write(self, fd, data):
        self.log.append(("write", self._names.get(fd, "lock")))
        return super().write(fd, data)

    def sync(self, fd):
        self.log.append(("sync", self._names[fd]))


def test_cells_are_written_last_and_synced_last(tmp_path):
    disk = WatchedDisk()
    with Journal.open(tmp_path, disk=disk, hold_sync_s=60) as journal:
        journal.append(PLAN, make_group([0]))
        journal.sync()
    written = [name for action, name in disk.log if action == "write"]
    synced = [name for action, name in disk.log if action == "sync"]
    assert written[-1] == "cells"
    assert written.index("cells") > max(written.index(name) for name in ("bounds", "measurements"))
    assert sorted(synced) == sorted(JOURNAL_SCHEMAS.keys() - {"artifacts"})
    assert synced[-1] == "cells"
    assert disk.log.index(("sync", "measurements")) > disk.log.index(("write", "cells"))


def test_what_an_earlier_process_wrote_is_synced_too(tmp_path):
    with Journal.open(tmp_path) as journal:
        journal.append(PLAN, make_group([0]))
    disk = WatchedDisk()
    with Journal.open(tmp_path, disk=disk, hold_sync_s=60) as journal:
        journal.sync()
        assert {"cells", "measurements"} <= {name for _, name in disk.log}


class SyncFails(Disk):
    def sync(self, fd):
        raise OSError(5, "Input/output error")


def test_a_failed_sync_is_final(tmp_path):
    journal = Journal.open(tmp_path, disk=SyncFails())
    journal.append(PLAN, make_group([0]))
    with pytest.raises(StoreError, match=r"cannot sync .*Input/output error") as failure:
        journal.sync()
    assert failure.value.exit_code is ExitCode.STORE
    with pytest.raises(StoreError):
        journal.append(PLAN, make_group([1]))
    with pytest.raises(StoreError):
        journal.close()
    Journal.open(tmp_path).close()  # closing failed, the lock is free all the same


def test_closing_does_not_wait_for_the_hold(tmp_path):
    journal = Journal.open(tmp_path, hold_sync_s=3600)
    for cell in range(3):
        journal.append(PLAN, make_group([cell]))
        journal.sync()
    journal.close()
    journal.close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        Journal.open(tmp_path / "file")


def test_a_full_disk_is_told_with_what_to_do(tmp_path):
    disk = FailingDisk(10**9)
    journal = Journal.open(tmp_path, disk=disk, hold_sync_s=3600)
    journal.append(PLAN, make_group([0]))
    journal.sync()
    disk._at = disk.calls + 1
    with pytest.raises(StoreError, match=r"No space left.*free the disk"):
        journal.append(PLAN, make_group([1]))
    with pytest.raises(StoreError):
        journal.close()


@pytest.fixture
def old_journal(tmp_path, monkeypatch):
    """A journal whose schemas are one version ahead of what is read, or behind."""

    def write(version: int) -> None:
        for module in ("harness.store.stream", "harness.store.batches", "harness.store.recover"):
            altered = {
                name: schema.with_metadata(
                    schema.metadata | {b"harness.schema_version": str(version).encode()}
                )
                for name, schema in JOURNAL_SCHEMAS.items()
            }
            monkeypatch.setattr(f"{module}.JOURNAL_SCHEMAS", altered)
        with Journal.open(tmp_path) as journal:
            journal.append(PLAN, make_group([0]))
        monkeypatch.undo()

    return write


def test_a_journal_of_a_later_version_is_refused_by_name(tmp_path, old_journal):
    old_journal(schemas.SCHEMA_VERSION + 1)
    told = rf"journal/.* has schema version {schemas.SCHEMA_VERSION + 1}.*upgrade harness"
    with pytest.raises(StoreError, match=told):
        read_journal(tmp_path)


def test_a_journal_of_an_earlier_version_is_read_and_not_gone_on_with(tmp_path, old_journal):
    old_journal(schemas.SCHEMA_VERSION - 1)
    assert len(read_journal(tmp_path).cells) == 1
    told = rf"begun with schema version {schemas.SCHEMA_VERSION - 1}"
    with pytest.raises(StoreError, match=told):
        Journal.open(tmp_path)
