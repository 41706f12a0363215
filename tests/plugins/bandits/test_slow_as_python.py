"""What takes too long as plain Python is told so, and not waited for."""

from pathlib import Path

from harness.registry import Registry
from harness.testing import trial
from harness.testing.plugins import suite_facts

SUITE = """suite: slow
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 3}
entries:
  - {task: bandits/bernoulli, params: {horizon: 300000}, methods: [bandits/ucb1]}
  - {task: bandits/bernoulli, params: {horizon: 30}, methods: [bandits/ucb1]}
"""


def test_a_task_too_long_for_plain_python_is_skipped_and_its_neighbour_compared(
    tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(trial, "_PLAIN_S", 0.3)
    (tmp_path / "slow.yaml").write_text(SUITE)
    told: list[str] = []
    facts = list(suite_facts(tmp_path / "slow.yaml", 3, Registry(), tell=told.append))
    plain = {fact.subject: fact for fact in facts if "plain Python" in fact.check}
    assert {each.verdict for each in plain.values()} == {"skipped", "passed"}
    (skipped,) = [each for each in plain.values() if each.verdict == "skipped"]
    assert "300000" in skipped.subject
    assert skipped.told == "a cell takes more than 0.3 s: name a suite with smaller sizes"
    assert told[-1].endswith("and 1 more: the cells as plain Python, 0.3 s each at most")
