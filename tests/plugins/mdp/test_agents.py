"""Learning rates, bonuses, traces and guarantees; every agent compiled and plain."""

from __future__ import annotations

from fractions import Fraction
from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mdp_cells import facts_of, outcomes, random_model, run_plain, walk

from harness.kernels import coerce, specialise, take_modes
from harness_mdp.agent import Facts
from harness_mdp.epsilon_greedy import EpsilonGreedy
from harness_mdp.garnet import Garnet
from harness_mdp.lock import CombinationLock
from harness_mdp.model import model_of
from harness_mdp.optimistic import Optimistic
from harness_mdp.psrl import PSRL
from harness_mdp.riverswim import RiverSwim
from harness_mdp.rlsvi import RLSVI
from harness_mdp.theory import cap_visits, log_term, q_learning_guarantee
from harness_mdp.ucb_b import UCBBernstein, bonus_sum
from harness_mdp.ucb_h import UCBHoeffding
from harness_mdp.ucbvi import UCBVIBernstein, UCBVIHoeffding
from harness_mdp.ucrl2 import UCRL2, optimistic_mean, sort_falling
from harness_mdp.uniform import Uniform


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setenv("HARNESS_JIT", "0")


# The learning rate (Lemma 4.1)


def weights(horizon, visits):
    """α_t^i for i = 1 … t, in rationals."""
    rates = [Fraction(horizon + 1, horizon + t) for t in range(1, visits + 1)]
    found, left = [], Fraction(1)
    for rate in reversed(rates):
        found.append(rate * left)
        left *= 1 - rate
    return found[::-1], left


@pytest.mark.parametrize(
    ("horizon", "visits", "expected"),
    [
        (1, 3, ["1/6", "1/3", "1/2"]),
        (2, 5, ["1/35", "3/35", "6/35", "2/7", "3/7"]),
        (10, 4, ["1/364", "11/364", "33/182", "11/14"]),
    ],
)
def test_the_weights_of_a_visit(horizon, visits, expected):
    found, start = weights(horizon, visits)
    assert found == [Fraction(each) for each in expected]
    assert start == 0


@given(st.integers(1, 12), st.integers(1, 60))
def test_the_identities_of_lemma_4_1(horizon, visits):
    found, start = weights(horizon, visits)
    assert sum(found) == 1 and start == 0  # noqa: PT018
    spread = sum(float(each) / sqrt(i) for i, each in enumerate(found, 1))
    assert 1 / sqrt(visits) - 1e-12 <= spread <= 2 / sqrt(visits) + 1e-12
    assert max(found) <= Fraction(2 * horizon, visits)
    assert sum(each * each for each in found) <= Fraction(2 * horizon, visits)
    first = sum(weights(horizon, t)[0][0] for t in range(1, visits + 1))
    assert first + found[0] * Fraction(visits, horizon) == 1 + Fraction(1, horizon)


@pytest.mark.parametrize("visits", [1, 2, 7])
def test_the_table_averages_targets_with_these_weights(visits, plain):
    # One state, one action, H = 1: targets are r + b_t, so Q is their weighted sum.
    model = model_of([[[[(0, 1.0, 0.5)]]]], 1)
    run = run_plain(UCBHoeffding(c=0.3), model, visits, planned=50)
    scale = 0.3 * sqrt(log_term(facts_of(model, 50), 0.05))
    found, _ = weights(1, visits)
    expected = sum(float(w) * (0.5 + scale / sqrt(t)) for t, w in enumerate(found, 1))
    assert run.state.q[0, 0, 0] == pytest.approx(expected, rel=1e-12)


# Traces on a deterministic model: action a leads to state a and pays .25 s + .5 a.

D1 = [[[[(a, 1.0, 0.25 * s + 0.5 * a)] for a in (0, 1)] for s in (0, 1)]]


def actions_of(run):
    taken = [a for _, _, a, _, _ in run.trace]
    return list(zip(taken[::2], taken[1::2], strict=True))


def test_the_trace_of_ucb_h(plain):
    run = run_plain(UCBHoeffding(c=0.05), model_of(D1, 2), 20, planned=100)
    expected = [(0, 0), (0, 1), (0, 1), (1, 0), *[(1, 1)] * 10, (0, 1), *[(1, 1)] * 5]
    assert actions_of(run) == expected
    assert run.state.q[0] == pytest.approx(np.array([[1.358561826617, 1.558636826952], [2, 2]]))
    last = [[0.440007818140, 0.789763714758], [0.690007818140, 0.885413609432]]
    assert run.state.q[1] == pytest.approx(np.array(last))


def test_the_trace_of_ucb_b(plain):
    agent = UCBBernstein(c1_var=0.002, c1_low=0.002, c2=0.1)
    run = run_plain(agent, model_of(D1, 2), 20, planned=100)
    expected = [(0, 0), (0, 1), (0, 1), (1, 0), *[(1, 1)] * 13, (0, 1), (1, 1), (1, 1)]
    assert actions_of(run) == expected
    assert run.state.table.q[0, 0] == pytest.approx([0.982739197376, 1.299598807524])
    last = [[0.225263830639, 0.576606375591], [0.475263830639, 0.766209426743]]
    assert run.state.table.q[1] == pytest.approx(np.array(last))


def test_with_one_step_ucb_h_is_a_bandit_with_rate_two_over_one_plus_t(plain):
    model = model_of([[[[(0, 1.0, 0.2)], [(0, 1.0, 0.7)]]]], 1)
    run = run_plain(UCBHoeffding(c=0.1), model, 30)
    q, visits = np.ones(2), np.zeros(2)
    scale = 0.1 * sqrt(log_term(facts_of(model, 30), 0.05))
    for _, _, a, r, _ in run.trace:
        assert a == int(q.argmax())
        visits[a] += 1
        rate = 2 / (1 + visits[a])
        q[a] = (1 - rate) * q[a] + rate * (r + scale / sqrt(visits[a]))
    assert run.state.q[0, 0] == pytest.approx(q, rel=1e-12)


@pytest.mark.parametrize("agent", [UCBHoeffding(c=0.1), UCBBernstein(c2=0.2)], ids=str)
def test_visits_sum_to_all_steps_and_values_stay_below_h(plain, agent):
    run = run_plain(agent, random_model(2, 4, 2, 3), 60)
    table = getattr(run.state, "table", run.state)
    assert table.visits.sum() == 180
    assert (table.v <= 3.0).all()
    assert (table.v[3] == 0.0).all()


# UCB-B's bonus


def bernstein_history(agent, model, episodes):
    """Per (h, x, a): the V_{h+1}(y) seen and the bonuses b_t, reconstructed from Q."""
    facts = facts_of(model, episodes)
    parameters = agent.parameters(facts)
    state = agent.init(parameters, facts, 0)
    seen: dict = {}
    draw = np.random.default_rng(4)
    for _ in range(episodes):
        x = 0
        for h in range(model.horizon):
            a = int(draw.integers(facts.actions))
            y = int(draw.integers(facts.states))
            before, after = state.table.q[h, x, a], state.table.v[h + 1, y]
            agent.update(parameters, state, h, x, a, model.reward[h, x, a], y)
            visits = state.table.visits[h, x, a]
            rate = (model.horizon + 1) / (model.horizon + visits)
            target = (state.table.q[h, x, a] - (1 - rate) * before) / rate
            bonus = target - model.reward[h, x, a] - after
            seen.setdefault((h, x, a), []).append((after, bonus))
            x = y
    return parameters, state, seen


AGENTS_B = [UCBBernstein(), UCBBernstein(c1_low=0.0), UCBBernstein(c1_var=0.1, c1_low=1e-6, c2=9)]


@pytest.mark.parametrize("agent", AGENTS_B, ids=str)
def test_twice_the_weighted_bonuses_are_beta(agent):
    _, state, seen = bernstein_history(agent, random_model(1, 3, 2, 3), 60)
    for place, history in seen.items():
        found, _ = weights(3, len(history))
        total = 2 * sum(float(w) * bonus for w, (_, bonus) in zip(found, history, strict=True))
        assert total == pytest.approx(state.beta[place], rel=1e-9)


@pytest.mark.parametrize("agent", AGENTS_B, ids=str)
def test_no_bonus_is_negative(agent):
    _, _, seen = bernstein_history(agent, random_model(1, 3, 2, 3), 60)
    assert min(bonus for history in seen.values() for _, bonus in history) >= -1e-9


@pytest.mark.parametrize("agent", AGENTS_B, ids=str)
def test_beta_uses_the_variance_of_the_values_seen(agent):
    model = random_model(1, 3, 2, 3)
    _, state, seen = bernstein_history(agent, model, 60)
    iota = log(3 * 2 * 60 * 3 / 0.05)
    for place, history in seen.items():
        values, t = np.array([after for after, _ in history]), len(history)
        root = sqrt(3 * (values.var() + 3) * iota / t)
        low = sqrt(3**7 * 3 * 2) * iota / t
        cap = agent.c2 * sqrt(27 * iota / t)
        assert state.beta[place] == pytest.approx(
            min(agent.c1_var * root + agent.c1_low * low, cap)
        )


def test_the_printed_variance_would_be_negative():
    # Line 10 as printed: (σ − μ²)/t with sums. At V = 5 seen four times: (100 − 400)/4.
    facts = Facts(2, 2, 5, 100)
    parameters = UCBBernstein(c1_low=0.0, c2=1e9).parameters(facts)
    beta = bonus_sum(parameters, 4, 20.0, 100.0)
    assert beta == pytest.approx(2 * sqrt(5 * (0 + 5) * log_term(facts, 0.05) / 4))


@pytest.mark.parametrize(
    ("t", "share"), [(1, 0.5), (2, 0.4901377723), (3, 0.4892978633), (100, 0.4881251497)]
)
def test_the_bonus_at_its_cap(t, share):
    horizon, rate = 20, 21 / (20 + t)
    before = 0.0 if t == 1 else 1 / sqrt(t - 1)
    assert (1 / sqrt(t) - (1 - rate) * before) / (2 * rate) * sqrt(t) == pytest.approx(
        share, abs=1e-10
    )
    assert 41 / 84 < share <= 0.5
    assert (2 * horizon + 1) / (4 * horizon + 4) == pytest.approx(41 / 84)


def test_until_its_cap_is_left_ucb_b_is_a_q_learner_with_the_cap_alone(plain):
    model, agent = random_model(9, 4, 2, 4), UCBBernstein(c1_var=0.1, c1_low=0.1, c2=0.1)
    run = run_plain(agent, model, 150)
    assert cap_visits(facts_of(model, 150), 1.0, 0.05) > 150
    q, visits, beta = np.full((4, 4, 2), 4.0), np.zeros((4, 4, 2), int), np.zeros((4, 4, 2))
    v = np.vstack([np.full((4, 4), 4.0), np.zeros((1, 4))])
    cap = agent.parameters(facts_of(model, 150)).cap
    for h, x, a, r, y in run.trace:
        assert a == int(q[h, x].argmax())
        visits[h, x, a] += 1
        rate = 5.0 / (4.0 + visits[h, x, a])
        new = cap / sqrt(visits[h, x, a])
        bonus = (new - (1.0 - rate) * beta[h, x, a]) / (2.0 * rate)
        beta[h, x, a] = new
        q[h, x, a] = (1.0 - rate) * q[h, x, a] + rate * (r + v[h + 1, y] + bonus)
        v[h, x] = min(4.0, q[h, x].max())
    assert (run.state.table.q == q).all()


@pytest.mark.parametrize(
    ("horizon", "ratio", "visits"), [(2, 1.0, 7460.39), (4, 1.0, 40960.0), (2, 2.0, 382.87)]
)
def test_the_visits_up_to_which_the_cap_is_smaller(horizon, ratio, visits):
    # ι = 10 by the choice of p.
    facts = Facts(2, 2, horizon, 1000)
    p = 4 * 1000 * horizon / exp(10)
    assert cap_visits(facts, ratio, p) == pytest.approx(visits, abs=0.01)
    constants = UCBBernstein(c1_var=1, c1_low=1, c2=ratio).parameters(facts)
    constants = constants._replace(
        spread=sqrt(horizon * 10), low_order=sqrt(horizon**7 * 4) * 10
    )._replace(cap=ratio * sqrt(horizon**3 * 10))

    def is_at_cap(t):
        return bonus_sum(constants, t, 0.0, 0.0) == constants.cap / sqrt(t)

    assert is_at_cap(int(visits) - 1)
    assert not is_at_cap(int(visits) + 2)


def test_with_a_small_ratio_the_cap_is_smaller_for_ever():
    assert cap_visits(Facts(2, 2, 4, 1000), 0.5, 0.05) == inf


# Guarantees


def test_the_explicit_guarantee_of_ucb_h():
    facts = Facts(2, 2, 2, 10**6)
    assert log_term(facts, 0.05) == pytest.approx(18.890684373198)
    assert q_learning_guarantee(facts, 4.0, 0.05) == pytest.approx(27.4925 + 675947.887 + 9409.704)


def test_a_guarantee_that_says_nothing_is_marked():
    small = Garnet(states=2, actions=2, branching=2, horizon=2, episodes=10**6)
    (bound,) = UCBHoeffding().guarantees(small)
    assert not bound.is_vacuous
    assert (bound.delta, bound.holds) == (pytest.approx(0.15), "with_probability")
    (large,) = UCBHoeffding().guarantees(Garnet(episodes=10**6))
    assert large.is_vacuous
    assert large.trivial == 2e7


@pytest.mark.parametrize(
    ("agent", "task"),
    [
        (UCBHoeffding(c=0.99), Garnet()),
        (UCBBernstein(c2=1.9), Garnet()),
        (UCBBernstein(c1_low=1.0), Garnet()),
        (UCBBernstein(), Garnet(states=2, actions=2, branching=2, horizon=2, episodes=10**6)),
        (UCBVIHoeffding(scale=0.5), RiverSwim()),
        (UCBVIHoeffding(pooled=False), RiverSwim()),
        (UCBVIHoeffding(), Garnet()),
        (UCBVIHoeffding(bonus="rlberry"), RiverSwim()),
        (EpsilonGreedy(), Garnet()),
    ],
    ids=str,
)
def test_nothing_is_promised_outside_the_theorems_conditions(agent, task):
    assert agent.guarantees(task) == ()


@pytest.mark.parametrize("agent", [UCBBernstein(), UCBVIHoeffding(), UCBVIBernstein()], ids=str)
def test_guarantees_within_the_conditions(agent):
    (bound,) = agent.guarantees(Garnet(stationary=True, episodes=1000))
    assert bound.metric == "regret_exact"
    assert bound.is_vacuous


def test_the_first_reward_on_the_lock_is_known_exactly():
    task = CombinationLock(horizon=12)
    (bound,) = EpsilonGreedy(epsilon=0.3).guarantees(task)
    assert (bound.metric, bound.role) == ("first_reward", "exact")
    assert bound.value == pytest.approx(799.2, abs=0.05)
    assert EpsilonGreedy(q0=1.0).guarantees(task) == ()


# Planners


def test_optimistic_rows_are_the_best_within_the_radius():
    values, order = np.array([0.0, 3.0, 1.0]), np.zeros(3, np.int64)
    sort_falling(values, order)
    assert order.tolist() == [1, 2, 0]
    row = np.array([0.5, 0.2, 0.3])
    # .3 more on the best state, taken from the worst one.
    assert optimistic_mean(row, values, order, 0.6) == pytest.approx(0.5 * 3 + 0.3 * 1)
    assert row == pytest.approx([0.2, 0.5, 0.3])
    assert optimistic_mean(np.array([0.5, 0.2, 0.3]), values, order, 9.0) == pytest.approx(3.0)


@given(st.integers(0, 10**6), st.floats(0, 2))
def test_an_optimistic_row_is_a_law_within_the_radius(seed, radius):
    draw = np.random.default_rng(seed)
    row, values, order = draw.dirichlet(np.ones(5)), draw.random(5), np.zeros(5, np.int64)
    sort_falling(values, order)
    assert values[order].tolist() == sorted(values, reverse=True)
    found = row.copy()
    mean = optimistic_mean(found, values, order, radius)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= -1e-12).all()
    assert abs(found - row).sum() <= radius + 1e-9
    assert mean >= row @ values - 1e-12


@pytest.mark.parametrize("agent", [UCBVIHoeffding, UCBVIBernstein], ids=lambda each: each.__name__)
def test_lists_and_dense_counts_plan_the_same(plain, agent):
    model = random_model(3, 5, 2, 4)
    one = run_plain(agent(scale=0.01), model, 60)
    other = run_plain(agent(scale=0.01, planning="lists"), model, 60)
    assert one.trace == other.trace
    assert other.state.q == pytest.approx(one.state.q, rel=1e-12)


@pytest.mark.parametrize("agent", [UCBVIHoeffding(), UCBVIBernstein()], ids=str)
def test_ucbvi_at_theorys_scale_never_estimates_below_the_optimum(plain, agent):
    from harness_mdp.model import optimum_of

    model = random_model(8, 3, 2, 3)
    run = run_plain(agent, model, 80)
    assert (run.state.q >= optimum_of(model).q - 1e-9).all()


def test_counts_above_the_limit_are_refused_with_the_number():
    with pytest.raises(ValueError, match=r"counts take 1,526 MiB .* above max_bytes = 1,024 MiB"):
        Garnet(states=1000, actions=10).check(UCBVIHoeffding(pooled=False))


def test_posterior_samples_find_the_optimum_of_a_small_model(plain):
    model = random_model(8, 3, 2, 3)
    run = run_plain(PSRL(tau=100.0), model, 150)
    late = run.curves.exact[-1] - run.curves.exact[-50]
    assert late < 0.05 * (run.curves.exact[49] + 1.0)


# Compiled and plain

AGENTS = [
    UCBHoeffding(c=0.05),
    UCBBernstein(c1_var=0.1, c1_low=0.0, c2=0.1),
    UCBVIHoeffding(scale=0.01),
    UCBVIBernstein(scale=0.01, planning="lists"),
    EpsilonGreedy(),
    Optimistic(epsilon=0.1),
    PSRL(),
    RLSVI(scale=0.01),
    UCRL2(scale=0.05),
    Uniform(),
]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: type(agent).__name__)
def test_an_agent_compiled_and_plain_acts_alike_to_the_bit(agent):
    pytest.importorskip("numba")
    facts = Facts(states=5, actions=3, horizon=4, episodes=60, branching=5)
    functions = {name: getattr(agent, name) for name in ("begin", "act", "update", "estimate")}
    kernel = specialise(walk, **functions)
    found = []
    for run in (kernel, kernel.plain):
        parameters = coerce(agent.parameters(facts))
        state = coerce(agent.init(parameters, facts, 5))
        trace, estimates = np.zeros((60, 4), np.int64), np.zeros((60, 4))
        run(parameters, state, 2018, (5, 4), trace, estimates)
        found.append((trace.tolist(), estimates.tolist(), arrays_of(state)))
    assert kernel.compiled, kernel.refusal
    assert found[0] == found[1]


def arrays_of(state):
    if isinstance(state, tuple):
        return [array for each in state for array in arrays_of(each)]
    return [state.tolist()]


@pytest.mark.parametrize("agent", [UCBHoeffding(c=0.05), EpsilonGreedy()], ids=str)
def test_compiled_and_plain_runs_agree_to_the_bit(monkeypatch, agent):
    pytest.importorskip("numba")
    task = Garnet(states=4, actions=2, branching=2, horizon=4, episodes=60)
    take_modes()
    (compiled,) = outcomes(task, agent)
    assert take_modes() == {"compiled"}
    monkeypatch.setenv("HARNESS_JIT", "0")
    (plain,) = outcomes(task, agent)
    assert take_modes() == {"plain"}
    for metric in ("regret_exact", "regret_gaps"):
        assert compiled.curves[metric][1].tolist() == plain.curves[metric][1].tolist()
    assert compiled.final["first_reward"] == plain.final["first_reward"]
    assert compiled.final.get("deepest_violation") == plain.final.get("deepest_violation")
