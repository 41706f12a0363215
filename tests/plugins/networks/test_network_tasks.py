"""Tasks: the hardest instances, and what is refused, of several faults the deepest."""

from dataclasses import replace
from typing import ClassVar

import networkx as nx
import pytest
from network_runs import cell_of, final, outcomes, plain_final

from harness_networks.admm import DecentralisedADMM
from harness_networks.closed_form import TwoSlopes
from harness_networks.drawn import Small
from harness_networks.gossip import gossip_matrix, spectrum
from harness_networks.instance import mean_at
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.lower_bound import LowerBound
from harness_networks.mspd import MSPD
from harness_networks.subgradient import CentralSubgradient, DistributedSubgradient


def test_the_curve_ends_where_the_clock_does_and_starts_at_the_start():
    outcome = outcomes(LadSynthetic(topology="ring", x=40.0), MSPD())[0]
    moments, gaps = outcome.curves["gap"]
    assert moments[-1] <= outcome.final["time"]
    assert gaps[0] <= outcome.facts.start_gap * 2
    assert gaps[-1] < gaps[0]


def test_no_black_box_method_is_below_the_floor_or_ahead_of_the_chain():
    task = LowerBound(nodes=9, horizon=20.0)
    for method in (MSPD(inner=1), DistributedSubgradient()):
        found = plain_final(task, method)
        assert found["lowest_over_floor"] >= 1 - 1e-9
        assert found["violations"] == 0.0


def test_an_eigengap_between_two_paths_bounds_as_the_theorem_says():
    for gamma in (spectrum_of_path(9).gamma, 0.028, spectrum_of_path(10).gamma):
        task = LowerBound(nodes=9, tau=0.5, horizon=20.0, form="local", eigengap=gamma)
        assert task.prepare(cell_of()).known.gamma == pytest.approx(gamma, rel=1e-9)
        found = plain_final(task, MSPD(inner=1))
        assert found["lowest_over_floor"] >= 1 - 1e-9
        assert found["lowest_over_theorem"] >= 1.0
        assert found["violations"] == 0.0


def spectrum_of_path(nodes):
    return spectrum(gossip_matrix(nx.path_graph(nodes), "laplacian"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"eigengap": 0.5}, "must lie between"),
        ({"eigengap": 0.001}, "must lie between"),
        ({"eigengap": 0.028, "form": "global"}, "goes with form: local"),
        ({"eigengap": 0.028, "matrix": "metropolis"}, "of the Laplacian"),
        ({"epsilon": 0.1}, "ε is the construction's floor: epsilon has no part"),
        ({"tau": 1e-9}, r"has 5e\+09 coordinates, more than 100,000"),
        ({"tau": 5e-324}, "has inf coordinates"),
    ],
    ids=["large", "small", "global", "metropolis", "accuracy", "many-coordinates", "endless"],
)
def test_a_construction_that_does_not_exist_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        LowerBound(**{"nodes": 9, "form": "local"} | wrong)


def test_a_network_that_is_complete_in_secret_is_ahead_of_the_chain():
    task = LowerBound(nodes=12, tau=2.0, horizon=60.0, form="local", averaging="free")
    found = plain_final(task, CentralSubgradient(decay=True, scale=3.0, rounds=500))
    assert found["lowest_over_floor"] < 0.95
    assert found["violations"] > 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tau": -1.0}, "tau"),
        ({"nodes": 1}, "at least 2 nodes"),
        ({"topology": "moebius"}, "no topology"),
        ({"x": 10.0, "epsilon": 0.1}, "one accuracy"),
        ({"tau": float("inf")}, "tau must be a finite number, got inf"),
        ({"tau": float("nan")}, "tau must be a finite number, got nan"),
        ({"epsilon": float("nan")}, "epsilon must be a finite number"),
        ({"budget": float("inf")}, "budget must be a finite number"),
        ({"budget": -1.0}, "budget must be at least 0"),
        ({"most_work": float("nan")}, "most_work must be a number"),
        ({"topology": "karate"}, "karate has weights"),
        (
            {"topology": "karate", "weights": "use", "matrix": "metropolis"},
            "Metropolis weights are made of degrees",
        ),
    ],
    ids=lambda value: " ".join(map(str, value.items())) if isinstance(value, dict) else "",
)
def test_a_task_that_makes_no_sense_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        LadSynthetic(**wrong)


def test_work_without_a_limit_is_legal():
    assert LadSynthetic(most_work=float("inf")).most_work == float("inf")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_method_whose_numbers_are_not_finite_is_refused(number):
    with pytest.raises(ValueError, match="dual_scale must be a finite number"):
        MSPD(dual_scale=number)
    with pytest.raises(ValueError, match="scale must be a finite number"):
        DecentralisedADMM(scale=number)


@pytest.mark.parametrize("topology", ["erdos-renyi", "geometric", "barabasi-albert", "regular"])
def test_a_network_drawn_by_the_seed_is_refused_where_numbers_are_judged_as_exact(topology):
    with pytest.raises(ValueError, match=f"{topology} is drawn by the seed"):
        TwoSlopes(topology=topology)
    assert LadSynthetic(topology=topology).topology == topology


class Odd(Small):
    """A user's task: an instance changed by hand."""

    change: ClassVar = None

    def instance(self, cell):
        return type(self).change(super().instance(cell))


def bent(instance):
    return instance._replace(objective=instance.objective._replace(low=2.0))


def raised(instance):
    return instance._replace(minimum=instance.minimum + 10.0)


def elsewhere(instance):
    away = instance.minimiser * 0.5
    return instance._replace(minimiser=away, minimum=mean_at(instance.objective, away))


def short(instance):
    return instance._replace(radius=instance.radius / 2.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([bent], "is not convex"),
        ([raised, bent], "is not convex"),
        ([raised], "declared minimum is .*, but f̄ at the declared minimiser is"),
        ([elsewhere], "declared minimum is .*, but f̄ goes down to"),
        ([short], "further than R"),
        ([], "not below the gap"),
    ],
    ids=["bent", "bent-and-raised", "raised", "elsewhere", "short", "nothing-else"],
)
def test_of_several_faults_of_a_users_objective_the_deepest_is_told(changes, words):
    class Task(Odd):
        pass

    def change(instance):
        for each in changes:
            instance = each(instance)
        return instance

    Task.change = staticmethod(change)
    with pytest.raises(ValueError, match=words):
        Task(topology="line", nodes=4, epsilon=1e9).prepare(cell_of(seed=3))


def test_an_accuracy_that_is_met_at_the_start_is_refused():
    with pytest.raises(ValueError, match="not below the gap"):
        final(LadSynthetic(epsilon=1e6), MSPD())


def test_a_run_that_is_too_long_is_skipped_with_its_size():
    task = replace(LadSynthetic(x=400.0), most_work=1e6)
    assert "most_work" in outcomes(task, MSPD())[0].skip_reason


def test_communication_for_nothing_is_legal():
    assert final(LadSynthetic(tau=0.0, x=20.0), MSPD())["communication_share"] == 0.0


@pytest.mark.parametrize(
    ("method", "bound"),
    [
        # R L_ℓ (Δ̃/T + 1/(M Δ̃)), of Theorem 18; on the complete graph Δ̃ = 1.
        (MSPD(rounds=40, inner=5), lambda known: known.radius * known.l_local * (1 / 40 + 1 / 5)),
        (
            CentralSubgradient(rounds=25),
            lambda known: known.radius * known.l_global / 5.0,
        ),
    ],
    ids=["mspd", "central-subgradient"],
)
def test_the_gap_is_told_over_the_theorems_bound_whatever_vouches_for_it(method, bound):
    task = LadSynthetic(topology="complete", nodes=4, x=20.0)
    told = plain_final(task, method)
    known = task.prepare(cell_of()).known
    assert told["gap_over_guarantee"] == pytest.approx(told["gap"] / bound(known))
    assert told["gap_over_guarantee"] < 1.0


def test_a_method_without_a_theorem_has_no_ratio_to_it():
    assert "gap_over_guarantee" not in plain_final(LadSynthetic(x=20.0), DecentralisedADMM())
