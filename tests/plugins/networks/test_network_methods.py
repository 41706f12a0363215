"""Methods against closed forms, explicit polynomials, another algorithm, and their theorems."""

from math import sqrt

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_runs import cell_of, final, outcomes, plain_final

from harness.kernels import coerce, specialise
from harness_networks.admm import DecentralisedADMM
from harness_networks.closed_form import Scattered, TwoSlopes
from harness_networks.drawn import Small
from harness_networks.drs import DRS, CentralSmoothing
from harness_networks.dual_averaging import DualAveraging
from harness_networks.gossip import gossip_matrix, spectrum
from harness_networks.gradient_tracking import GradientTracking
from harness_networks.instance import slopes_instance
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.metrics import time_grid
from harness_networks.mspd import MSPD
from harness_networks.mspd_averaged import MSPDAveraged, slack_factor
from harness_networks.mspd_chebyshev import MSPDChebyshev, chebyshev, polynomial
from harness_networks.optimizer import Facts, Known, advance, optimise, receive
from harness_networks.subgradient import CentralSubgradient, DistributedSubgradient
from harness_networks.task import network_of

ALL = [
    MSPD(rounds=6, inner=3),
    MSPDAveraged(rounds=6, inner=3),
    MSPDChebyshev(rounds=3, inner=2),
    DRS(rounds=5, samples=3),
    CentralSmoothing(rounds=5, samples=3),
    DistributedSubgradient(rounds=8),
    CentralSubgradient(rounds=8),
    DualAveraging(rounds=8),
    DecentralisedADMM(rounds=4, inner=3),
    GradientTracking(rounds=8),
]
NAMES = [type(method).__name__ for method in ALL]
STEPS_ONLY = ALL[3:]  # the first three are held with all that is measured


def march(
    init, step, answer, oracle, parameters, known, network, objective, state, work, messages, out
):
    """All steps of a method, and nothing measured."""
    calls = np.zeros(state.shape[0], dtype=np.int64)
    for i in range(state.shape[0]):
        init(parameters, known, state[i], messages[0, i])
    for t in range(1, parameters.steps + 1):
        advance(
            step, oracle, parameters, known, network, objective,
            t, state, work, messages, calls,
        )  # fmt: skip
    for i in range(state.shape[0]):
        answer(parameters, parameters.steps, state[i], out[i])


class Given:
    """A run on a hand-made instance, with all of its state to look at."""

    def __init__(self, instance, graph, method, *, work=0.0, plain=False, radius=None):
        nodes, _, dimension = instance.objective.rows.shape
        own = spectrum(gossip_matrix(graph, "laplacian"))
        stochastic = spectrum(gossip_matrix(graph, "metropolis"))
        known = coerce(
            Known(
                nodes=nodes,
                dimension=dimension,
                radius=radius or instance.radius,
                l_local=instance.l_local,
                l_global=instance.l_global,
                l_max=float(instance.lipschitz.max()),
                lam1=own.lam1,
                gamma=own.gamma,
                sigma2=1.0 - stochastic.gamma * stochastic.lam1,
                diameter=nx.diameter(graph),
                mean_degree=2.0 * graph.size(weight="weight") / nodes,
                tau=1.0,
                eps=0.01,
            )
        )
        self.state = np.zeros((nodes, method.vectors, dimension))
        self.curves = np.zeros((3, time_grid().size))
        kernel = specialise(
            optimise,
            init=method.init,
            step=method.step,
            answer=method.answer,
            subgradient=Small.subgradient,
            value=Small.value,
        )
        run = kernel.plain if plain else kernel
        parameters = coerce(method.parameters(known))
        network = network_of(graph, method, "laplacian", known, cell_of())
        self.data = (parameters, known, network, coerce(instance.objective))
        self.ran = run(
            *self.data,
            instance.minimum,
            self.state,
            np.full((method.workspace, dimension), work),
            np.zeros((2, nodes, method.width * dimension)),
            time_grid(),
            self.curves,
        )
        answers = np.zeros((nodes, dimension))
        for node in range(nodes):
            method.answer(parameters, self.ran.steps, self.state[node], answers[node])
        self.answers = answers
        self.mean = answers.mean(axis=0)

    def march_data(self, state, method):
        """What ``march`` takes, from the start again."""
        nodes, _, dimension = state.shape
        work = np.zeros((method.workspace, dimension))
        return (*self.data, state, work, np.zeros((2, nodes, method.width * dimension)))


def three_nodes():
    """f_1 = |θ_1 − 1|, f_2 = |θ_2 − 2|, f_3 = |(θ_1 + θ_2)/2 − 2|; θ* = (1, 2), f̄* = 1/6."""
    rows = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[0.5, 0.5]]])
    return slopes_instance(rows, np.array([[1.0], [2.0], [2.0]]), -1.0)


def test_the_tiny_instance_is_solved_exactly():
    instance = three_nodes()
    assert instance.minimiser == pytest.approx([1.0, 2.0])
    assert instance.minimum == pytest.approx(1 / 6)
    assert instance.l_local == pytest.approx(0.9128709292)


@pytest.mark.parametrize(
    ("rounds", "inner", "mean", "gap"),
    [
        (1, 1, (0.7071067812, 0.7071067812), 0.7928932188),
        (2, 2, (0.1178511302, 1.0606601718), 0.9107443490),
        (6, 3, (1.03447103, 1.71538867), 0.1480508355),
        (100, 10, None, 0.0528860780),
    ],
)
def test_mspd_gives_the_iterates_worked_out_by_hand(rounds, inner, mean, gap):
    run = Given(three_nodes(), nx.path_graph(3), MSPD(rounds=rounds, inner=inner))
    assert run.ran.gap == pytest.approx(gap, abs=2e-9)
    if mean:
        assert run.mean == pytest.approx(mean, abs=1e-8)


@pytest.mark.parametrize(
    ("rounds", "inner", "gap"), [(1, 1, 1.5), (2, 2, None), (100, 10, 0.0833136639)]
)
def test_averaged_mspd_gives_the_iterates_worked_out_by_hand(rounds, inner, gap):
    run = Given(three_nodes(), nx.path_graph(3), MSPDAveraged(rounds=rounds, inner=inner))
    if gap is None:
        assert run.mean == pytest.approx((0.51068823, 0.82495791), abs=1e-8)
    else:
        assert run.ran.gap == pytest.approx(gap, abs=2e-9)


def test_with_one_communication_a_round_both_forms_of_mspd_are_one():
    journal = Given(three_nodes(), nx.path_graph(3), MSPD(rounds=7, inner=4))
    conference = Given(three_nodes(), nx.path_graph(3), MSPDChebyshev(rounds=7, inner=4))
    assert conference.answers == pytest.approx(journal.answers, abs=1e-12)


def test_mspd_on_the_complete_graph_tends_to_chambolle_pock():
    targets = np.array([0.0, 1.0, 2.0, 5.0])
    instance = slopes_instance(np.ones((4, 1, 1)), targets.reshape(4, 1), -1.0)
    exact = chambolle_pock(targets, radius=2.0, rounds=20)
    assert exact == pytest.approx([1.5, 1.5, 1.7, 1.7])
    graph = nx.complete_graph(4)
    away = [
        np.abs(
            Given(instance, graph, MSPD(rounds=20, inner=inner), radius=2.0).answers[:, 0] - exact
        ).max()
        for inner in (10, 100, 10_000)
    ]
    assert away[0] < 0.09
    assert away[1] < 0.007
    assert away[2] < 5e-5


def chambolle_pock(targets, radius, rounds):
    """Exact proximal steps (soft thresholds) on the complete graph, L_ℓ = 1; node means."""
    nodes = targets.size
    laplacian = nodes * np.eye(nodes) - 1.0
    eta = nodes * radius
    sigma = 1.0 / (eta * nodes)
    theta, before, dual, total = (np.zeros(nodes) for _ in range(4))
    for _ in range(rounds):
        dual -= sigma * laplacian @ (2 * theta - before)
        away = theta + eta * dual - targets
        before, theta = theta, targets + np.sign(away) * np.maximum(np.abs(away) - eta / nodes, 0)
        total += theta
    return total / rounds


@pytest.mark.parametrize(
    ("topology", "nodes"), [("line", 4), ("grid", 16), ("ring", 16), ("line", 16), ("star", 9)]
)
def test_the_explicit_polynomial_is_chebyshevs_with_the_eigengap_promised(topology, nodes):
    graph = {"line": nx.path_graph, "ring": nx.cycle_graph}.get(topology)
    if topology == "grid":
        made = nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 4))
    else:
        made = nx.star_graph(nodes - 1) if topology == "star" else graph(nodes)
    matrix = gossip_matrix(made, "laplacian").toarray()
    own = spectrum(gossip_matrix(made, "laplacian"))
    gossip = chebyshev(own.lam1, own.gamma)
    values = np.linalg.eigvalsh(polynomial(matrix, gossip))
    assert values[0] == pytest.approx(0.0, abs=1e-12)
    delta = 2 * gossip.shrink / (1 + gossip.shrink**2)
    assert values[1] >= 1 - delta - 1e-9
    assert values[-1] <= 1 + delta + 1e-9
    assert values[1] / values[-1] >= 1 / 4
    assert gossip.shrink <= 1 / 3 + 1e-12


def test_the_polynomial_of_a_path_of_four_is_the_one_worked_out_by_hand():
    matrix = gossip_matrix(nx.path_graph(4), "laplacian")
    own = spectrum(matrix)
    found = polynomial(matrix.toarray(), chebyshev(own.lam1, own.gamma))
    by_hand = np.array([[2, -1, -1, 0], [-1, 2, 0, -1], [-1, 0, 2, -1], [0, -1, -1, 2]]) / 3
    assert found == pytest.approx(by_hand, abs=1e-12)


def test_a_quarter_of_eigengap_takes_two_communications():
    gossip = chebyshev(4.0, 0.25)
    assert (gossip.degree, gossip.shrink) == (2, pytest.approx(1 / 9))
    assert gossip.top == pytest.approx(41 / 9)


def test_nodes_that_gossip_by_chebyshev_apply_the_polynomial():
    instance, graph = three_nodes_and_more()
    run = Given(instance, graph, MSPDChebyshev(rounds=2, inner=1))
    own = spectrum(gossip_matrix(graph, "laplacian"))
    gossip = chebyshev(own.lam1, own.gamma)
    assert gossip.degree > 1
    known = instance.radius, instance.l_local
    matrix = polynomial(gossip_matrix(graph, "laplacian").toarray(), gossip)
    assert run.answers == pytest.approx(two_rounds(instance, matrix, gossip, *known), abs=1e-12)


def three_nodes_and_more():
    generator = np.random.default_rng(4)
    rows, offsets = generator.standard_normal((6, 2, 3)), generator.standard_normal((6, 2))
    return slopes_instance(rows, offsets, -1.0), nx.path_graph(6)


def two_rounds(instance, matrix, gossip, radius, l_local):
    """Two rounds of the conference's form with one sub-gradient each, in matrices."""
    nodes = len(matrix)
    shrink = gossip.shrink
    eta = nodes * radius / l_local * (1 - shrink) / (1 + shrink)
    sigma = (1 + shrink**2) / (eta * (1 + shrink) ** 2)
    rows, offsets = instance.objective.rows, instance.objective.offsets
    theta, before, dual = (np.zeros((nodes, rows.shape[2])) for _ in range(3))
    total = np.zeros_like(theta)
    for _ in range(2):
        dual -= sigma * matrix @ (2 * theta - before)
        signs = np.sign(np.einsum("ijk,ik->ij", rows, theta) - offsets)
        slopes = np.einsum("ij,ijk->ik", signs, rows) / rows.shape[1]
        before, theta = theta, theta + eta * dual - eta / nodes * slopes
        total += theta
    return total / 2


@pytest.mark.parametrize("topology", ["ring", "grid"])
def test_the_wrong_sign_of_sigma_diverges_and_the_right_one_does_not(topology):
    task = LadSynthetic(topology=topology, x=50.0)
    wrong = final(task, MSPDChebyshev(sigma_sign=-1, rounds=400, inner=40))
    right = final(task, MSPDChebyshev(rounds=400, inner=40))
    assert wrong["diverged"] == 1.0
    assert right["diverged"] == 0.0
    assert right["gap_over_epsilon"] < 1.0


def test_on_the_complete_graph_both_signs_are_one_method():
    task = LadSynthetic(topology="complete", x=50.0)
    signs = [final(task, MSPDChebyshev(sigma_sign=sign, rounds=50))["gap"] for sign in (1, -1)]
    assert signs[0] == pytest.approx(signs[1], rel=1e-9)


@pytest.mark.parametrize(("scale", "diverges"), [(1.3, 0.0), (1.5, 1.0)])
def test_sigma_may_grow_to_four_thirds_and_no_further(scale, diverges):
    task = LadSynthetic(topology="grid", x=50.0)
    assert final(task, MSPD(rounds=3_000, inner=4, dual_scale=scale))["diverged"] == diverges


def test_the_printed_bound_is_false_for_a_kink_at_every_node():
    task = TwoSlopes(topology="line", nodes=8, epsilon=0.0795649549)
    printed = outcomes(task, MSPD())[0]
    assert (printed.final["rounds"], printed.final["subgradients"]) == (127.0, 635.0)
    assert printed.final["gap_over_epsilon"] == pytest.approx(1.2225, abs=5e-5)
    averaged = final(task, MSPDAveraged(rounds=127, inner=5))
    assert averaged["gap_over_epsilon"] == pytest.approx(0.650, abs=5e-4)


@pytest.mark.parametrize(
    ("inner", "factor"), [(1, 0.5), (2, 2.111), (3, 3.083), (5, 4.233), (10, 5.531), (100, 7.559)]
)
def test_the_slack_of_the_inner_loop_is_what_the_proof_says(inner, factor):
    assert slack_factor(inner) == pytest.approx(factor, abs=5e-4)


TASKS = [
    Small(topology="star", nodes=4, x_start=2.0),
    Small(topology="line", nodes=6, x_start=3.0),
    LadSynthetic(topology="ring", nodes=8, dimension=3, x_start=2.0),
]


@settings(max_examples=25)
@given(
    task=st.sampled_from(TASKS),
    method=st.sampled_from([MSPDAveraged(), MSPDChebyshev()]),
    seed=st.integers(0, 200),
)
def test_the_gap_stays_below_the_theorems_bound(task, method, seed):
    outcome = outcomes(task, method, (seed,))[0]
    bounds = [bound for bound in method.guarantees(task, outcome.facts) if not bound.name]
    assert len(bounds) == 1
    assert outcome.final["gap"] <= bounds[0].value * (1 + 1e-9)


def test_the_gap_of_smoothing_stays_below_its_bound_in_the_mean():
    task = Scattered(topology="line", nodes=4, dimension=4, x_global=40.0)
    method = DRS(rounds=60, samples=4)
    gaps = [plain_final(task, method, seed)["gap"] for seed in range(3)]
    bound = method.guarantees(task, Facts(task.prepare(cell_of()).known, 1.0))[0]
    assert bound.holds == "in_expectation"
    assert np.mean(gaps) < bound.value


@pytest.mark.parametrize("method", STEPS_ONLY, ids=NAMES[3:])
def test_compiled_and_plain_give_the_same_bits(method):
    instance, graph = three_nodes_and_more()
    plain = Given(instance, graph, method, plain=True)
    # The steps alone: with all that the driver measures, ten methods compile for a minute.
    state, answers = np.zeros_like(plain.state), np.zeros_like(plain.answers)
    kernel = specialise(
        march, init=method.init, step=method.step, answer=method.answer, oracle=Small.subgradient
    )
    kernel(*plain.march_data(state, method), answers)
    assert kernel.compiled
    assert (state == plain.state).all()
    assert (answers == plain.answers).all()


@pytest.mark.parametrize("method", ALL[:3], ids=NAMES[:3])
def test_compiled_and_plain_measure_the_same_bits(method):
    instance, graph = three_nodes_and_more()
    compiled = Given(instance, graph, method)
    plain = Given(instance, graph, method, plain=True)
    assert (compiled.state == plain.state).all()
    assert (compiled.curves == plain.curves).all()
    assert compiled.ran == plain.ran


@pytest.mark.parametrize("method", ALL, ids=NAMES)
def test_nothing_lasts_in_the_room_that_nodes_share(method):
    instance, graph = three_nodes_and_more()
    clean = Given(instance, graph, method, plain=True)
    dirty = Given(instance, graph, method, plain=True, work=7.0)
    assert (clean.state == dirty.state).all()


@pytest.mark.parametrize("method", ALL, ids=NAMES)
def test_scaling_the_objective_leaves_the_answers_as_they_are(method):
    instance, graph = three_nodes_and_more()
    objective = instance.objective
    twice = slopes_instance(2 * objective.rows, 2 * objective.offsets, -1.0)
    one = Given(instance, graph, method, radius=2.0, plain=True)
    other = Given(twice, graph, method, radius=2.0, plain=True)
    assert other.answers == pytest.approx(one.answers, rel=1e-9, abs=1e-12)


def test_the_dual_variables_of_mspd_sum_to_zero():
    instance, graph = three_nodes_and_more()
    state = Given(instance, graph, MSPD(rounds=50, inner=3)).state
    assert np.abs(state[:, 1].sum(axis=0)).max() < 1e-12


def test_equal_objectives_keep_the_nodes_of_a_ring_together():
    rows, offsets = np.random.default_rng(0).standard_normal((2, 4, 3))
    same = slopes_instance(
        np.repeat(rows[None], 5, axis=0), np.repeat(offsets[None, :, 0], 5, axis=0), -1.0
    )
    run = Given(same, nx.cycle_graph(5), MSPD(rounds=30, inner=4))
    assert run.ran.consensus < 1e-12


def test_distributed_methods_on_one_complete_average_follow_the_centralised_one():
    generator = np.random.default_rng(2)
    rows, offsets = generator.standard_normal((2, 3, 2)), generator.standard_normal((2, 3))
    instance = slopes_instance(rows, offsets, -1.0)
    run = Given(instance, nx.path_graph(2), GradientTracking(rounds=5), plain=True)
    # Two nodes average completely, so both hold one point after the first exchange.
    assert run.state[0, 0] == pytest.approx(run.state[1, 0], abs=1.0)
    assert run.ran.communications == 5


@pytest.mark.parametrize(
    ("method", "clock", "subgradients", "communications"),
    [
        (MSPD(rounds=10, inner=3), 10 * (3 + 2), 30, 10),
        (MSPDChebyshev(rounds=10, inner=3), 10 * (3 + 3 * 2), 30, 30),
        (DistributedSubgradient(rounds=10), 10 * (1 + 2), 10, 10),
        (CentralSubgradient(rounds=10), 10 * (1 + 2 * 6 * 2), 10, 120),
        (DRS(rounds=10, samples=4), 10 * (4 + 2 * 6 * 2), 40, 120),
        (CentralSmoothing(rounds=10, samples=4), 10 * 4 * 16, 40, 0),
        (DecentralisedADMM(rounds=10, inner=3), 10 * (3 + 2), 30, 10),
        (GradientTracking(rounds=10), 10 * (1 + 2), 10, 10),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "vectors") else None,
)
def test_the_clock_charges_each_sub_gradient_and_each_hop(
    method, clock, subgradients, communications
):
    found = plain_final(LadSynthetic(topology="grid", tau=2.0, x=20.0), method)
    assert found["time"] == clock
    assert found["subgradients"] == subgradients
    assert found["communications"] == communications
    assert found["communication_share"] == pytest.approx(communications * 2.0 / clock)


def test_mspd_is_designed_as_the_theorem_says():
    found = final(LadSynthetic(topology="line", x=40.0), MSPD())
    mixing = 1 / sqrt(found["eigengap"])
    assert found["rounds"] == np.ceil(40.0 * mixing)
    assert found["subgradients"] == found["rounds"] * np.ceil(40.0 / mixing)
    assert found["gap_over_epsilon"] < 1.0


def test_a_budget_of_time_is_used_and_not_exceeded():
    task = LadSynthetic(topology="ring", tau=10.0, budget=5_000.0)
    for method in (MSPD(), DistributedSubgradient(), CentralSubgradient()):
        parameters = method.parameters(task.prepare(cell_of()).known)
        hops = 2 * 8 if method.channel == "tree" else 1
        time = parameters.steps * (getattr(parameters, "inner", 1) + hops * 10.0)
        assert 4_000 < time <= 5_000 + hops * 10.0 + 1.0


BUDGETED = [
    *(type(method)() for method in ALL),
    MSPD(inner=7),
    MSPDAveraged(rounds=9),
    MSPDChebyshev(inner=5),
    DRS(samples=11),
    CentralSmoothing(samples=3),
    DecentralisedADMM(inner=25),
]


@settings(max_examples=40)
@given(
    method=st.sampled_from(BUDGETED),
    topology=st.sampled_from(["line", "ring", "star", "complete"]),
    nodes=st.integers(3, 5),
    tau=st.floats(0.0, 8.0),
    budget=st.floats(1.0, 60.0),
)
def test_no_method_ends_over_its_budget_of_time(method, topology, nodes, tau, budget):
    task = Small(topology=topology, nodes=nodes, tau=tau, x_start=2.0, budget=budget)
    try:
        found = plain_final(task, method)
    except ValueError as error:
        assert "shortest run takes a time of" in str(error)  # noqa: PT017
        return
    assert 0.0 < found["time"] <= budget * (1 + 1e-12)


def test_a_run_fixed_by_its_parameters_is_refused_by_a_budget_that_it_exceeds():
    task = LadSynthetic(topology="ring", tau=2.0, budget=99.0)
    with pytest.raises(ValueError, match="takes a time of 100, more than the budget of 99"):
        final(task, MSPD(rounds=20, inner=3))


@pytest.mark.parametrize("method", ALL, ids=NAMES)
def test_links_that_are_all_twice_as_strong_change_nothing(method):
    instance, graph = three_nodes_and_more()
    strong = nx.Graph()
    strong.add_weighted_edges_from((one, other, 2.0) for one, other in graph.edges)
    one = Given(instance, graph, method, plain=True)
    other = Given(instance, strong, method, plain=True)
    assert other.answers == pytest.approx(one.answers, rel=1e-9, abs=1e-12)


def test_admm_on_links_of_unlike_strength_tends_to_the_optimum():
    instance, graph = three_nodes_and_more()
    unlike = nx.Graph()
    unlike.add_weighted_edges_from((one, other, 0.5 + one) for one, other in graph.edges)
    run = Given(instance, unlike, DecentralisedADMM(rounds=300, inner=10), plain=True)
    assert run.ran.gap < 0.06 * instance.start_gap
    assert run.ran.consensus < 0.02 * instance.radius


@pytest.mark.parametrize("graph", [nx.star_graph(6), nx.path_graph(5), nx.complete_graph(4)])
def test_a_node_receives_its_row_of_the_matrix_times_the_messages(graph):
    method = DistributedSubgradient(rounds=1)
    network = network_of(graph, method, "laplacian", Known(len(graph), *[1.0] * 12), cell_of())
    own = gossip_matrix(graph, "metropolis").toarray()
    sent = np.random.default_rng(0).standard_normal((len(graph), 7))
    received = np.full(7, np.nan)
    for node in range(len(graph)):
        receive(network, sent, node, received)
        assert received == pytest.approx(own[node] @ sent, abs=1e-14)


def test_a_message_that_is_left_as_it_is_is_sent_again():
    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        own[t - 1] = received
        if t == 1:
            message[:] = 5.0

    instance, graph = three_nodes(), nx.path_graph(3)
    given = Given(instance, graph, CentralSubgradient(rounds=1), plain=True)
    state = np.zeros((3, 4, 2))
    messages, calls = np.zeros((2, 3, 2)), np.zeros(3, dtype=np.int64)
    for t in range(1, 5):
        advance(step, None, *given.data, t, state, np.zeros((1, 2)), messages, calls)
    assert (state[:, :, 0] == [[0.0, 5.0, 5.0, 5.0]] * 3).all()


def test_nothing_is_left_in_the_workspace_for_the_next_node():
    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        own[0] = work[0]  # what another node, or the step before, may have left
        work[0] = 7.0

    given = Given(three_nodes(), nx.path_graph(3), CentralSubgradient(rounds=1), plain=True)
    state, messages = np.zeros((3, 1, 2)), np.zeros((2, 3, 2))
    for t in (1, 2):
        calls = np.zeros(3, dtype=np.int64)
        advance(step, None, *given.data, t, state, np.zeros((1, 2)), messages, calls)
        assert np.isnan(state).all()
