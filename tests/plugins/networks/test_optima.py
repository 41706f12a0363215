"""Exact optima against a second solver and closed forms; constants of Lipschitz; convexity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_runs import cell_of
from scipy.optimize import linprog

from harness_networks.closed_form import Scattered
from harness_networks.drawn import MaxAffine
from harness_networks.instance import (
    maximum_instance,
    mean_at,
    read_instance,
    refuse_non_convex,
    slopes_instance,
    split_rows,
    write_instance,
)
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.lower_bound import Chain, LowerBound
from harness_networks.objectives import local_of, subgradient, value
from harness_networks.optimum import slopes_in_ball, slopes_minimum
from harness_networks.real_data import RealData, SortedData


def drawn(seed, nodes=3, count=4, dimension=3):
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((nodes, count, dimension))
    return rows, rows @ generator.standard_normal(dimension) + generator.laplace(
        size=(nodes, count)
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 1_000), low=st.sampled_from([-1.0, 0.0]))
def test_the_dual_program_agrees_with_a_second_solver(seed, low):
    rows, offsets = drawn(seed)
    if low == 0.0:
        offsets = np.full_like(offsets, -1.0)
    flat, flat_offsets = rows.reshape(-1, 3), offsets.reshape(-1)
    first = slopes_minimum(flat, flat_offsets, low)
    second = slopes_in_ball(flat, flat_offsets, low, np.inf)
    assert first.value == pytest.approx(second.value, abs=2e-7)


def test_the_optimum_in_a_ball_lies_in_it_and_costs_more():
    rows, offsets = drawn(1)
    flat, flat_offsets = rows.reshape(-1, 3), offsets.reshape(-1)
    free = slopes_minimum(flat, flat_offsets, -1.0)
    half = float(np.linalg.norm(free.point)) / 2.0
    bound = slopes_in_ball(flat, flat_offsets, -1.0, half)
    assert np.linalg.norm(bound.point) <= half * (1 + 1e-9)
    assert bound.value > free.value


def test_a_median_is_the_least_absolute_deviation():
    offsets = np.array([[0.0], [1.0], [2.0], [5.0], [40.0]])
    instance = slopes_instance(np.ones((5, 1, 1)), offsets, -1.0)
    assert instance.minimiser == pytest.approx([2.0])
    assert instance.minimum == pytest.approx((2 + 1 + 0 + 3 + 38) / 5)


@pytest.mark.parametrize(
    ("task", "minimum", "radius", "l_local", "start"),
    [
        (SortedData(data="diabetes"), 0.56402975, 0.8823, None, 0.8541),
        (SortedData(data="breast-cancer", loss="svm", features=10), 0.13035395, 12.217, None, 1.0),
        (SortedData(data="digits", loss="svm", ball=3.0), 0.23412282, 3.0, None, 1.0),
    ],
    ids=["diabetes", "breast-cancer", "digits-in-a-ball"],
)
def test_optima_on_real_data_are_those_computed_elsewhere(task, minimum, radius, l_local, start):
    instance = task.instance(cell_of())
    assert instance.minimum == pytest.approx(minimum, abs=2e-7)
    assert instance.radius == pytest.approx(radius, rel=2e-4)
    assert instance.start_gap + instance.minimum == pytest.approx(start, abs=5e-5)


def test_every_split_of_the_same_rows_has_one_optimum():
    shuffled = RealData(data="diabetes").instance(cell_of(seed=5))
    ordered = SortedData(data="diabetes").instance(cell_of())
    assert shuffled.minimum == pytest.approx(ordered.minimum, abs=1e-10)
    assert shuffled.l_local < ordered.l_local  # nodes that differ have steeper objectives


def test_a_maximum_of_affine_functions_that_falls_for_ever_is_refused():
    with pytest.raises(ValueError, match="unbounded"):
        maximum_instance(np.ones((2, 3, 2)), np.zeros((2, 3)))


def test_the_minimum_of_maxima_is_no_higher_than_at_any_drawn_point():
    instance = MaxAffine(nodes=4).instance(cell_of())
    generator = np.random.default_rng(0)
    near = instance.minimiser + 0.1 * generator.standard_normal((200, 6))
    assert min(mean_at(instance.objective, point) for point in near) >= instance.minimum - 1e-12


CHAINS = [(6, 1.0, 12.0, "global"), (4, 1.0, 20.0, "global"), (9, 0.5, 20.0, "local")]


@pytest.mark.parametrize(("nodes", "tau", "horizon", "form"), CHAINS)
def test_the_closed_form_of_the_hardest_instance_is_its_optimum(nodes, tau, horizon, form):
    task = LowerBound(nodes=nodes, tau=tau, horizon=horizon, form=form)
    instance = task.instance(cell_of())
    assert np.linalg.norm(instance.minimiser) == pytest.approx(1.0)
    assert mean_at(instance.objective, instance.minimiser) == pytest.approx(instance.minimum)
    assert slow_minimum(task.chain()) == pytest.approx(instance.minimum, abs=1e-8)


def slow_minimum(chain):
    """The mean objective by a second solver: a quadratic program in θ and slack variables."""
    import clarabel
    from scipy import sparse

    d, k, tail = chain.dimension, chain.links, chain.tail
    size = d + 2 * k + 1  # θ, |differences|, the maximum
    quadratic = sparse.diags_array([*[chain.curvature] * d, *[0.0] * (2 * k + 1)])
    linear = np.zeros(size)
    linear[0] = -chain.pull
    linear[d : d + 2 * k] = chain.weight
    linear[-1] = chain.lift
    rows = []
    for link in range(2 * k):
        for sign in (1.0, -1.0):
            row = np.zeros(size)
            row[link + 1], row[link], row[d + link] = sign, -sign, -1.0
            rows.append(row)
    for c in range(2 * k + 1, 2 * k + 1 + tail):
        row = np.zeros(size)
        row[c], row[-1] = 1.0, -1.0
        rows.append(row)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix(quadratic),
        linear,
        sparse.csc_matrix(np.array(rows)),
        np.zeros(len(rows)),
        [clarabel.NonnegativeConeT(len(rows))],
        settings,
    )
    return float(solver.solve().obj_val)


def test_the_numbers_of_a_small_construction():
    chain = Chain.of(horizon=3.0, distance=2, tau=1.0)
    assert (chain.links, chain.tail, chain.dimension) == (1, 4, 7)
    assert chain.weight == pytest.approx(1 / 9)
    assert chain.pull == pytest.approx(0.1896785312)
    assert chain.curvature == pytest.approx(0.1242259987)
    assert chain.minimum == pytest.approx(-0.0621129994)
    assert chain.floor == pytest.approx(0.0372677996)
    assert chain.minimiser == pytest.approx(
        [0.632455532, *[0.4472135955] * 2, *[-0.2236067977] * 4]
    )
    longer = Chain.of(horizon=20.0, distance=1, tau=1.0)
    assert (longer.links, longer.tail, longer.dimension) == (11, 21, 44)
    assert longer.floor == pytest.approx(0.0121620488)


def test_the_sub_gradient_of_the_chain_resists():
    instance = LowerBound(nodes=6, horizon=12.0).instance(cell_of())
    local = local_of(instance.objective, 5, np.zeros(6, dtype=np.int64))
    slope = np.empty(instance.minimiser.size)
    subgradient(local, np.zeros(slope.size), slope)
    assert np.flatnonzero(slope).tolist() == [5]  # the first coordinate of the tail, no link


@settings(max_examples=20)
@given(seed=st.integers(0, 1_000), law=st.sampled_from(["lad", "svm", "max", "chain"]))
def test_a_sub_gradient_supports_its_objective_from_below(seed, law):
    refuse_non_convex(instance_of(law, seed))


def instance_of(law, seed):
    if law == "chain":
        return LowerBound(nodes=6, horizon=12.0).instance(cell_of())
    rows, offsets = drawn(seed)
    if law == "max":
        return maximum_instance(rows - rows.mean(axis=(0, 1)), offsets)
    return slopes_instance(rows, offsets, -1.0 if law == "lad" else 0.0)


def test_an_objective_that_is_not_convex_is_found_and_its_node_named():
    instance = slopes_instance(*drawn(0), -1.0)
    bent = instance.objective._replace(low=1.0 + 1.0)  # steeper below the kink than above it
    with pytest.raises(ValueError, match="node 0 is not convex"):
        refuse_non_convex(instance._replace(objective=bent))


def test_a_sub_gradient_that_is_not_finite_is_found_and_its_node_named():
    def lost(local, point, out):
        out[:] = np.nan

    with pytest.raises(ValueError, match="node 0 or its sub-gradient is not finite"):
        refuse_non_convex(slopes_instance(*drawn(0), -1.0), subgradient=lost)


@settings(max_examples=20)
@given(seed=st.integers(0, 1_000), law=st.sampled_from(["lad", "svm", "max"]))
def test_no_two_points_are_steeper_apart_than_the_lipschitz_constant(seed, law):
    instance = instance_of(law, seed)
    generator = np.random.default_rng(seed)
    calls = np.zeros(3, dtype=np.int64)
    for node in range(3):
        local = local_of(instance.objective, node, calls)
        one, other = generator.standard_normal((2, 3))
        rise = abs(value(local, one) - value(local, other))
        assert rise <= instance.lipschitz[node] * np.linalg.norm(one - other) * (1 + 1e-12)


def test_opposed_terms_leave_the_mean_as_it_is_and_raise_the_local_constant():
    plain = LadSynthetic(nodes=8).instance(cell_of())
    opposed = LadSynthetic(nodes=8, opposed=100.0).instance(cell_of())
    point = np.arange(10.0)
    assert mean_at(opposed.objective, point) == pytest.approx(mean_at(plain.objective, point))
    assert opposed.minimum == pytest.approx(plain.minimum)
    assert opposed.l_global == plain.l_global
    assert 98.0 < opposed.l_local < 102.0 + plain.l_local


def test_scattered_coordinates_have_the_constants_that_they_state():
    instance = Scattered(nodes=4, dimension=16).instance(cell_of())
    assert mean_at(instance.objective, np.zeros(16)) == pytest.approx(1 / 4)
    assert mean_at(instance.objective, instance.minimiser) == pytest.approx(0.0, abs=1e-15)
    assert instance.l_global == pytest.approx(1 / 4)


def test_fewer_rows_than_nodes_and_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError, match="3 rows cannot be split over 4 nodes"):
        split_rows(np.ones((3, 2)), np.ones(3), 4)
    with pytest.raises(ValueError, match="not finite"):
        split_rows(np.full((4, 2), np.nan), np.ones(4), 4)


def test_an_instance_is_read_back_as_it_was_written(tmp_path):
    instance = slopes_instance(*drawn(3), -1.0)
    write_instance(instance, tmp_path)
    again = read_instance(tmp_path)
    assert again.minimum == instance.minimum
    assert again.radius == instance.radius
    assert (again.objective.rows == instance.objective.rows).all()


def test_the_dual_program_is_the_primal_one():
    rows, offsets = drawn(8)
    flat, flat_offsets = rows.reshape(-1, 3), offsets.reshape(-1)
    count = len(flat)
    solved = linprog(
        np.concatenate([np.zeros(3), np.full(count, 1.0 / count)]),
        A_ub=np.vstack([np.hstack([flat, -np.eye(count)]), np.hstack([-flat, -np.eye(count)])]),
        b_ub=np.concatenate([flat_offsets, -flat_offsets]),
        bounds=(None, None),
    )
    assert slopes_minimum(flat, flat_offsets, -1.0).value == pytest.approx(solved.fun, abs=1e-9)
