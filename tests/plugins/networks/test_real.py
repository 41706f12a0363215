"""Real processes over loopback give the simulated iterates; a dead node is named, nothing hangs."""

import socket
import time
from importlib.util import find_spec

import numpy as np
import pytest
from network_runs import cell_of, outcomes, plain_final
from programs import Raises, Silent

from harness_networks.drs import DRS, CentralSmoothing
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.mspd import MSPD
from harness_networks.node_job import read_job, write_job
from harness_networks.optimizer import Facts
from harness_networks.real import NodeDied, RealLad, RealNetworkData, run_nodes
from harness_networks.real_data import RealData

SIZE = {"topology": "line", "nodes": 3, "dimension": 4, "x": 20.0}
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


def jobs_of(task, method):
    cell = cell_of()
    prepared = task.prepare(cell)
    return task.jobs(method, task.parameters_of(method, prepared), prepared, cell)


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
    assert real.pop("off_simulation") == 0.0
    assert real["wall"] >= real["wall_to_epsilon"] > 0.0
    assert {name: real[name] for name in simulated if name in real} == {
        name: value for name, value in simulated.items() if name != "rounds_per_second"
    }


@needs_torch
def test_real_rows_on_real_processes_reach_epsilon_when_the_simulated_network_does():
    size = {"topology": "line", "nodes": 3, "x": 60.0}
    method = MSPD(rounds=150, inner=5)
    real = outcomes(RealNetworkData(**size), method)[0]
    simulated = plain_final(RealData(**size), method)
    assert real.final["off_simulation"] == 0.0
    assert not real.censored
    assert 0.0 < real.final["rounds_to_epsilon"] == simulated["rounds_to_epsilon"] <= 128.0
    assert real.final["gap_over_guarantee"] == simulated["gap_over_guarantee"] <= 1.0
    assert real.final["wall_to_epsilon"] < real.final["wall"]


@needs_torch
def test_epsilon_that_was_not_reached_is_censored():
    task = RealLad(**SIZE | {"nodes": 2, "x": 200.0})
    short = outcomes(task, MSPD(rounds=2, inner=1))[0]
    assert {"time_to_epsilon", "wall_to_epsilon"} <= short.censored
    assert short.final["wall_to_epsilon"] == short.final["wall"]


@needs_torch
@pytest.mark.slow
def test_sixteen_processes_give_the_bits_of_the_simulated_network():
    task = RealLad(topology="grid", nodes=16, dimension=4, x=20.0, wait_s=300.0)
    assert outcomes(task, MSPD(rounds=12, inner=3))[0].final["off_simulation"] == 0.0


def test_nodes_are_kept_to_an_interface_that_is_loopback(tmp_path, monkeypatch):
    started = {}
    monkeypatch.setattr(
        "harness_networks.real.subprocess.Popen", lambda command, **options: started.update(options)
    )
    with pytest.raises(AttributeError):  # no process to wait for
        run_nodes(jobs_of(RealLad(**SIZE), MSPD(rounds=2))[:1], tmp_path, timeout_s=1.0)
    interface = started["env"]["GLOO_SOCKET_IFNAME"]
    assert interface in {name for _, name in socket.if_nameindex()}
    assert interface.startswith("lo")


@pytest.mark.parametrize("method", [MSPD(), DRS()], ids=["mspd", "drs"])
def test_guarantees_are_on_metrics_that_the_real_task_has(method):
    task = RealLad(**SIZE | {"x": 0.0, "x_global": 100.0})
    prepared = task.prepare(cell_of())
    found = method.guarantees(task, Facts(prepared.known, prepared.start_gap))
    assert "gap" in {bound.metric for bound in found}
    assert {bound.metric for bound in found} <= {each.name for each in task.metrics}


def test_a_node_is_told_everything_without_pickled_objects(tmp_path):
    task, method = RealLad(**SIZE), MSPD(rounds=3, inner=2)
    told = jobs_of(task, method)[1]
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
    told = jobs_of(task, method)[0]
    odd = told._replace(parameters=told.parameters._replace(share=np.ones(3)))
    with pytest.raises(ValueError, match="MSPD cannot be sent to a node"):
        write_job(odd, tmp_path / "0.job.npz")


@needs_torch
def test_an_error_of_the_program_is_no_broken_link(tmp_path):
    jobs = jobs_of(RealLad(**SIZE | {"nodes": 2}), Raises(rounds=5))
    with pytest.raises(NodeDied, match=r"node [01] died \(exit code 1\): .*boom in my step"):
        run_nodes(jobs, tmp_path, timeout_s=60.0)


@needs_torch
def test_a_silent_first_message_is_silent_on_real_links():
    real = outcomes(RealLad(**SIZE), Silent(rounds=6))[0].final
    assert real["off_simulation"] == 0.0
    assert real["gap"] == plain_final(LadSynthetic(**SIZE), Silent(rounds=6))["gap"]


@needs_torch
def test_a_node_that_dies_is_named_and_nobody_waits(tmp_path):
    task, method = RealLad(**SIZE | {"nodes": 2}), MSPD(rounds=500, inner=2)
    jobs = jobs_of(task, method)
    jobs[1] = jobs[1]._replace(dies_at=7)
    began = time.monotonic()
    with pytest.raises(NodeDied, match=r"node 1 died \(exit code 3\)"):
        run_nodes(jobs, tmp_path, timeout_s=60.0)
    assert time.monotonic() - began < 40.0


def test_without_torch_a_cell_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr("harness_networks.real.find_spec", lambda name: None)
    reason = outcomes(RealLad(**SIZE), MSPD(rounds=2))[0].skip_reason
    assert "pip install 'algo-harness[networks-real]'" in reason


@needs_torch
def test_nodes_that_are_late_are_named_with_the_limit(tmp_path):
    jobs = jobs_of(RealLad(**SIZE | {"nodes": 2}), MSPD(rounds=500, inner=2))
    with pytest.raises(NodeDied, match=r"within wait_s: 0\.01 seconds; none of them had begun"):
        run_nodes(jobs, tmp_path, timeout_s=0.01)


@pytest.mark.parametrize(
    ("topology", "nodes"), [("grid", 18), ("karate", 16), ("les-miserables", 16)]
)
def test_more_processes_than_a_machine_holds_are_refused(topology, nodes):
    with pytest.raises(ValueError, match=f"at most 16 processes, one a node: {topology} has"):
        RealLad(topology=topology, nodes=nodes, weights="ignore")


def test_a_run_that_is_too_long_is_skipped_before_any_process_starts():
    skipped = outcomes(RealLad(**SIZE, most_work=10.0), MSPD())[0].skip_reason
    if find_spec("torch") is not None:
        assert "more than most_work" in skipped


def test_one_machine_is_no_network_of_processes():
    with pytest.raises(ValueError, match="no network"):
        RealLad(**SIZE).check(CentralSmoothing())
