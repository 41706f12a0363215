"""The conformance kit: what keeps the contract passes, each broken rule is named."""

from __future__ import annotations

import pytest
from misbehaving import (
    Crowded,
    Doubled,
    Global,
    Infinite,
    Local,
    Lossy,
    Near,
    Odd,
    Remembering,
    Silent,
    Steady,
    Thawed,
)

from harness.errors import UsageError
from harness.registry import Registry
from harness.testing import NotConforming, check_method, check_plugin, check_task
from harness.testing.classes import class_facts
from harness.testing.plugins import plugin_facts, suite_facts


def failed(facts):
    return [fact.check for fact in facts if fact.verdict == "failed"]


def broken(method, task=None):
    """The checks that fail."""
    with pytest.raises(NotConforming) as caught:
        check_method(method, task or Near())
    return failed(caught.value.facts)


def test_what_keeps_the_contract_passes_and_says_what_was_asked():
    facts = check_method(Steady(shift=0.5, steps=(3, 4)), Near())
    assert {fact.verdict for fact in facts} == {"passed"}
    assert len({fact.check for fact in facts}) >= 9


@pytest.mark.parametrize(
    ("method", "check"),
    [
        (Global(), "repeats"),
        (Remembering(), "repeats"),
        (Local(), "fresh worker"),
        (Infinite(), "has its numbers"),
        (Lossy(), "comes back from its parameters"),
        (Silent(), "docstring"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_method_that_breaks_a_rule_is_told_which(method, check):
    assert any(check in each for each in broken(method))


def test_a_cell_that_depends_on_its_company_is_told():
    assert any("a cell alone" in each for each in broken(Steady(), Crowded()))


def test_costs_may_differ():
    assert all(fact.verdict == "passed" for fact in check_task(Near(), [Steady()]))


def test_a_task_that_declares_a_metric_twice_is_told():
    assert failed(class_facts("x", Doubled)) == [
        "declares the kind that it accepts and its metrics"
    ]


@pytest.mark.parametrize(("cls", "told"), [(Thawed, "not frozen"), (Odd, "no file can give")])
def test_parameters_that_a_suite_cannot_give_are_told(cls, told):
    (fact,) = [each for each in class_facts("x", cls) if each.verdict == "failed"]
    assert told in fact.told


def test_the_message_has_a_line_for_each_fact_that_failed():
    with pytest.raises(
        NotConforming, match=r"(?m)^misbehaving.Global on .*repeats.*seed 0, error: 0\.\d+ and"
    ):
        check_method(Global(), Near())


def test_a_plugin_by_path_has_its_names_checked_and_its_defaults_run(tmp_path):
    facts = list(plugin_facts(str(__import__("misbehaving").__file__), 2, Registry([])))
    (bad,) = [fact for fact in facts if fact.verdict == "failed"]
    assert (bad.subject, bad.check[:18]) == ("odd/gone", "can be imported fr")
    ran = {fact.subject for fact in facts if "fresh worker" in fact.check}
    assert ran == {"odd/steady on odd/near"}


def test_a_plugin_whose_names_cost_an_import_is_told(tmp_path):
    path = tmp_path / "costly_plugin.py"
    path.write_text(
        "import pandas\nfrom harness import hookimpl\n"
        "@hookimpl\ndef harness_methods():\n    return {'costly/steady': 'misbehaving:Steady'}\n"
    )
    facts = list(plugin_facts(str(path), 1, Registry([])))
    told = next(fact.told for fact in facts if fact.verdict == "failed")
    assert told.startswith("it imports pandas")


def test_a_plugin_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(UsageError, match=r'no plugin is called "bandit".*nearest: bandits'):
        check_plugin("bandit")


def test_compiled_and_plain_code_are_held_against_each_other():
    from harness_bandits.bernoulli import Bernoulli
    from harness_bandits.ucb1 import UCB1

    facts = check_method(UCB1(), Bernoulli(arms=3, horizon=40), seeds=2)
    assert any("plain Python" in fact.check for fact in facts)


def test_a_suite_is_run_at_the_sizes_that_it_gives(tmp_path):
    suite = tmp_path / "s.yaml"
    suite.write_text(
        f"suite: s\nplugins: [{__import__('misbehaving').__file__}]\ndefaults: {{seeds: 50}}\n"
        "entries:\n  - task: odd/near\n    methods: [{odd/steady: {shift: 2}}]\n"
    )
    facts = list(suite_facts(suite, 2, Registry([])))
    assert not failed(facts)
    assert any(fact.subject.startswith("odd/steady shift=2") for fact in facts)
