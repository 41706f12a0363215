"""Samplers: bits, counts, detailed balance, schedules, and what is refused."""

from contextlib import suppress
from importlib import import_module

import numpy as np
import pytest
from sampler_cases import CASES, bodies_of
from scipy.stats import chi2

import harness
from harness.errors import SuiteError
from harness.runner import Settings
from harness_sampling import harness_methods
from harness_sampling.ball import Ball
from harness_sampling.ball_walk import BallWalk
from harness_sampling.body_tasks import (
    BallTask,
    BoxBallTask,
    BoxTask,
    L1BallTask,
    PolytopeTask,
    SimplexTask,
)
from harness_sampling.box import Box
from harness_sampling.chains import Chains
from harness_sampling.dikin_walk import DikinWalk
from harness_sampling.ellipsoid import Ellipsoid
from harness_sampling.gaussian import Gaussian
from harness_sampling.hit_and_run import CoordinateHitAndRun
from harness_sampling.mirrored_langevin import MirroredLangevin
from harness_sampling.myula import MYULA
from harness_sampling.problem import TargetOracles, facts_of
from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.projected_sgld import ProjectedSGLD
from harness_sampling.richardson_langevin import RichardsonLangevin
from harness_sampling.sampler import GRADIENT, Sampler
from harness_sampling.serving import methods_for
from harness_sampling.theorem import theorem_steps
from harness_sampling.tilt import Tilt, truncated_exponential
from harness_sampling.uniform import Uniform

LINE = Box(np.array([-1.0]), np.array([1.0]))


def chains_of(name, chains=3, key=11):
    method, body, target = CASES[name]
    return Chains(method, body, target, chains=chains, key=key, start=body.centre)


@pytest.mark.parametrize("name", CASES)
def test_compiled_and_plain_drivers_agree_to_the_bit(name):
    compiled, plain = chains_of(name), chains_of(name)
    plain._kernel = compiled._kernel.plain
    compiled.run(70)  # past a refresh of what a body tracks
    plain.run(70)
    assert (compiled.x == plain.x).all()
    assert compiled.counts() == plain.counts()
    assert not (compiled.x == compiled.body.centre).any()


@pytest.mark.parametrize("name", CASES)
def test_splitting_a_run_changes_no_bit(name):
    whole, parts = chains_of(name), chains_of(name)
    whole.run(200)
    for steps in (1, 62, 7, 130):
        parts.run(steps)
    assert (whole.x == parts.x).all()
    assert whole.counts() == parts.counts()


@pytest.mark.parametrize("name", CASES)
def test_sixteen_chains_are_the_first_of_sixty_four(name):
    few, many = chains_of(name, chains=16), chains_of(name, chains=64)
    few.run(100)
    many.run(100)
    assert (few.x == many.x[:16]).all()
    assert len(np.unique(many.x[:, 0])) > 16


@pytest.mark.parametrize("name", sorted(set(CASES) - {"myula"}))
def test_chains_stay_in_the_body(name):
    chains = chains_of(name, chains=64)
    for _ in range(20):
        chains.run(50)
        assert (chains.body.gauge(chains.x) <= 1 + 1e-10).all()


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("langevin", {"gradient": 30, "projection": 30}),
        ("hit-and-run", {"chord": 30}),
        ("cyclic", {"chord": 30}),
        ("ball-walk", {"membership": 30, "potential": 60}),
        ("dikin", {"membership": 30, "potential": 60}),
        ("myula", {"gradient": 30, "projection": 30}),
        ("mirrored", {"gradient": 30}),
    ],
)
def test_each_chain_counts_its_oracle_calls(name, calls):
    chains = chains_of(name)
    chains.run(10)
    assert {name: count for name, count in chains.counts().items() if count} == calls


def asymmetry_p(method, body, target, before):
    """p-value that one step from ``before`` moves as often from bin i to j as back."""
    chains = Chains(method, body, target, chains=len(before), key=3, start=before)
    chains.run(1)
    places = [np.digitize(x[:, 0], np.linspace(-1, 1, 10)[1:-1]) for x in (before, chains.x)]
    counts = np.zeros((9, 9))
    np.add.at(counts, tuple(places), 1)
    one, other = counts[np.triu_indices(9, 1)], counts.T[np.triu_indices(9, 1)]
    seen = one + other > 20
    return chi2.sf(((one - other)[seen] ** 2 / (one + other)[seen]).sum(), seen.sum())


def stationary_draws(law, count=40_000):
    """Of a target on [−1, 1]."""
    u = np.random.default_rng(5).random(count)
    if law.is_uniform:
        return (2 * u - 1)[:, None]
    return np.array([truncated_exponential(law.c[0], -1.0, 1.0, each) for each in u])[:, None]


@pytest.mark.parametrize("method", [BallWalk(delta=0.6), DikinWalk(rho=1.0)], ids=["ball", "dikin"])
def test_metropolis_walks_are_in_detailed_balance(method):
    law = Tilt(np.array([2.0]))
    assert asymmetry_p(method, LINE, law, stationary_draws(law)) > 1e-6


def test_projected_langevin_is_not_in_detailed_balance_with_the_target():
    law = Uniform()
    assert asymmetry_p(ProjectedLangevin(eta=0.25), LINE, law, stationary_draws(law)) < 1e-12


def test_the_finite_step_of_the_unprojected_chain_widens_a_gaussian_as_it_should():
    eta, sigma = 0.1, 0.25
    body = Box(np.full(50, -9.0), np.full(50, 9.0))
    target = Gaussian(0.5 / sigma**2)
    chains = Chains(ProjectedLangevin(eta=eta), body, target, chains=2000, key=2, start=body.centre)
    chains.run(60)
    # Variance σ²/(1 − η/(4σ²)); 10⁵ values: standard error 0.45 %.
    assert chains.x.var() == pytest.approx(sigma**2 / (1 - eta / (4 * sigma**2)), rel=0.025)


def test_noise_has_variance_eta_not_two_eta():
    body = Box(np.full(10, -1.0), np.full(10, 1.0))
    chains = Chains(
        ProjectedLangevin(eta=0.01), body, Uniform(), chains=5000, key=2, start=body.centre
    )
    chains.run(600)
    on_boundary = (np.abs(chains.x) == 1.0).mean()
    assert on_boundary == pytest.approx(2 * 0.03340894, abs=0.006)  # 5·10⁴ values: SE 0.0011


@pytest.mark.parametrize(("smoothing", "outside"), [(0.01, 0.111373), (0.0025, 0.058970)])
def test_myula_leaves_the_body_as_often_as_its_smoothed_target(smoothing, outside):
    chains = Chains(
        MYULA(gamma=smoothing / 50, smoothing=smoothing),
        Box(np.full(20, -1.0), np.full(20, 1.0)),
        Uniform(),
        chains=2000,
        key=4,
        start=np.random.default_rng(1).uniform(-1, 1, (2000, 20)),
    )
    chains.run(4000)
    # 4·10⁴ values, SE 0.0016; the step's own bias is inwards, below 1 % at γ = λ/50.
    assert (np.abs(chains.x) > 1).mean() == pytest.approx(outside, abs=0.009)


def test_the_papers_schedule_can_be_run_whole_in_two_dimensions_only():
    method = ProjectedLangevin(schedule="paper", eps=0.5)
    facts = facts_of(Box(-np.ones(2), np.ones(2)), Uniform(), 1)
    assert theorem_steps(facts, 0.5) == pytest.approx(262_144)
    assert method.steps_allowed(facts) == 262_144
    assert method.fraction(facts, 300_000) == 1.0
    facts = facts_of(Box(-np.ones(10), np.ones(10)), Uniform(), 1)
    method = ProjectedLangevin(schedule="paper", eps=0.1)
    assert theorem_steps(facts, 0.1) == pytest.approx(1e18)
    assert method.step_size(facts) == pytest.approx(1e-17)
    assert method.fraction(facts, 10**7) == pytest.approx(1e-11)
    assert method.fraction(facts, 1000) == pytest.approx(1e-15)
    rescaled = ProjectedLangevin(schedule="rescaled", eps=0.1, cap=1000)
    assert rescaled.step_size(facts) == pytest.approx(10 / 1000)
    assert rescaled.fraction(facts, 500) == 0.5
    assert ProjectedLangevin().fraction(facts, 500) is None


def test_a_step_by_smoothness_follows_the_phase():
    body = Box(-np.ones(10), np.ones(10))
    method = ProjectedLangevin(schedule="smoothness")
    assert method.step_size(facts_of(body, Gaussian(3.0), 1)) == pytest.approx(1 / (6 * 100))
    with pytest.raises(ValueError, match="no step where the potential's smoothness is 0"):
        method.check(body, Uniform())


def test_richardson_weights_are_those_for_the_root_of_the_step():
    for weights in ("right", "three"):
        runs = RichardsonLangevin(eta=0.04, weights=weights).runs()
        assert sum(weight for weight, _ in runs) == pytest.approx(1.0)
        assert sum(weight * each.eta**0.5 for weight, each in runs) == pytest.approx(0.0, abs=1e-12)
    runs = RichardsonLangevin(eta=0.04, weights="wrong").runs()
    left = sum(weight * each.eta**0.5 for weight, each in runs) / 0.04**0.5
    assert left == pytest.approx(2**0.5 - 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BoxTask(low=1.0, high=1.0), "the body is empty"),
        (lambda: BoxTask(low=float("-inf")), "unbounded"),
        (lambda: BallTask(radius=0.0), "above 0 and finite"),
        (lambda: BallTask(dimension=3, start=(0.0, 0.0)), "start has 2 coordinates, the body 3"),
        (lambda: BallTask(dimension=2, start=(1.0, 0.0)), "on its boundary"),
        (lambda: BallTask(dimension=2, start=(2.0, 0.0)), r"lies outside it \(gauge 2\)"),
        (lambda: BallTask(dimension=2, start=(float("nan"), 0.0)), "must be finite"),
        (
            lambda: SimplexTask(dimension=3, start=(0.2, 0.2, 0.2)),
            "another plane.* sum to 0.6, those of the body's points to 1",
        ),
        (lambda: SimplexTask(dimension=2, start=(1.5, -0.5)), "lies outside it"),
        (lambda: SimplexTask(dimension=2, start=(1.0, 0.0)), "on its boundary"),
        (
            lambda: SimplexTask(target_law="dirichlet", alpha=(1.0, 0.0)),
            "above 0, got 0 in place 1",
        ),
        (
            lambda: SimplexTask(target_law="dirichlet", alpha=(1.0, 2.0)),
            "α has 2 numbers, x has 10",
        ),
        (lambda: SimplexTask(target_law="tilt", coefficients=(1.0,)), "1 coefficients, but 10"),
        (lambda: BoxBallTask(radius=9.0), "contains the box"),
        (lambda: BoxBallTask(radius=0.5), "lies in the box"),
        (lambda: BoxBallTask(half=-1.0), "half the edge must be above 0 and finite, got -1"),
        (lambda: BoxBallTask(radius=-1.0), "the radius must be above 0 and finite, got -1"),
        (lambda: PolytopeTask(dimension=1, a=((1.0,), (-1.0,)), b=(-1.0, -1.0)), "empty or flat"),
        (lambda: PolytopeTask(dimension=1, a=((1.0,), (-1.0,)), b=(1.0, -1.0)), "empty or flat"),
        (lambda: PolytopeTask(dimension=2, a=((1.0, 0.0),), b=(1.0,)), "unbounded"),
        (lambda: PolytopeTask(dimension=2, a=((1.0, 0.0), (-1.0, 0.0)), b=(1.0, 1.0)), "unbounded"),
        (lambda: PolytopeTask(dimension=2, a=((1.0,), (-1.0,)), b=(1.0, 1.0)), "dimension is 2"),
        (lambda: PolytopeTask(dimension=1, a=((1.0,), (-1.0,)), b=(1.0,)), "as many rows"),
        (lambda: BoxTask(steps=10, draws=20), "20 draws cannot be kept of 10 steps"),
    ],
)
def test_bad_bodies_and_starts_are_refused_when_the_task_is_made(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("task", "method", "message"),
    [
        (BallTask(), DikinWalk(), "methods that can: sampling/projected-langevin, .*hit-and-run"),
        (L1BallTask(dimension=13), DikinWalk(), "needs facets"),
        (BoxTask(), MirroredLangevin(), "needs the simplex's face"),
        (SimplexTask(), CoordinateHitAndRun(), "needs chords along coordinates"),
        (
            SimplexTask(target_law="dirichlet", alpha=(0.5,) * 10),
            ProjectedLangevin(),
            "bounded gradient.*sampling/mirrored-langevin",
        ),
        (BoxTask(), ProjectedSGLD(), "minibatch gradients"),
        (BoxTask(), RichardsonLangevin(), "set draws: 0"),
        (BoxTask(), MYULA(gamma=0.02, smoothing=0.01), "above smoothing"),
        (SimplexTask(), MYULA(), "needs room around the body"),
    ],
)
def test_a_method_that_cannot_serve_is_refused_with_those_that_can(task, method, message):
    with pytest.raises(ValueError, match=message):
        task.check(method)


BODIES_OF_TASKS = [
    BoxTask(dimension=4),
    BallTask(dimension=4, target_law="gaussian"),
    SimplexTask(dimension=4),
    SimplexTask(dimension=4, solid=True),
    SimplexTask(dimension=4, target_law="dirichlet"),
    SimplexTask(dimension=4, target_law="tilt", draws=0),
    L1BallTask(dimension=13),
    BoxBallTask(dimension=5, draws=0),
    PolytopeTask(dimension=3, facets=12),
]


@pytest.mark.parametrize("task", BODIES_OF_TASKS, ids=lambda each: each.body.name)
def test_the_methods_that_a_refusal_names_are_those_that_the_task_takes(task):
    wants_draws = bool(task.draws or task.accuracy)
    named = methods_for(task.body, task.target, wants_draws=wants_draws)
    able = []
    for name, place in harness_methods().items():
        module, _, cls = place.partition(":")
        method = getattr(import_module(module), cls)()
        if isinstance(method, Sampler):
            with suppress(ValueError):
                task.check(method)
                able.append(name)
    assert set(able) == set(named)


def test_a_bad_body_is_told_once_however_many_methods_meet_it(tmp_path):
    suite = tmp_path / "bad.yaml"
    suite.write_text(
        """\
suite: bad
entries:
  - task: sampling/polytope
    params: {dimension: 2, a: [[1, 0], [-1, 0]], b: [1, 1]}
    methods: [sampling/hit-and-run, sampling/ball-walk, sampling/projected-langevin]
  - task: sampling/ball
    params: {dimension: 2, start: [1, 0]}
    methods: [sampling/hit-and-run, sampling/ball-walk]
"""
    )
    with pytest.raises(SuiteError) as told:
        harness.run(suite, settings=Settings(results=tmp_path / "results"))
    messages = [fault.message for fault in told.value.faults]
    assert len(messages) == 2
    assert "the polytope is unbounded along coordinate 1" in messages[0]
    assert "lies on its boundary" in messages[1]


@pytest.mark.parametrize("eta", [0.0, -1.0, float("nan"), float("inf")])
def test_a_step_that_is_no_positive_number_is_refused(eta):
    for kind in (ProjectedLangevin, MirroredLangevin, RichardsonLangevin):
        with pytest.raises(ValueError, match="above 0 and finite"):
            kind(eta=eta)


def test_a_step_longer_than_the_body_is_warned_of():
    with pytest.warns(UserWarning, match="jumps from face to face"):
        BoxTask(dimension=2).check(ProjectedLangevin(eta=3.0))


@pytest.mark.parametrize("eps", [0.0, 1.0, float("nan")])
def test_a_schedule_needs_an_accuracy(eps):
    with pytest.raises(ValueError, match="between 0 and 1"):
        ProjectedLangevin(schedule="paper", eps=eps)


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(ValueError, match="positive definite"):
        Ellipsoid(np.diag([1.0, -1.0]))


def sick_gradient(target, points, key, k, out):
    target.calls[GRADIENT] += points.shape[0]
    out[:] = np.nan if k == 7 else 0.0


@pytest.mark.parametrize("method", [ProjectedLangevin(eta=0.01), MYULA()], ids=["plmc", "myula"])
def test_a_gradient_that_is_nan_stops_the_chain_with_the_iteration(monkeypatch, method):
    monkeypatch.setenv("HARNESS_JIT", "0")

    class Sick(Gaussian):
        oracles = TargetOracles(sick_gradient, *Gaussian.oracles[1:])

    chains = Chains(method, Ball(3), Sick(1.0), chains=2, key=1, start=np.zeros(3))
    with pytest.raises(ValueError, match=r"iteration 7, after 14 gradient"):
        chains.run(100)
    assert np.isfinite(chains.x).all()


def test_the_projection_keeps_a_nan():
    for body in bodies_of(3):
        assert np.isnan(body.project(np.full(3, np.nan))).any(), body.name


def test_a_chain_projected_by_dykstra_is_the_chain_projected_exactly():
    ends = []
    for projection in ("exact", "dykstra"):
        task = BoxBallTask(dimension=5, projection=projection)
        chains = Chains(
            ProjectedLangevin(eta=0.1), task.body, task.target, chains=3, key=3, start=np.zeros(5)
        )
        chains.run(15)
        ends.append(chains.x)
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-9)
