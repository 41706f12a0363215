import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_cases import (
    BOUND,
    FailingDisk,
    cell_row,
    failed_group,
    make_group,
    make_plan,
    measurement,
    rows_of,
)

from harness.errors import StoreError, UsageError
from harness.store.folder import (
    choose_run,
    create_run,
    find_run,
    latest_first,
    list_runs,
    new_run_id,
)
from harness.store.ids import match, match_repeated
from harness.store.journal import Journal
from harness.store.parquet import read_table, write_table
from harness.store.record import RunRecord, changed_files, read_run_json, write_run_json
from harness.store.recover import read_journal
from harness.store.results import read_results, write_results
from harness.store.reuse import Limits, find_reusable, journalled
from harness.store.rows import CellText, Group, Status
from harness.store.schemas import SCHEMAS, conform, upgrade

NOW = datetime(2026, 11, 24, 20, 31, tzinfo=UTC)
MACHINE = "m1"


def finished_run(root, plan, groups, *, now=NOW, reused=None, machine=MACHINE):
    """A run of ``plan`` from journal to Parquet, finished."""
    run = create_run(root, plan.suite.name, "hash", commit="3f9c2e1aa", now=now)
    with Journal.open(run.path, lock=run.lock) as journal:
        for group in groups:
            journal.append(plan, group)
    tables = read_journal(run.path)
    write_results(run.path, plan, run.run_id, tables, reused, machine=machine)
    finish(run, now=now)
    return run


def finish(run, *, now=NOW, state="finished"):
    record = read_run_json(run.path)
    ended = now + timedelta(seconds=5)
    return write_run_json(
        run.path,
        RunRecord(
            run_id=run.run_id,
            suite=record.suite,
            suite_hash=record.suite_hash,
            state=state,
            started=record.started,
            finished=ended,
            exit_code=0,
        ),
    )


def code_ids(plan):
    ids = b"".join(plan.specs[spec].code_id for spec in plan.spec)
    return np.frombuffer(ids, np.uint8).reshape(-1, 16)


# Parquet is what the journal says.


def test_parquet_holds_what_the_journal_holds(tmp_path):
    plan = make_plan()
    run = finished_run(tmp_path, plan, [make_group([8, 1]), failed_group(4)])
    journal, results = read_journal(run.path), read_results(run.path)
    for name in ("measurements", "items", "records"):
        assert rows_of(journal)[name] == sorted(getattr(results, name).to_pylist(), key=repr)
    cells = {row["cell_id"]: row for row in results.cells.to_pylist()}
    for row in journal.cells.to_pylist():
        stored = cells.pop(row["cell_id"])
        assert stored["status"] == Status(row["status"]).name.lower()
        assert stored["started"].timestamp() == row["started"]
        assert stored["compiled"] == {0: False, 1: True, 2: None}[row["compiled"]]
        same = ["code_id", "attempts", "shared", "wall_s", "cpu_s", "compile_s", "peak_memory"]
        for name in [*same, "error_type", "error_message", "log"]:
            assert stored[name] == row[name]
    assert not cells


def test_a_cell_is_described_by_the_plan(tmp_path):
    plan = make_plan()
    run = finished_run(tmp_path, plan, [make_group([8])])
    (row,) = read_results(run.path).cells.to_pylist()
    assert (row["run_id"], row["suite"], row["machine"]) == (run.run_id, "toy", MACHINE)
    assert (row["task"], row["task_params"]) == ("toy/task", '{"arms":1,"prior":"uniform"}')
    assert (row["method"], row["method_params"]) == ("toy/method", '{"c":1.0}')
    assert (row["label"], row["title"], row["seed"]) == ("method", "toy/task arms=1", 3)
    assert (row["hardware"], row["device"], row["reused_from"]) == ("laptop", "cpu", None)


def test_rows_are_in_the_order_of_the_plan_whatever_finished_first(tmp_path):
    plan, cells = make_plan(), [5, 0, 9, 3]
    tables = []
    for order in (cells, sorted(cells)):
        path = tmp_path / str(len(tables))
        with Journal.open(path) as journal:
            for cell in order:
                journal.append(plan, make_group([cell]))
        tables.append(write_results(path, plan, "r", read_journal(path), machine=MACHINE))
    for one, other in zip(*tables, strict=True):
        assert one.to_pylist() == other.to_pylist()
    assert tables[0].cells.column("seed").to_pylist() == [0, 3, 0, 4]


def test_cells_that_never_ran_or_are_not_planned_have_no_rows(tmp_path):
    plan, smaller = make_plan(specs=2), make_plan(specs=1)
    with Journal.open(tmp_path) as journal:
        journal.append(plan, make_group([1, 7]))
    tables = write_results(tmp_path, smaller, "r", read_journal(tmp_path), machine=MACHINE)
    assert tables.cells.column("seed").to_pylist() == [1]
    assert len(tables.measurements) == 3


def test_a_planned_bound_is_found_by_the_group_and_an_instance_bound_by_the_cell(tmp_path):
    run = finished_run(tmp_path, make_plan(), [make_group([6])])
    rows = read_results(run.path).bounds.to_pylist()
    planned, own = [row for row in rows if row["cell_id"] is None], rows[-1]
    assert [row["task_params"] for row in planned] == [
        '{"arms":0,"prior":"uniform"}',
        '{"arms":1,"prior":"uniform"}',
    ]
    assert all((row["value"], row["vacuous"]) == (BOUND.value, True) for row in planned)
    assert (own["role"], own["value"], own["vacuous"]) == ("exact", 6.0, False)
    assert (own["label"], own["task_params"]) == ("method", planned[1]["task_params"])


def test_an_empty_run_has_both_tables_and_no_others(tmp_path):
    plan = make_plan(specs=0)
    write_results(tmp_path, plan, "r", read_journal(tmp_path), machine=MACHINE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cells.parquet",
        "measurements.parquet",
    ]
    assert len(read_results(tmp_path).cells) == 0


def test_other_readers_see_plain_columns(tmp_path):
    run = finished_run(tmp_path, make_plan(), [make_group([0, 1])])
    cells = pq.read_table(run.table("cells")).to_pandas()
    assert cells["status"].astype(str).tolist() == ["ok", "ok"]
    assert str(cells["started"].dt.tz) == "UTC"


# Schemas and files.


def test_every_column_has_a_meaning_and_the_version_that_brought_it():
    for schema in SCHEMAS.values():
        for field in schema:
            assert field.metadata[b"meaning"]
            assert int(field.metadata[b"since"]) >= 1
    assert SCHEMAS["cells"].field("wall_s").metadata[b"unit"] == b"s"


def test_the_schema_and_its_metadata_survive_parquet(tmp_path):
    for name, schema in SCHEMAS.items():
        write_table(tmp_path / f"{name}.parquet", schema.empty_table())
        assert read_table(tmp_path / f"{name}.parquet").schema.equals(schema, check_metadata=False)
        stored = pq.read_schema(tmp_path / f"{name}.parquet")
        assert stored.field(0).metadata[b"meaning"] == schema.field(0).metadata[b"meaning"]


def items_table():
    columns = {"cell_id": [bytes(16)], "metric": ["m"], "item": ["i"], "value": [1.0]}
    kinds = [pa.binary(16), pa.string(), pa.string(), pa.float64()]
    arrays = [pa.array(column, kind) for column, kind in zip(columns.values(), kinds, strict=True)]
    return pa.table(dict(zip(columns, arrays, strict=True)))


def test_a_table_of_a_later_version_is_refused_by_name(tmp_path):
    path = tmp_path / "items.parquet"
    later = SCHEMAS["items"].metadata | {b"harness.schema_version": b"3"}
    pq.write_table(items_table().replace_schema_metadata(later), path)
    with pytest.raises(StoreError, match=r"items.parquet has schema version 3, .* up to 2"):
        read_table(path)


def test_a_column_that_came_later_is_null_in_an_earlier_table():
    newer = pa.field("note", pa.string(), nullable=False, metadata={"since": "2"})
    schema = SCHEMAS["items"].append(newer)
    table = upgrade(items_table(), schema, version=1)
    assert table.column("note").to_pylist() == [None]
    with pytest.raises(ValueError, match="'note' is missing"):
        upgrade(items_table(), schema, version=2)


def test_columns_of_plugins_are_kept_after_those_of_the_schema(tmp_path):
    path = tmp_path / "items.parquet"
    write_table(path, items_table().append_column("extra", pa.array([7])).select([4, 3, 2, 1, 0]))
    assert read_table(path).column_names == ["cell_id", "metric", "item", "value", "extra"]


def test_a_missing_or_null_column_is_not_written():
    with pytest.raises(ValueError, match="'value' is missing"):
        conform(items_table().drop_columns(["value"]), SCHEMAS["items"])
    nulls = items_table().set_column(3, "value", pa.nulls(1, pa.float64()))
    with pytest.raises(ValueError, match="'value' has nulls"):
        conform(nulls, SCHEMAS["items"])


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_table_is_named(tmp_path, keep):
    run = finished_run(tmp_path, make_plan(), [make_group([0])])
    path = run.table("cells")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(StoreError, match=r"cells.parquet is damaged"):
        read_results(run.path)


def test_a_table_that_is_not_there_or_not_ours_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"cannot read .*items.parquet: No such file"):
        read_table(tmp_path / "items.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "items.parquet")
    with pytest.raises(StoreError, match="was not written by harness"):
        read_table(tmp_path / "items.parquet")


def test_a_write_that_fails_at_any_call_leaves_the_old_table_or_the_new(tmp_path):
    path = tmp_path / "items.parquet"
    old, new = items_table(), pa.concat_tables([items_table()] * 2)
    write_table(path, old)
    at = 1
    while True:
        disk = FailingDisk(at, torn=0.5, recovers=True)
        try:
            write_table(path, new, disk)
        except StoreError:
            assert len(read_table(path)) in (1, 2)
            assert [each.name for each in tmp_path.iterdir()] == ["items.parquet"]
            write_table(path, old)
            at += 1
            continue
        break
    assert at == 5  # write, sync, rename, sync of the folder
    assert len(read_table(path)) == 2


# Ids.


ids = st.lists(st.binary(min_size=1, max_size=2), max_size=30)


@given(wanted=ids, have=ids)
def test_matching_ids_is_a_dictionary_look_up(wanted, have):
    # Short ids padded on either side: many share their first 8 bytes.
    def rows(texts):
        padded = [text[:1].ljust(8, b"x") + text[1:].ljust(8, b"y") for text in texts]
        return np.frombuffer(b"".join(padded), np.uint8).reshape(-1, 16)

    asked, known = rows(wanted), rows(have)
    by_id = {bytes(row) for row in known}
    for matched in (match(asked, known), match_repeated(asked, known)):
        for row, place in zip(asked, matched, strict=True):
            assert (place >= 0) == (bytes(row) in by_id)
            assert place < 0 or bytes(known[place]) == bytes(row)


# run.json and folders.


def test_a_run_id_tells_time_and_commit_and_is_unique():
    assert new_run_id(NOW, "3f9c2e1aa") == "20261124-2031-3f9c2e1"
    taken = {"20261124-2031-3f9c2e1", "20261124-2031-3f9c2e1-2"}
    assert new_run_id(NOW, "3f9c2e1aa", taken) == "20261124-2031-3f9c2e1-3"
    assert new_run_id(NOW, "") == "20261124-2031-nocommit"


def test_run_json_comes_back_with_the_sums_of_the_files_beside_it(tmp_path):
    run = finished_run(tmp_path, make_plan(), [make_group([0])])
    record = read_run_json(run.path)
    assert write_run_json(run.path, record) == record
    assert set(record.files) >= {"cells.parquet", "bounds.parquet", "journal/cells.arrows"}
    assert "lock" not in record.files
    assert changed_files(run.path, record) == []
    run.table("items").write_bytes(b"")
    run.table("bounds").unlink()
    assert sorted(changed_files(run.path, record)) == ["bounds.parquet", "items.parquet"]


def test_run_json_of_a_later_version_or_damaged_is_named(tmp_path):
    run = finished_run(tmp_path, make_plan(), [])
    said = json.loads(run.run_json.read_text())
    run.run_json.write_text(json.dumps(said | {"schema_version": 9}))
    with pytest.raises(StoreError, match=r"run.json has schema version 9"):
        read_run_json(run.path)
    run.run_json.write_text(run.run_json.read_text()[:40])
    with pytest.raises(StoreError, match=r"run.json is damaged"):
        read_run_json(run.path)
    notes = []
    assert list_runs(tmp_path, notes=notes) == []
    assert len(notes) == 1


def test_runs_are_listed_newest_first(tmp_path):
    plans = [make_plan(name=name) for name in ("a", "b", "a")]
    runs = [
        finished_run(tmp_path, plan, [], now=NOW + timedelta(hours=place))
        for place, plan in enumerate(plans)
    ]
    assert [info.folder.path for info in list_runs(tmp_path)] == [
        run.path for run in reversed(runs)
    ]
    assert [info.record.suite for info in list_runs(tmp_path, "a")] == ["a", "a"]


def test_a_run_is_found_by_path_id_start_and_suite(tmp_path):
    first = finished_run(tmp_path, make_plan(name="a"), [])
    second = finished_run(tmp_path, make_plan(name="a"), [], now=NOW + timedelta(days=1))
    assert find_run(tmp_path, str(first.path)) == first
    assert find_run(tmp_path, first.run_id) == first
    assert find_run(tmp_path, "20261124") == first
    assert find_run(tmp_path, "a") == second
    with pytest.raises(UsageError, match="means 2 runs"):
        find_run(tmp_path, "202611")
    with pytest.raises(
        UsageError, match=r"no run is called '20261124-2031-3f9c2e2'.*nearest: 2026"
    ):
        find_run(tmp_path, "20261124-2031-3f9c2e2")


def test_a_suites_name_means_the_run_of_the_code_at_hand_not_one_that_bisect_made(tmp_path):
    own = finished_run(tmp_path, make_plan(name="a"), [])
    aside = finished_run(tmp_path, make_plan(name="a"), [], now=NOW + timedelta(days=1))
    record = read_run_json(aside.path)
    write_run_json(aside.path, replace(record, is_aside=True))
    assert find_run(tmp_path, "a") == own
    assert find_run(tmp_path, aside.run_id) == aside
    part = finished_run(tmp_path, make_plan(name="a"), [], now=NOW + timedelta(days=2))
    write_run_json(part.path, replace(read_run_json(part.path), cuts=("seeds 0-3",)))
    assert find_run(tmp_path, "a") == own
    infos = list_runs(tmp_path)
    assert latest_first(infos, of_parts=True) == [part, own, aside]


def test_an_unfinished_run_of_the_same_suite_is_gone_on_with(tmp_path):
    run = choose_run(tmp_path, "toy", "hash", now=NOW)
    run.release()  # as a killed process would
    again = choose_run(tmp_path, "toy", "hash", now=NOW)
    assert again == run
    again.release()
    other = choose_run(tmp_path, "toy", "other hash", now=NOW)
    assert other.run_id == f"{run.run_id}-2"
    other.release()
    finish(run, state="interrupted")
    third = choose_run(tmp_path, "toy", "hash", now=NOW)
    assert third == run
    third.release()
    finish(run)
    new = choose_run(tmp_path, "toy", "hash", now=NOW)
    assert new not in (run, other)
    new.release()


def test_a_run_that_is_being_written_is_left_alone(tmp_path):
    first = choose_run(tmp_path, "toy", "hash", now=NOW)
    second = choose_run(tmp_path, "toy", "hash", now=NOW)
    assert first != second
    with Journal.open(first.path, lock=first.lock):
        assert first.is_being_written
    assert not first.is_being_written
    second.release()


CHOOSER = """
    import sys, time
    from pathlib import Path
    from harness.store.folder import choose_run
    run = choose_run(Path(sys.argv[1]), "toy", "hash")
    print(run.run_id, flush=True)
    sys.stdin.read()
"""


def test_processes_that_choose_at_once_never_choose_one_run(tmp_path):
    left = choose_run(tmp_path, "toy", "hash", now=NOW)
    left.release()
    command = [sys.executable, "-c", textwrap.dedent(CHOOSER), str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    chosen = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate()
    assert len(set(chosen)) == 4
    assert left.run_id in chosen


def test_results_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(StoreError, match="cannot write"):
        choose_run(tmp_path / "results", "toy", "hash")


# Reuse.


def test_finished_cells_of_the_same_code_are_reused_with_all_that_belongs_to_them(tmp_path):
    plan = make_plan()
    first = finished_run(tmp_path, plan, [make_group([0, 3, 7]), failed_group(4)])
    found = find_reusable(tmp_path, plan.cell_ids, code_ids(plan))
    assert np.flatnonzero(found.run >= 0).tolist() == [0, 3, 7]  # a failed cell is not reused
    second = finished_run(
        tmp_path, plan, [make_group([1])], now=NOW + timedelta(days=1), reused=found.tables
    )
    before, after = read_results(first.path), read_results(second.path)
    cells = {(row["seed"], row["status"], row["reused_from"]) for row in after.cells.to_pylist()}
    assert cells == {
        (0, "reused", first.run_id),
        (1, "ok", None),
        (3, "reused", first.run_id),
        (2, "reused", first.run_id),
    }
    mine = {bytes(plan.cell_ids[1])}
    for name in ("measurements", "items", "records", "bounds"):
        copied = [row for row in getattr(after, name).to_pylist() if row["cell_id"] not in mine]
        assert copied == getattr(before, name).to_pylist()


BADLY = [Status.FAILED, Status.TIMEOUT, Status.OOM, Status.CRASHED, Status.SKIPPED]


def ended(*statuses: Status) -> Group:
    """Cells 0, 1 … that ended so, each with a reason."""
    texts = [CellText(cell, "Error", f"reason {cell}", "logs/0.log") for cell in range(5)]
    return Group(
        cells=b"".join(cell_row(cell, status) for cell, status in enumerate(statuses)),
        texts=texts[: len(statuses)],
    )


def served(tmp_path, plan, *, retry=False) -> list[int]:
    limits = None if retry else Limits.of(plan)
    found = find_reusable(tmp_path, plan.cell_ids, code_ids(plan), limits=limits)
    return np.flatnonzero(found.run >= 0).tolist()


def test_cells_that_failed_are_settled_and_crashed_and_skipped_ones_are_not(tmp_path):
    plan = make_plan()
    finished_run(tmp_path, plan, [ended(*BADLY)])
    assert served(tmp_path, plan) == [0, 1, 2]
    assert served(tmp_path, plan, retry=True) == []
    edited = make_plan(code=b"edited")
    assert served(tmp_path, edited) == []


@pytest.mark.parametrize("change", [{"timeout_s": 2.0}, {"memory_bytes": 1 << 30}])
def test_a_changed_limit_unsettles_what_failed_and_nothing_else(tmp_path, change):
    plan = make_plan()
    finished_run(tmp_path, plan, [ended(*BADLY[:3], Status.OK)])
    changed = replace(plan, specs=tuple(replace(spec, **change) for spec in plan.specs))
    assert served(tmp_path, plan) == [0, 1, 2, 3]
    assert served(tmp_path, changed) == [3]


def test_a_settled_failure_is_carried_over_with_its_reason_and_its_run(tmp_path):
    plan = make_plan()
    first = finished_run(tmp_path, plan, [ended(Status.TIMEOUT, Status.OK)])
    for day in (1, 2):
        ids = plan.cell_ids, code_ids(plan)
        found = find_reusable(tmp_path, *ids, limits=Limits.of(plan))
        assert found.bad == 1
        later = NOW + timedelta(days=day)
        run = finished_run(tmp_path, plan, [], now=later, reused=found.tables)
    bad, good = read_results(run.path).cells.to_pylist()
    assert (bad["status"], bad["reused_from"]) == ("timeout", first.run_id)
    assert (bad["error_message"], bad["log"]) == ("reason 0", "logs/0.log")
    assert (bad["timeout_s"], bad["memory_limit"]) == (1.0, None)
    assert (good["status"], good["reused_from"]) == ("reused", first.run_id)


def test_the_latest_try_of_a_cell_decides_whether_it_is_settled(tmp_path):
    plan = make_plan()
    days = [ended(Status.FAILED, Status.FAILED), ended(Status.CRASHED, Status.OK)]
    for day, group in enumerate(days):
        finished_run(tmp_path, plan, [group], now=NOW + timedelta(days=day))
    assert served(tmp_path, plan) == [1]


def test_other_code_is_not_reused(tmp_path):
    finished_run(tmp_path, make_plan(), [make_group([0])])
    plan = make_plan(code=b"edited")
    assert (find_reusable(tmp_path, plan.cell_ids, code_ids(plan)).run == -1).all()


def test_a_row_reused_twice_names_the_run_that_computed_it_even_when_that_is_gone(tmp_path):
    plan = make_plan()
    first = finished_run(tmp_path, plan, [make_group([0, 1])])
    for day in (1, 2):
        found = find_reusable(tmp_path, plan.cell_ids, code_ids(plan))
        later = NOW + timedelta(days=day)
        finished_run(tmp_path, plan, [], now=later, reused=found.tables)
        if first.table("cells").exists():
            first.table("cells").unlink()
    found = find_reusable(tmp_path, plan.cell_ids, code_ids(plan))
    assert found.tables.cells.column("reused_from").to_pylist() == [first.run_id] * 2
    assert len(found.runs) == 1  # the latest has them all


def test_several_runs_contribute_the_newest_row_of_each_cell(tmp_path):
    plan = make_plan()
    finished_run(tmp_path, plan, [make_group([0, 1])])
    later = NOW + timedelta(days=1)
    finished_run(tmp_path, plan, [make_group([1, 2], factor=5.0)], now=later)
    found = find_reusable(tmp_path, plan.cell_ids, code_ids(plan))
    finals = {
        row["cell_id"]: row["value"]
        for row in found.tables.measurements.to_pylist()
        if row["at"] is None
    }
    values = [finals[bytes(plan.cell_ids[cell])] for cell in range(3)]
    assert values == [9.0, 50.0, 55.0]
    assert found.run[:4].tolist() == [1, 0, 0, -1]
    assert found.row[:3].tolist() == [0, 0, 1]


def test_the_run_being_written_is_not_reused_and_a_damaged_one_is_told(tmp_path):
    plan = make_plan()
    run = finished_run(tmp_path, plan, [make_group([0])])
    ids = plan.cell_ids, code_ids(plan)
    assert (find_reusable(tmp_path, *ids, without=[run.run_id]).run == -1).all()
    run.table("measurements").write_bytes(b"PAR1")
    found = find_reusable(tmp_path, *ids)
    assert (found.run == -1).all()
    assert "measurements.parquet is damaged" in found.notes[0]


def test_costs_are_reused_on_the_same_machine_only(tmp_path):
    plan = make_plan()
    cost = measurement(0, 1000.0, metric=2) + measurement(0, 3.0, metric=0)
    finished_run(tmp_path, plan, [Group(cells=cell_row(0), measurements=cost)])
    found = find_reusable(tmp_path, plan.cell_ids, code_ids(plan))
    for machine, wall_s, metrics in [
        (MACHINE, 0.5, ["steps_per_second", "regret"]),
        ("m2", None, ["regret"]),
    ]:
        path = tmp_path / machine
        path.mkdir()
        nothing = read_journal(path)
        tables = write_results(path, plan, "r", nothing, found.tables, machine=machine)
        (cell,) = tables.cells.to_pylist()
        assert (cell["wall_s"], cell["machine"]) == (wall_s, MACHINE)
        assert tables.measurements.column("metric").to_pylist() == metrics


def test_a_cell_that_the_run_computed_itself_is_not_taken_from_another(tmp_path):
    plan = make_plan()
    finished_run(tmp_path, plan, [make_group([0])])
    found = find_reusable(tmp_path, plan.cell_ids, code_ids(plan))
    later = NOW + timedelta(days=1)
    run = finished_run(
        tmp_path, plan, [make_group([0], factor=2.0)], now=later, reused=found.tables
    )
    tables = read_results(run.path)
    assert tables.cells.column("status").to_pylist() == ["ok"]
    assert tables.measurements.column("value").to_pylist() == [2.0, 4.0, 18.0]


def test_the_journal_tells_which_planned_cells_are_done(tmp_path):
    plan = make_plan()
    with Journal.open(tmp_path) as journal:
        journal.append(plan, make_group([0, 2]))
        journal.append(plan, failed_group(1))
    tables = read_journal(tmp_path)
    status = journalled(tables, plan.cell_ids, code_ids(plan))
    assert status[:4].tolist() == [Status.OK, Status.FAILED, Status.OK, -1]
    edited = make_plan(code=b"edited")
    assert (journalled(tables, edited.cell_ids, code_ids(edited)) == -1).all()
