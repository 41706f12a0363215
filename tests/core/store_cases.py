"""Plans, groups and disks for the tests of the store."""

from __future__ import annotations

import errno
import os
import struct
from hashlib import blake2b

import numpy as np

from harness.api.metric import Bound, Metric
from harness.plan.records import Plan, Spec
from harness.store.disk import Disk
from harness.store.rows import (
    CELL_FORMAT,
    CENSORED,
    HAS_AT,
    MEASUREMENT_FORMAT,
    BoundRow,
    CellText,
    Group,
    ItemRow,
    RecordRow,
    Status,
)
from harness.suite.model import Suite

METRICS = (
    Metric(name="regret", axis="round"),
    Metric(name="accuracy", type="share", has_items=True, direction="higher"),
    Metric(name="steps_per_second", is_cost=True, direction="higher"),
)
BOUND = Bound(metric="regret", role="guarantee", value=50.0, trivial=40.0, source="Theorem 1")


def make_plan(specs: int = 2, seeds: int = 5, *, code: bytes = b"code", name: str = "toy") -> Plan:
    suite = Suite(name=name, description="", seed=0, path="", text="", hardware={}, entries=())
    made = tuple(_spec(index, code) for index in range(specs))
    spec = np.repeat(np.arange(specs, dtype=np.int32), seeds)
    seed = np.tile(np.arange(seeds, dtype=np.int64), specs)
    digests = b"".join(
        blake2b(b"%d/%d" % pair, digest_size=16).digest() for pair in zip(spec, seed, strict=True)
    )
    ids = np.frombuffer(digests, np.uint8).reshape(-1, 16)
    return Plan(suite=suite, specs=made, cell_ids=ids, spec=spec, seed=seed)


def _spec(index: int, code: bytes) -> Spec:
    return Spec(
        index=index,
        task="toy/task",
        task_params={"arms": index, "prior": "uniform"},
        task_at="toy:Task",
        method="toy/method",
        method_params={"c": 1.0},
        method_at="toy:Method",
        label="method",
        metrics=METRICS,
        bounds=(BOUND,),
        suite_seed=0,
        hardware="laptop",
        device="cpu",
        gpus=0,
        processes=None,
        cpus=1,
        exclusive=False,
        memory_bytes=None,
        timeout_s=1.0,
        code_id=code.ljust(16, b"."),
        title=f"toy/task arms={index}",
    )


def cell_row(cell: int, status: Status = Status.OK, *, attempts: int = 1) -> bytes:
    return struct.pack(
        CELL_FORMAT, cell, status, cell % 3, attempts, 2, 1e9 + cell, 0.5, 0.25, 0.125, 2048
    )


def measurement(cell: int, value: float, *, at: float | None = None, metric: int = 0) -> bytes:
    flags = CENSORED if at is None else HAS_AT
    return struct.pack(MEASUREMENT_FORMAT, cell, metric, flags, at or 0.0, value)


def make_group(cells: list[int], *, factor: float = 1.0) -> Group:
    """Cells with three measurements each, and text in every stream."""
    group = Group()
    for cell in cells:
        group.cells += cell_row(cell)
        for at in (1.0, 2.0, None):
            group.measurements += measurement(cell, factor * (cell + (at or 9.0)), at=at)
        group.items += [ItemRow(cell, 1, f"item {n}", factor * n) for n in range(2)]
        group.records.append(RecordRow(cell, "item 0", f"récit {cell}"))
        group.bounds.append(
            BoundRow(cell, 0, "exact", "", None, factor * cell, "always", None, None, "closed form")
        )
    return group


def failed_group(cell: int) -> Group:
    text = CellText(cell, "ValueError", "no such arm", "logs/0.log")
    return Group(cells=cell_row(cell, Status.FAILED), texts=[text])


def rows_of(tables: object) -> dict[str, list[dict[str, object]]]:
    """All rows of journal tables, in an order of their own."""
    names = ("cells", "measurements", "items", "records", "bounds", "artifacts")
    return {name: sorted(getattr(tables, name).to_pylist(), key=repr) for name in names}


class FailingDisk(Disk):
    """Fails at its ``at``-th call and, unless ``recovers``, at every one after it.

    A write that fails has put ``torn`` of its bytes (a share) into the file before. With
    ``recovers`` it is a full disk that has room again; without it a process that was killed,
    since nothing that it does afterwards reaches the disk.
    """

    def __init__(self, at: int, *, torn: float = 0.0, recovers: bool = False) -> None:
        self.calls = 0
        self._at = at
        self._torn = torn
        self._recovers = recovers

    @property
    def has_failed(self) -> bool:
        return self.calls >= self._at

    def _call(self) -> bool:
        self.calls += 1
        return self.calls == self._at or (self.calls > self._at and not self._recovers)

    def _fail(self) -> None:
        if self._call():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(self, fd, data):
        is_first = self.calls + 1 == self._at
        if self._call():
            if is_first:
                super().write(fd, data[: int(len(data) * self._torn)])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data)

    def sync(self, fd):
        self._fail()

    def sync_folder(self, path):
        self._fail()

    def truncate(self, fd, size):
        self._fail()
        super().truncate(fd, size)

    def rename(self, source, target):
        self._fail()
        super().rename(source, target)

    def remove(self, path):
        self._fail()
        super().remove(path)
