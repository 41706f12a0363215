"""Who is charged for a worker's death: facts of a pure function, no process needed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.execute.blame import Death, Reason, rule
from harness.execute.slot import Mark, Stage

CHARGED = (Reason.CRASHED, Reason.TIMEOUT, Reason.OOM)


def mark(job=7, stage=Stage.EVALUATING, yielded=0, handed=0):
    return Mark(job, stage, yielded, handed, 0, 0)


def death(cells=10, received=0, at=None, verdict=None, reason=Reason.CRASHED, attempt=1, retries=1):
    return Death(
        job=7,
        cells=cells,
        attempt=attempt,
        received=received,
        mark=mark() if at is None else at,
        verdict=verdict,
        reason=reason,
        retries=retries,
    )


@st.composite
def deaths(draw):
    cells = draw(st.integers(1, 40))
    received = draw(st.integers(0, cells))
    yielded = draw(st.integers(received, cells))
    handed = draw(st.integers(yielded, cells))
    stage = draw(st.sampled_from(Stage))
    job = draw(st.sampled_from([0, 3, 7, 7, 7, 7]))
    if stage is Stage.LOADING:
        received = yielded = handed = 0
    reason = draw(st.sampled_from(Reason))
    verdict = None
    if reason in (Reason.TIMEOUT, Reason.OOM):
        verdict = mark(job, stage, draw(st.integers(0, yielded)), handed)
    return Death(
        job=7,
        cells=cells,
        attempt=draw(st.integers(1, 3)),
        received=received,
        mark=mark(job, stage, yielded, handed),
        verdict=verdict,
        reason=reason,
        retries=draw(st.integers(0, 2)),
    )


@given(deaths())
def test_the_cells_without_an_outcome_are_parted_into_settled_and_again(case):
    ruling = rule(case)
    again = [place for each in ruling.again for place in range(each.first, each.stop)]
    assert sorted([*ruling.settled, *again]) == list(range(case.received, case.cells))


@given(deaths())
def test_no_attempt_exceeds_the_retries_by_more_than_the_first_try(case):
    for each in rule(case).again:
        assert each.attempt <= max(case.attempt, case.retries + 1)


@given(deaths())
def test_a_lost_guardian_charges_nobody(case):
    if case.reason is Reason.LOST:
        ruling = rule(case)
        assert not ruling.settled
        assert {each.attempt for each in ruling.again} <= {case.attempt}


@given(deaths())
def test_a_cell_is_settled_only_alone_or_when_it_was_the_only_one_in_hand(case):
    ruling = rule(case)
    if ruling.settled and case.mark.job == 7 and case.mark.stage == Stage.EVALUATING:
        single = case.cells == 1 or case.mark.in_flight <= 1 or case.verdict is not None
        assert single


def test_one_cell_in_hand_is_tried_again_alone_and_the_others_go_back_as_they_were():
    ruling = rule(death(received=3, at=mark(yielded=4, handed=5)))
    assert ruling.settled == ()
    assert [tuple(each) for each in ruling.again] == [(4, 5, 2), (3, 4, 1), (5, 10, 1)]


def test_the_last_attempt_settles_the_cell():
    ruling = rule(death(cells=1, at=mark(handed=1), attempt=2))
    assert ruling.settled == (0,)


def test_time_and_memory_are_not_tried_again():
    for reason in (Reason.TIMEOUT, Reason.OOM):
        at = mark(yielded=4, handed=5)
        ruling = rule(death(received=4, at=at, verdict=at, reason=reason))
        assert ruling.settled == (4,)
        assert [tuple(each) for each in ruling.again] == [(5, 10, 1)]


def test_of_several_in_hand_each_is_tried_alone_with_its_attempt_unchanged():
    for reason in CHARGED:
        at = mark(yielded=2, handed=6)
        verdict = None if reason is Reason.CRASHED else at
        ruling = rule(death(received=2, at=at, verdict=verdict, reason=reason))
        assert ruling.settled == ()
        alone = [tuple(each) for each in ruling.again if each.stop - each.first == 1]
        assert alone == [(place, place + 1, 1) for place in range(2, 6)]
        assert (6, 10, 1) in [tuple(each) for each in ruling.again]


def test_a_death_while_loading_counts_for_the_job_and_then_condemns_the_spec():
    at = mark(stage=Stage.LOADING)
    for reason in CHARGED:
        verdict = None if reason is Reason.CRASHED else at
        first = rule(death(at=at, verdict=verdict, reason=reason))
        assert [tuple(each) for each in first.again] == [(0, 10, 2)]
        second = rule(death(at=at, verdict=verdict, reason=reason, attempt=2))
        assert second.settled == tuple(range(10))
        assert second.condemns_spec


def test_a_job_that_never_began_is_tried_again_whatever_ended_its_worker():
    for reason in CHARGED:
        verdict = None if reason is Reason.CRASHED else mark(job=0)
        ruling = rule(death(at=mark(job=0), verdict=verdict, reason=reason))
        assert [tuple(each) for each in ruling.again] == [(0, 10, 2)]


def test_what_the_previous_job_does_after_its_last_outcome_is_not_charged_to_the_next():
    for job, verdict, reason in (
        (3, None, Reason.CRASHED),
        (3, mark(job=3), Reason.TIMEOUT),
        (0, mark(job=3), Reason.TIMEOUT),
    ):
        ruling = rule(death(at=mark(job=job), verdict=verdict, reason=reason))
        assert [tuple(each) for each in ruling.again] == [(0, 10, 1)]


def test_a_cell_that_was_done_between_verdict_and_signal_is_not_blamed():
    verdict, at = mark(yielded=4, handed=5), mark(yielded=5, handed=6)
    received = rule(death(received=5, at=at, verdict=verdict, reason=Reason.TIMEOUT))
    assert [tuple(each) for each in received.again] == [(5, 10, 1)]
    lost = rule(death(received=4, at=at, verdict=verdict, reason=Reason.TIMEOUT))
    assert [tuple(each) for each in lost.again] == [(4, 5, 2), (5, 10, 1)]
    again = rule(death(received=4, at=at, verdict=verdict, reason=Reason.TIMEOUT, attempt=2))
    assert again.settled == (4,)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 24), st.integers(0, 2))
def test_jobs_end_however_workers_die(data, cells, retries):
    """Every job's worker dies at an arbitrary moment; each cell still ends exactly once."""
    waiting = [(tuple(range(cells)), 1)]
    ended: list[int] = []
    deaths_seen = 0
    while waiting:
        places, attempt = waiting.pop()
        count = len(places)
        received = data.draw(st.integers(0, count))
        ended += places[:received]
        yielded = data.draw(st.integers(received, min(count, received + 1)))
        handed = data.draw(st.integers(yielded, count))
        stage = Stage.EVALUATING if handed else data.draw(st.sampled_from(Stage))
        reason = data.draw(st.sampled_from(CHARGED))
        at = mark(data.draw(st.sampled_from([0, 7])) if handed == 0 else 7, stage, yielded, handed)
        case = death(
            count, received, at, None if reason is Reason.CRASHED else at, reason, attempt, retries
        )
        ruling = rule(case)
        ended += [places[place] for place in ruling.settled]
        waiting += [(places[each.first : each.stop], each.attempt) for each in ruling.again]
        deaths_seen += 1
        assert deaths_seen <= 4 * cells * (retries + 3)
    assert sorted(ended) == list(range(cells))
