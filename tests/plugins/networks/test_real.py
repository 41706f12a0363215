"""Real processes over loopback give the simulated iterates; a dead node is named, nothing hangs."""

import time
from importlib.util import find_spec

import pytest
from network_runs import cell_of, outcomes, plain_final

from harness_networks.drs import DRS, CentralSmoothing
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.mspd import MSPD
from harness_networks.real import NodeDied, RealLad, run_nodes

SIZE = {"topology": "line", "nodes": 3, "dimension": 4, "x": 20.0}
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


@needs_torch
@pytest.mark.parametrize(
    "method",
    [MSPD(rounds=12, inner=3), DRS(rounds=4, samples=3)],
    ids=["mspd", "drs"],
)
def test_real_processes_give_the_gap_of_the_simulated_network(method):
    real = outcomes(RealLad(**SIZE), method)[0].final
    simulated = plain_final(LadSynthetic(**SIZE), method)
    assert real["gap"] == simulated["gap"]
    assert real["consensus"] == pytest.approx(simulated["consensus"], rel=1e-12)
    assert real["time"] == simulated["time"]
    assert real["subgradients"] == simulated["subgradients"]
    assert real["wall"] > 0.0


@needs_torch
def test_a_node_that_dies_is_named_and_nobody_waits(tmp_path):
    task, method = RealLad(**SIZE), MSPD(rounds=500, inner=2)
    cell = cell_of()
    jobs = task.jobs(method, task.prepare(cell), cell)
    jobs[1] = jobs[1]._replace(dies_at=7)
    began = time.monotonic()
    with pytest.raises(NodeDied, match=r"node 1 died \(exit code 3\)"):
        run_nodes(jobs, tmp_path, timeout_s=60.0)
    assert time.monotonic() - began < 40.0


def test_without_torch_a_cell_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr("harness_networks.real.find_spec", lambda name: None)
    assert "torch is not installed" in outcomes(RealLad(**SIZE), MSPD(rounds=2))[0].skip_reason


def test_more_processes_than_a_machine_holds_are_refused():
    with pytest.raises(ValueError, match="at most 16 processes"):
        RealLad(nodes=17)


def test_one_machine_is_no_network_of_processes():
    with pytest.raises(ValueError, match="no network"):
        RealLad(**SIZE).check(CentralSmoothing())
