"""Real processes over loopback give the simulated iterates; a dead node is named, nothing hangs."""

import time
from importlib.util import find_spec

import numpy as np
import pytest
from network_runs import cell_of, outcomes, plain_final

from harness_networks.drs import DRS, CentralSmoothing
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.mspd import MSPD
from harness_networks.node_job import read_job, write_job
from harness_networks.real import NodeDied, RealLad, run_nodes

SIZE = {"topology": "line", "nodes": 3, "dimension": 4, "x": 20.0}
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


@needs_torch
@pytest.mark.parametrize(
    ("method", "nodes"),
    [(MSPD(rounds=12, inner=3), 3), (DRS(rounds=4, samples=3), 2)],
    ids=["mspd", "drs"],
)
def test_real_processes_give_the_gap_of_the_simulated_network(method, nodes):
    size = SIZE | {"nodes": nodes}
    real = outcomes(RealLad(**size), method)[0].final
    simulated = plain_final(LadSynthetic(**size), method)
    assert real["gap"] == simulated["gap"]
    assert real["consensus"] == pytest.approx(simulated["consensus"], rel=1e-12)
    assert real["time"] == simulated["time"]
    assert real["subgradients"] == simulated["subgradients"]
    assert real["off_simulation"] == 0.0
    assert real["wall"] > 0.0


@needs_torch
@pytest.mark.slow
def test_sixteen_processes_give_the_bits_of_the_simulated_network():
    task = RealLad(topology="grid", nodes=16, dimension=4, x=20.0, wait_s=300.0)
    assert outcomes(task, MSPD(rounds=12, inner=3))[0].final["off_simulation"] == 0.0


def test_a_node_is_told_everything_without_pickled_objects(tmp_path):
    task, method = RealLad(**SIZE), MSPD(rounds=3, inner=2)
    cell = cell_of()
    told = task.jobs(method, task.prepare(cell), cell)[1]
    write_job(told, tmp_path / "1.job.npz")
    with np.load(tmp_path / "1.job.npz", allow_pickle=False) as kept:
        assert all(kept[name].dtype != object for name in kept.files)
    read = read_job(tmp_path / "1.job.npz")
    assert read._replace(local=None, neighbours=None, weights=None) == told._replace(
        local=None, neighbours=None, weights=None
    )
    assert read.neighbours.tolist() == told.neighbours.tolist() == [0, 1, 2]
    assert np.array_equal(read.local.rows, told.local.rows)
    assert read.known.ball == np.inf


def test_parameters_that_are_no_numbers_are_refused_by_the_methods_name(tmp_path):
    task, method = RealLad(**SIZE), MSPD(rounds=3, inner=2)
    cell = cell_of()
    told = task.jobs(method, task.prepare(cell), cell)[0]
    odd = told._replace(parameters=told.parameters._replace(share=np.ones(3)))
    with pytest.raises(ValueError, match="MSPD cannot be sent to a node"):
        write_job(odd, tmp_path / "0.job.npz")


@needs_torch
def test_a_node_that_dies_is_named_and_nobody_waits(tmp_path):
    task, method = RealLad(**SIZE | {"nodes": 2}), MSPD(rounds=500, inner=2)
    cell = cell_of()
    jobs = task.jobs(method, task.prepare(cell), cell)
    jobs[1] = jobs[1]._replace(dies_at=7)
    began = time.monotonic()
    with pytest.raises(NodeDied, match=r"node 1 died \(exit code 3\)"):
        run_nodes(jobs, tmp_path, timeout_s=60.0)
    assert time.monotonic() - began < 40.0


def test_without_torch_a_cell_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr("harness_networks.real.find_spec", lambda name: None)
    reason = outcomes(RealLad(**SIZE), MSPD(rounds=2))[0].skip_reason
    assert "pip install 'algo-harness[networks-real]'" in reason


def test_more_processes_than_a_machine_holds_are_refused():
    with pytest.raises(ValueError, match="at most 16 processes"):
        RealLad(nodes=17)


def test_one_machine_is_no_network_of_processes():
    with pytest.raises(ValueError, match="no network"):
        RealLad(**SIZE).check(CentralSmoothing())
