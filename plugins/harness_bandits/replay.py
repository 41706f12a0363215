"""Replay of a uniformly logged click record: an unbiased look at a policy on real clicks.

=====  =============  ==========================================================
paper  here           what
=====  =============  ==========================================================
K      ``arms``       items of the campaign
N      ``horizon``    accepted events at which the estimate is taken
=====  =============  ==========================================================

The policy proposes an item from what it has accepted so far. If the next logged event showed
that item, the event is accepted: a round passes and the policy learns the logged click.
Otherwise the event is dropped, the policy learns nothing and keeps its proposal.

**Why the estimate is unbiased.** The log chose items uniformly and independently of everything
else. Given the history, the next event is therefore accepted with probability 1/K whichever
item is proposed and whether or not it was clicked, so an accepted click has the law of a click
in an online round, and the click rate over the first N accepted events has the expectation of
an online run of N rounds. It needs: events that are independent and of one law (no drift), a log
long enough that *every* replicate reaches N (a cell that doesn't is skipped; a claim over such a
group is biased towards lucky proposals, as counting whatever was accepted would be), a policy
whose randomness is independent of the log, each event used once. What biases it: drawing a new
proposal after each rejection on a log that isn't uniform; N not fixed beforehand.

A cell is a replicate: it walks ``events`` rows of the log, drawn without replacement in random
order. Replicates share one log of 10,000 rows with 46 clicks: their spread is smaller than that
of independent logs, and one log cannot rank policies. The position at which an item was shown
(1 to 3) is ignored: items are uniform at each position, and the rate is then an average over
positions; that is a choice of the model.

Source: Li, Chu, Langford & Wang 2011; data: Saito, Aihara, Matsutani & Narita 2021.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import TextIOWrapper
from itertools import pairwise
from math import isclose
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple
from zipfile import ZipFile

import numpy as np
from annotated_types import Ge, Interval

from harness import Cell, Method, Metric, Outcome, Task
from harness.data import DataSet
from harness.kernels import coerce, specialise
from harness_bandits.policy import Facts, FloatArray, IntArray, Policy, stop_if_out_of_range
from harness_bandits.stochastic import playable, refuse_below

__all__ = ["SAMPLE", "ClickLog", "Replay", "Replayed", "read_log", "replay"]

SAMPLE = DataSet(
    name="open-bandit-sample",
    path="obd/open_bandit_dataset_sample.zip",
    sha256="7860b5b77842943f01fe3efc934f98b1a3051f88d9a03c9372a8b25b947335ff",
    bytes=1161023,
    licence="CC BY 4.0",
    source="https://research.zozo.com/data.html",
    description="Open Bandit Dataset, official small sample: 10,000 logged impressions a campaign",
)

ITEMS = {"all": 80, "men": 34, "women": 46}  # of the data set's campaigns
_ROWS = 10_000  # of a campaign in the sample
_PROPENSITY_TOLERANCE = 1e-9  # relative; the file has 1/K printed with 17 digits


class ClickLog(NamedTuple):
    """A log in the order of its file, or a replicate of it."""

    items: IntArray  # (events,) item shown, 0 … items − 1
    clicks: FloatArray  # (events,) 0 or 1


class Replayed(NamedTuple):
    """What a walk through the log gave; ``fault_round`` is 0 if nothing went wrong."""

    accepted: int
    walked: int
    clicks: float
    fault_round: int
    fault_value: float


def replay(
    init: Callable[..., Any],
    select: Callable[..., Any],
    update: Callable[..., None],
    parameters: Any,
    facts: Facts,
    log: ClickLog,
    key: int,
) -> Replayed:
    """Walk ``log`` until ``facts.horizon`` events are accepted, or to its end.

    Leading arguments are the policy's functions. A proposal is kept until an event meets it.
    """
    state = init(parameters, facts, key)
    accepted, clicks = 0, 0.0
    proposal = -1
    for event in range(log.items.size):
        if proposal < 0:
            arm = select(parameters, state, key, accepted + 1)
            if not (0 <= arm < facts.arms) or int(arm) != arm:
                return Replayed(accepted, event, clicks, accepted + 1, float(arm))
            proposal = int(arm)
        if log.items[event] != proposal:
            continue
        update(parameters, state, proposal, log.clicks[event])
        clicks += log.clicks[event]
        accepted += 1
        proposal = -1
        if accepted == facts.horizon:
            return Replayed(accepted, event + 1, clicks, 0, 0.0)
    return Replayed(accepted, log.items.size, clicks, 0, 0.0)


@lru_cache(maxsize=4)
def read_log(archive: Path, campaign: str) -> ClickLog:
    """The log of uniform choices of ``campaign`` from the data set's zip file.

    Raises
    ------
    ValueError
        If it is not what the estimator needs: choices that aren't uniform, items that
        the campaign doesn't have, clicks other than 0 and 1, rows out of time's order.
    """
    arms = ITEMS[campaign]
    member = f"open_bandit_dataset/random/{campaign}/{campaign}.csv"
    with ZipFile(archive) as bundle, bundle.open(member) as file:
        rows = list(csv.DictReader(TextIOWrapper(file, encoding="utf-8")))
    items = np.array([int(row["item_id"]) for row in rows], dtype=np.int64)
    clicks = np.array([float(row["click"]) for row in rows])
    _refuse_uneven(member, [float(row["propensity_score"]) for row in rows], arms)
    if items.size == 0 or items.min() < 0 or items.max() >= arms:
        raise ValueError(f"{member}: items must be 0 … {arms - 1}")
    if not np.isin(clicks, (0.0, 1.0)).all():
        raise ValueError(f"{member}: a click must be 0 or 1")
    times = [row["timestamp"] for row in rows]
    for number, (earlier, later) in enumerate(pairwise(times), start=3):
        if later < earlier:  # written as 2019-11-24 00:00:01.123+00:00: text sorts as time does
            raise ValueError(f"{member}:{number}: {later} comes after {earlier}")
    return ClickLog(items, clicks)


def _refuse_uneven(member: str, propensities: Sequence[float], arms: int) -> None:
    for number, propensity in enumerate(propensities, start=2):
        if not isclose(propensity, 1.0 / arms, rel_tol=_PROPENSITY_TOLERANCE):
            raise ValueError(
                f"{member}:{number}: replay needs uniform choices, propensity 1/{arms} in every "
                f"row, got {propensity!r}"
            )


@dataclass(frozen=True, kw_only=True)
class Replay(Task):
    """Click rate of a policy, replayed on the Open Bandit sample's uniform log.

    Parameters
    ----------
    campaign
        ``all`` (80 items), ``men`` (34) or ``women`` (46).
    horizon
        N, the accepted events at which the rate is taken. One event in K is accepted:
        10,000 give about 125, 294 and 217 on the three campaigns.
    events
        Rows of the log in a replicate.
    """

    accepts: ClassVar[type[Method]] = Policy
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            name="click_rate",
            unit="clicks/round",
            direction="higher",
            description="clicks a round over the first N accepted events",
        ),
        Metric(
            name="accepted_share",
            direction="none",
            description="accepted events over events walked; 1/K in expectation",
        ),
    )

    campaign: Literal["all", "men", "women"] = "men"
    horizon: Annotated[int, Ge(1)] = 200
    events: Annotated[int, Interval(ge=1, le=_ROWS)] = _ROWS

    def __post_init__(self) -> None:
        if self.campaign not in ITEMS:
            raise ValueError(f"campaign must be all, men or women, got {self.campaign!r}")
        refuse_below(1, horizon=self.horizon, events=self.events)
        if self.events > _ROWS:
            raise ValueError(f"events must be at most {_ROWS}, got {self.events!r}")
        if self.horizon > self.events:
            raise ValueError(f"horizon must be at most events, {self.events}, got {self.horizon!r}")

    def facts(self) -> Facts:
        """Items and rounds; clicks are 0 or 1, and there is no prior."""
        return Facts(arms=ITEMS[self.campaign], horizon=self.horizon)

    def check(self, method: Method) -> None:
        """Refuse a policy that cannot serve this task's facts."""
        playable(method, self.facts())

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Walk one replicate of the log a cell; a cell that does not reach N is skipped."""
        facts = coerce(self.facts())
        policy = playable(method, facts)
        kernel = specialise(replay, init=policy.init, select=policy.select, update=policy.update)
        parameters = coerce(policy.parameters(facts))
        for cell in cells:
            log = read_log(cell.data("open-bandit-sample"), self.campaign)
            order = cell.task_stream.sub("replicate").numpy().permutation(log.items.size)
            rows = order[: self.events]
            replicate = ClickLog(log.items[rows], log.clicks[rows])
            walk = Replayed(*kernel(parameters, facts, replicate, cell.method_stream.key))
            stop_if_out_of_range(walk.fault_round, walk.fault_value, facts.arms)
            yield self._outcome(cell, walk)

    def _outcome(self, cell: Cell, walk: Replayed) -> Outcome:
        if walk.accepted < self.horizon:
            return Outcome.skip(
                cell,
                f"the log gave {walk.accepted} accepted events of the {self.horizon} that the "
                f"estimate needs, in {walk.walked} rows",
            )
        rate, share = walk.clicks / walk.accepted, walk.accepted / walk.walked
        return Outcome(cell=cell, final={"click_rate": rate, "accepted_share": share})
