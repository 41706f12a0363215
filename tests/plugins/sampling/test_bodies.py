"""Projections, chords and gauges against a QP solver, closed forms and their own definitions."""

from math import inf, sqrt

import numpy as np
import pytest
import quadprog
from hypothesis import given, settings
from hypothesis import strategies as st
from sampler_cases import bodies_of
from scipy.optimize import minimize

from harness_sampling.ball import Ball
from harness_sampling.body_tasks import BoxTask
from harness_sampling.box import Box
from harness_sampling.box_ball import BoxBall
from harness_sampling.ellipsoid import Ellipsoid
from harness_sampling.intersection import Intersection
from harness_sampling.l1_ball import L1Ball
from harness_sampling.polytope import Polytope
from harness_sampling.simplex import SimplexFace

KINDS = [each.name for each in bodies_of(2)]
WITH_FACETS = [each.name for each in bodies_of(2) if len(each.facets()[1])]


@st.composite
def a_body_and_points(draw, kinds=tuple(KINDS), count=2):
    dimension = draw(st.integers(2, 6))
    body = {each.name: each for each in bodies_of(dimension)}[draw(st.sampled_from(kinds))]
    seed = draw(st.integers(0, 2**31))
    scale = draw(st.sampled_from([0.3, 1.0, 4.0]))
    points = np.random.default_rng(seed).standard_normal((count, dimension)) * scale
    return body, points


def interior_points(body, seed, count=20):
    """Points of the body between its centre and projections of others."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        far = body.project(generator.standard_normal(body.dimension) * 3)
        found.append(body.centre + generator.random() * 0.999 * (far - body.centre))
    return np.array(found)


def assert_nearest(body, y):
    """The projection is in the body and fulfils what only the nearest point does."""
    nearest = body.project(y)
    assert body.gauge(nearest) <= 1 + 1e-9
    away = np.random.default_rng(5).standard_normal((20, body.dimension))
    for z in [*interior_points(body, 5), *map(body.project, nearest + 0.3 * away)]:
        assert (y - nearest) @ (z - nearest) <= 1e-9 * (1 + y @ y)


@settings(max_examples=70, deadline=None)
@given(a_body_and_points())
def test_the_projection_is_in_the_body_and_nearest(drawn):
    body, points = drawn
    assert_nearest(body, points[0])


@settings(max_examples=60, deadline=None)
@given(a_body_and_points())
def test_projections_are_idempotent_and_bring_points_no_further_apart(drawn):
    body, points = drawn
    one, two = body.project(points[0]), body.project(points[1])
    assert body.project(one) == pytest.approx(one, abs=1e-9)
    apart = np.linalg.norm(points[0] - points[1])
    assert np.linalg.norm(one - two) <= apart * (1 + 1e-9) + 1e-12


@settings(max_examples=60, deadline=None)
@given(a_body_and_points(kinds=tuple(WITH_FACETS), count=1))
def test_bodies_with_facets_project_as_the_quadratic_program_does(drawn):
    body, points = drawn
    a, b = body.facets()
    equalities = 0
    if body.flat < body.dimension:
        a, b = np.vstack([np.ones(body.dimension), a]), np.append(body.total, b)
        equalities = 1
    solved = quadprog.solve_qp(np.eye(body.dimension), points[0], -a.T, -b, equalities)[0]
    assert body.project(points[0]) == pytest.approx(solved, abs=1e-9)


def assert_solved(body, y):
    """The projection is what a general solver finds."""
    inside = {"type": "ineq", "fun": lambda x: 1 - body.gauge(x)}
    bounds = None
    if body.name == "box-ball":
        inside = {"type": "ineq", "fun": lambda x: body.radius**2 - x @ x}
        bounds = [(-body.half, body.half)] * body.dimension
    solved = minimize(
        lambda x: ((x - y) ** 2).sum(),
        body.centre,
        jac=lambda x: 2 * (x - y),
        constraints=inside,
        bounds=bounds,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert body.project(y) == pytest.approx(solved.x, abs=2e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["ellipsoid", "box-ball", "ball"])
def test_curved_bodies_project_as_a_general_solver_does(kind, seed):
    body = {each.name: each for each in bodies_of(4)}[kind]
    assert_solved(body, np.random.default_rng(seed).standard_normal(4) * 3)


@pytest.mark.parametrize(
    ("body", "point", "nearest"),
    [
        (SimplexFace(4), (0.8, 0.5, -0.1, 0.4), (17 / 30, 4 / 15, 0, 1 / 6)),
        (SimplexFace(3), (2, 0, 0), (1, 0, 0)),
        (L1Ball(3), (0.8, -0.7, 0.1), (0.55, -0.45, 0)),
        (Ellipsoid(np.diag([1.0, 4.0])), (2, 1), (0.933344809838, 0.179490574925)),
        (BoxBall(2, 1.0, 1.2), (2, 1), (1, 0.663324958071)),
        (
            BoxBall(5, 1.0, 1.3),
            (3, 1.5, -0.5, 0.2, 0),
            (1, 0.781805904583, -0.260601968194, 0.104240787278, 0),
        ),
    ],
)
def test_known_projections(body, point, nearest):
    assert body.project(np.array(point, float)) == pytest.approx(nearest, abs=1e-11)


class ClippedThenShrunk(BoxBall):
    """A wrong program: clipped and then shrunk, a point is in the body, and not the nearest."""

    def project(self, point):
        clipped = np.clip(point, -self.half, self.half)
        return clipped * min(1.0, self.radius / np.linalg.norm(clipped))


def test_to_clip_and_then_shrink_fails_the_tests_of_box_and_ball():
    right, wrong, y = BoxBall(2, 1.0, 1.2), ClippedThenShrunk(2, 1.0, 1.2), np.array([2.0, 1.0])
    assert wrong.gauge(wrong.project(y)) <= 1 + 1e-12
    for check in (assert_nearest, assert_solved):
        check(right, y)
        with pytest.raises(AssertionError):
            check(wrong, y)
    squares = [((y - body.project(y)) ** 2).sum() for body in (right, wrong)]
    assert squares == pytest.approx([1.113350, 1.348831], abs=1e-6)


def test_to_clip_and_then_shrink_is_wrong_at_many_points():
    wrong, flawed = ClippedThenShrunk(4, 1.0, 1.5), 0
    for y in np.random.default_rng(3).standard_normal((40, 4)) * 2:
        try:
            assert_nearest(wrong, y)
        except AssertionError:
            flawed += 1
    assert flawed >= 10, flawed


def test_dykstra_reaches_the_nearest_point_and_alternating_projections_do_not():
    ball, box = Ball(2, 1.2), Box(-np.ones(2), np.ones(2))
    y = np.array([2.0, 1.0])
    both = Intersection((ball, box)).project(y)
    assert both == pytest.approx(BoxBall(2, 1.0, 1.2).project(y), abs=1e-10)
    alternating = y
    for _ in range(200):
        alternating = box.project(ball.project(alternating))
    assert np.linalg.norm(alternating - both) > 0.05


def test_a_point_projected_by_dykstra_does_not_depend_on_the_others():
    both = Intersection((Box(-np.ones(5), np.ones(5)), Ball(5, 1.1)))
    points = np.random.default_rng(5).standard_normal((40, 5)) * 1.5
    points[7] = np.nan
    together = points.copy()
    both.oracles.project(both.record(40, np.zeros(5, np.int64)), together)
    exact = BoxBall(5, 1.0, 1.1)
    for alone, found in zip(points, together, strict=True):
        np.testing.assert_array_equal(both.project(alone), found)
        # The point stands still on its way: a stop by its own movement is off by up to 0.07.
        assert np.isnan(alone).all() or found == pytest.approx(exact.project(alone), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(a_body_and_points(count=1), st.integers(0, 2**31))
def test_chords_end_on_the_boundary_on_both_sides(drawn, seed):
    body, _ = drawn
    x = interior_points(body, seed, 1)[0]
    direction = np.random.default_rng(seed).standard_normal(body.dimension)
    if body.flat < body.dimension:
        direction -= direction.mean()
    low, high = body.chord(x, direction)
    assert low < 0 < high
    ends = np.array([x + low * direction, x + high * direction])
    assert body.gauge(ends) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("body", "point", "direction", "ends"),
    [
        (Ball(2), (0.5, 0), (0, 1), (-0.8660254037844386, 0.8660254037844386)),
        (Box(-np.ones(2), np.ones(2)), (0.5, 0), (1, 1), (-1, 0.5)),
        (L1Ball(2), (0, 0), (1, 1), (-0.5, 0.5)),
    ],
)
def test_known_chords(body, point, direction, ends):
    assert body.chord(np.array(point, float), np.array(direction, float)) == pytest.approx(
        ends, abs=1e-12
    )


@pytest.mark.parametrize("kind", [each.name for each in bodies_of(3) if "axis" in each.serves])
def test_chords_along_a_coordinate_are_chords(kind):
    body = {each.name: each for each in bodies_of(3)}[kind]
    points = interior_points(body, 8, 6)
    record = body.record(6, np.zeros(5, np.int64))
    for axes in (np.full(6, 1), np.array([0, 1, 2, 2, 1, 0])):
        low, high = np.zeros(6), np.zeros(6)
        body.oracles.refresh(record, points)
        body.oracles.axis_chords(record, points, axes, low, high)
        for c in range(6):
            whole = body.chord(points[c], np.eye(3)[axes[c]])
            assert (low[c], high[c]) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_radii_are_those_of_balls_within_and_around(kind):
    body = {each.name: each for each in bodies_of(5)}[kind]
    directions = np.random.default_rng(2).standard_normal((300, 5))
    if body.flat < 5:
        directions -= directions.mean(axis=1, keepdims=True)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert (body.gauge(body.centre + body.inner_radius * directions) <= 1 + 1e-9).all()
    assert (body.gauge(body.centre + body.outer_radius * directions) >= 1 - 1e-9).all()
    reach = [body.chord(body.centre, each)[1] for each in directions]
    assert min(reach) >= body.inner_radius - 1e-9


@settings(max_examples=60, deadline=None)
@given(a_body_and_points(count=1), st.integers(0, 2**31))
def test_the_gauge_is_the_scale_at_which_the_body_reaches_the_point(drawn, seed):
    body, _ = drawn
    x = interior_points(body, seed, 1)[0]
    gauge = float(body.gauge(x))
    edge = body.centre + (x - body.centre) / gauge
    assert body.gauge(edge) == pytest.approx(1.0, abs=1e-9)
    inner = body.centre + (edge - body.centre) * (1 - 1e-6)
    if body.flat == body.dimension:
        assert body.contains(inner)
        assert not body.contains(body.centre + (edge - body.centre) * (1 + 1e-6))


def test_tracked_slacks_stay_those_of_the_points():
    body = {each.name: each for each in bodies_of(4)}["polytope"]
    record = body.record(3, np.zeros(5, np.int64))
    generator = np.random.default_rng(1)
    x = np.tile(body.centre, (3, 1))
    body.oracles.refresh(record, x)
    low, high = np.zeros(3), np.zeros(3)
    for k in range(50):
        directions = generator.standard_normal((3, 4))
        if k % 2:
            axes = np.full(3, k % 4)
            directions = np.eye(4)[axes]
            body.oracles.axis_chords(record, x, axes, low, high)
        else:
            body.oracles.chords(record, x, directions, low, high)
        t = low + (high - low) * generator.random(3)
        x += t[:, None] * directions
        body.oracles.follow(record, x, t)
    assert pytest.approx(body.b - x @ body.a.T, abs=1e-12) == record.slack.T


def test_the_l1_ball_has_one_facet_a_choice_of_signs_and_none_in_many_dimensions():
    assert len(L1Ball(5).facets()[1]) == 32
    assert "facets" not in L1Ball(13).serves
    assert L1Ball(4).inner_radius == pytest.approx(1 / sqrt(4))


def test_a_facet_that_bounds_nothing_is_refused_by_its_row():
    a = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    with pytest.raises(ValueError, match="row 3 of A is zero, which bounds nothing"):
        Polytope(a, np.array([1.0, 1.0, 0.0, 1.0, 1.0]))


@pytest.mark.parametrize("name", ["burn_time", "accuracy"])
def test_a_time_or_a_distance_without_end_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a finite number, got inf"):
        BoxTask(dimension=2, **{name: inf})
