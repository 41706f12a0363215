"""Replay of a click log: unbiased as built, biased where its conditions are broken."""

from __future__ import annotations

import hashlib
import zipfile
from math import sqrt

import numpy as np
import pytest
from bandit_cells import Greedy, RandomArm, Wild, outcomes

from harness.data import describe, locate
from harness.errors import DataMissing
from harness.kernels import specialise
from harness_bandits.policy import Facts
from harness_bandits.replay import ITEMS, SAMPLE, ClickLog, Replay, Replayed, read_log, replay

RATES = np.array([0.2, 0.4, 0.6, 0.8])
SKEWED = np.array([0.55, 0.25, 0.15, 0.05])
UNIFORM = np.full(4, 0.25)
ROUNDS = 50
FACTS = Facts(arms=4, horizon=ROUNDS)
LEARNER = Greedy(epsilon=0.2)
LOGS = 6_000


def synthetic_log(seed, events, shares):
    """Events whose item has the law ``shares``, clicked with the item's rate."""
    generator = np.random.default_rng([2011, seed])
    items = np.searchsorted(np.cumsum(shares)[:-1], generator.random(events), side="right")
    clicks = (generator.random(events) < RATES[items]).astype(float)
    return ClickLog(items.astype(np.int64), clicks)


def online(init, select, update, parameters, facts, log, key):
    """``facts.horizon`` rounds against fresh clicks: the truth that replay estimates.

    The log's uniform numbers stand in for the clicks of the arm selected.
    """
    state = init(parameters, facts, key)
    clicks = 0.0
    for t in range(1, facts.horizon + 1):
        arm = select(parameters, state, key, t)
        click = 1.0 if log.clicks[t] < 0.2 + 0.2 * arm else 0.0
        update(parameters, state, arm, click)
        clicks += click
    return Replayed(facts.horizon, facts.horizon, clicks, 0, 0.0)


def reproposing(init, select, update, parameters, facts, log, key):
    """Replay that draws a new proposal after each rejection."""
    state = init(parameters, facts, key)
    accepted, clicks = 0, 0.0
    for event in range(log.items.size):
        # A fresh key an event: the proposal is drawn anew, from the same accepted history.
        arm = select(parameters, state, key + event, accepted + 1)
        if log.items[event] == arm:
            update(parameters, state, arm, log.clicks[event])
            clicks += log.clicks[event]
            accepted += 1
            if accepted == facts.horizon:
                break
    return Replayed(accepted, log.items.size, clicks, 0, 0.0)


def walks(driver, events, shares, facts=FACTS, start=0):
    """(accepted, clicks) of ``LOGS`` independent logs."""
    functions = {"init": LEARNER.init, "select": LEARNER.select, "update": LEARNER.update}
    kernel = specialise(driver, **functions)
    parameters = LEARNER.parameters(facts)
    found = np.empty((LOGS, 2))
    for seed in range(LOGS):
        log = synthetic_log(start + seed, events, shares)
        if driver is online:
            noise = np.random.default_rng([1, seed]).random(events)
            log = ClickLog(log.items, noise)
        walk = kernel(parameters, facts, log, 1_000_003 * (seed + 1))
        found[seed] = walk[0], walk[2]
    return found


@pytest.fixture(scope="module")
def truth():
    return walks(online, ROUNDS + 1, UNIFORM)[:, 1] / ROUNDS


def z_between(one, other):
    """Distance of two independent means in standard errors."""
    return (one.mean() - other.mean()) / sqrt(one.var() / one.size + other.var() / other.size)


def test_replay_of_a_uniform_log_has_the_expectation_of_an_online_run(truth):
    found = walks(replay, 500, UNIFORM)
    assert (found[:, 0] == ROUNDS).all()
    assert abs(z_between(found[:, 1] / ROUNDS, truth)) < 5


def test_a_kept_proposal_is_unbiased_on_a_skewed_log_too(truth):
    found = walks(replay, 3_000, SKEWED)
    assert (found[:, 0] == ROUNDS).all()
    assert abs(z_between(found[:, 1] / ROUNDS, truth)) < 5


def test_a_new_proposal_after_each_rejection_is_biased_on_a_skewed_log(truth):
    found = walks(reproposing, 1_000, SKEWED)
    assert z_between(found[:, 1] / found[:, 0], truth) < -10


def test_counting_whatever_a_short_log_accepts_is_biased(truth):
    found = walks(replay, 150, UNIFORM)
    assert (found[:, 0] == ROUNDS).mean() < 0.05
    assert z_between(found[:, 1] / found[:, 0], truth) < -5


def test_one_event_in_arms_is_accepted():
    functions = {"init": LEARNER.init, "select": LEARNER.select, "update": LEARNER.update}
    kernel = specialise(replay, **functions)
    parameters = LEARNER.parameters(FACTS)
    found = [
        Replayed(*kernel(parameters, FACTS, synthetic_log(seed, 500, UNIFORM), seed))
        for seed in range(2_000)
    ]
    walked = np.array([walk.walked for walk in found])
    # The walk is a sum of 50 geometric waits: mean 200, sd sqrt(50 · 12)
    assert abs(walked.mean() - 200) < 5 * sqrt(600 / 2_000)


def test_the_walk_counts_the_clicks_of_accepted_events_only():
    log = ClickLog(np.array([1, 0, 1, 2, 0, 1]), np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0]))
    functions = (Greedy.init, Greedy.select, Greedy.update)
    facts = Facts(arms=3, horizon=4)
    # Arms 0, 1, 2 once each (rows 1, 2, 3), then arm 0, the lowest of the best, at row 4.
    walk = replay(*functions, Greedy().parameters(facts), facts, log, 1)
    assert walk == Replayed(4, 5, 3.0, 0, 0.0)


# Files


def write_archive(folder, campaign="men", rows=None, **changed):
    """A zip in the data set's layout; ``changed`` overrides columns of the third row."""
    arms = ITEMS[campaign]
    rows = 400 if rows is None else rows
    columns = ["timestamp", "item_id", "position", "click", "propensity_score"]
    lines = [",".join(["", *columns])]
    for row in range(rows):
        values = {
            "timestamp": f"2019-11-24 00:{row // 60:02d}:{row % 60:02d}.5+00:00",
            "item_id": row * 7 % arms,
            "position": 1,
            "click": int(row % 50 == 0),
            "propensity_score": 1 / arms,
        }
        if row == 2:
            values |= changed
        lines.append(",".join(str(value) for value in [row, *values.values()]))
    path = folder / "sample.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        member = f"open_bandit_dataset/random/{campaign}/{campaign}.csv"
        bundle.writestr(member, "\n".join(lines) + "\n")
    read_log.cache_clear()
    return path


def replayed(path, task, policy, count=1):
    return outcomes(task, policy, count, files=(("open-bandit-sample", path),))


def test_a_cell_gives_the_rate_over_exactly_n_accepted_events(tmp_path):
    task = Replay(horizon=4, events=400)
    for outcome in replayed(write_archive(tmp_path), task, RandomArm(), count=5):
        assert outcome.final["click_rate"] * 4 == pytest.approx(
            round(outcome.final["click_rate"] * 4)
        )
        assert 0.0 < outcome.final["accepted_share"] <= 1.0


def test_replicates_differ_and_repeat(tmp_path):
    path = write_archive(tmp_path)
    shares = [
        [each.final["accepted_share"] for each in replayed(path, Replay(horizon=4), Greedy(), 8)]
        for _ in range(2)
    ]
    assert shares[0] == shares[1]
    assert len(set(shares[0])) > 1


def test_a_log_too_short_skips_the_cell_with_the_count_reached(tmp_path):
    outcome = replayed(write_archive(tmp_path), Replay(horizon=300), RandomArm())[0]
    assert "accepted events of the 300 that the estimate needs, in 400 rows" in outcome.skip_reason
    assert not outcome.final


def test_an_arm_out_of_range_stops_the_replay_with_round_and_value(tmp_path):
    path = write_archive(tmp_path)
    with pytest.raises(ValueError, match="arm 34 in round 3; arms are 0 … 33"):
        replayed(path, Replay(horizon=4), Wild(value=34))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"propensity_score": 0.5}, "men.csv:4: replay needs uniform choices"),
        ({"item_id": 34}, "items must be 0 … 33"),
        ({"item_id": -1}, "items must be 0 … 33"),
        ({"click": 2}, "a click must be 0 or 1"),
        ({"timestamp": "2019-11-25 00:00:00.5+00:00"}, "men.csv:5: .* comes after"),
    ],
    ids=["propensity", "item", "negative item", "click", "time"],
)
def test_a_log_that_replay_cannot_use_is_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        read_log(write_archive(tmp_path, **changed), "men")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"campaign": "children"}, "campaign must be all, men or women"),
        ({"horizon": 0}, "horizon must be at least 1, got 0"),
        ({"events": 20_000}, "events must be at most 10000, got 20000"),
        ({"horizon": 50, "events": 40}, "horizon must be at most events, 40, got 50"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_limit(parameters, message):
    with pytest.raises(ValueError, match=message):
        Replay(**parameters)


@pytest.fixture(scope="module")
def sample():
    describe({SAMPLE.name: "harness_bandits.replay:SAMPLE"})
    try:
        return locate(SAMPLE.name)
    except DataMissing as missing:
        pytest.skip(str(missing))


def test_the_sample_is_the_declared_file(sample):
    content = sample.read_bytes()
    assert len(content) == SAMPLE.bytes
    assert hashlib.sha256(content).hexdigest() == SAMPLE.sha256


@pytest.mark.parametrize(("campaign", "clicks"), [("all", 38), ("men", 46), ("women", 46)])
def test_the_sample_has_its_published_counts(sample, campaign, clicks):
    log = read_log(sample, campaign)
    assert log.items.size == 10_000
    assert log.clicks.sum() == clicks
    assert np.unique(log.items).size == ITEMS[campaign]


def test_the_sample_reaches_the_default_horizon_in_every_replicate(sample):
    found = replayed(sample, Replay(), RandomArm(), count=20)
    assert all(outcome.skip_reason is None for outcome in found)
    share = np.mean([outcome.final["accepted_share"] for outcome in found])
    # 20 walks of 200 geometric waits; replicates share rows, hence the wide margin
    assert share == pytest.approx(1 / 34, rel=0.15)
