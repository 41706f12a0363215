"""Which cells of a plan are settled and which must run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.plan.records import Plan
from harness.store.recover import JournalTables
from harness.store.reuse import journalled
from harness.store.rows import Status

__all__ = ["code_ids", "settled_in_journal"]

BoolArray = npt.NDArray[np.bool_]

# Crashed, skipped and rowless cells are tried by every command; these only when asked to.
_SETTLED_BADLY = (Status.FAILED, Status.TIMEOUT, Status.OOM)


def code_ids(plan: Plan) -> npt.NDArray[np.uint8]:
    """The code id of every cell: (cells, 16) uint8."""
    of_specs = np.frombuffer(b"".join(spec.code_id for spec in plan.specs), np.uint8)
    ids: npt.NDArray[np.uint8] = of_specs.reshape(-1, 16)[plan.spec]
    return ids


def settled_in_journal(plan: Plan, journal: JournalTables, *, retry_failed: bool) -> BoolArray:
    """Which cells the run that goes on has settled, with the code at hand: (cells,) bool."""
    settled = [Status.OK, *(() if retry_failed else _SETTLED_BADLY)]
    status = journalled(journal, plan.cell_ids, code_ids(plan))
    done: BoolArray = np.isin(status, [int(each) for each in settled])
    return done
