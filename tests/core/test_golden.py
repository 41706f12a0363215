"""Golden outcomes: what the contracts' numbers were when ``CONTRACT`` was last raised.

When one of these changes, results of earlier code are no longer the results of this code
although no plugin changed: raise ``harness.plan.identity.CONTRACT``, say so in the changelog,
and write the new numbers here.
"""

import pytest

import harness
from harness.plan.identity import CONTRACT, cell_ids
from harness.random import beta, exponential, gamma, integer, normal, uniform
from harness.random.stream import Stream, derive_key


def test_the_contract_has_its_number():
    assert CONTRACT == 1


def test_keys_are_as_they_were():
    assert derive_key("task", 1, "bandits/bernoulli", 0) == GOLDEN["key"]
    assert Stream("task", 1, "t", 0).sub("epoch", 7).key == GOLDEN["sub key"]


def test_cell_ids_are_as_they_were():
    ids = cell_ids(1, ("t", {"arms": 2}), ("m", {}), "cpu", [0])
    assert ids.tobytes().hex() == GOLDEN["cell id"]


@pytest.mark.parametrize("name", ["uniform", "normal", "exponential", "gamma", "beta", "integer"])
def test_draws_are_as_they_were(name):
    assert drawn()[name] == pytest.approx(GOLDEN[name], rel=1e-14)


def drawn():
    return {
        "uniform": uniform(5, 7, 3),
        "normal": normal(5, 7, 3),
        "exponential": exponential(5, 7, 3),
        "gamma": gamma(5, 7, 3, 2.5),
        "beta": beta(5, 7, 3, 3.0, 8.0),
        "integer": integer(5, 7, 3, 1000),
    }


def outcomes():
    """Regret of four seeds: compiled, screened and index policies on drawn and real data."""
    from harness_bandits.bernoulli import Bernoulli
    from harness_bandits.digits import Digits
    from harness_bandits.kl_ucb import KLUCB
    from harness_bandits.thompson import Thompson
    from harness_bandits.uniform import Uniform

    methods = {"thompson": Thompson(), "kl-ucb": KLUCB(), "uniform": Uniform()}
    frames = [
        harness.evaluate(task, methods, seeds=4, suite_seed=9)
        for task in (Bernoulli(arms=4, horizon=800), Digits(horizon=800))
    ]
    return [value for frame in frames for value in frame.regret]


def test_outcomes_are_as_they_were():
    assert outcomes() == pytest.approx(GOLDEN["regret"], rel=1e-9)


GOLDEN = {
    "key": 2517076798112368468,
    "sub key": 4141910872757072297,
    "cell id": "d6f430a14898379200eef1504201c561",
    "uniform": 0.6949141518985075,
    "normal": 1.2026659174739835,
    "exponential": 0.3516304558440799,
    "gamma": 2.2118772369422954,
    "beta": 0.3546447505560618,
    "integer": 470,
    "regret": [
        14.54602211563246,
        4.508744612345027,
        20.482957815750577,
        24.62678553002057,
        21.535246394859097,
        3.417091838304498,
        21.468465180904516,
        24.990306407969157,
        140.1231321206226,
        299.5503573471672,
        141.82524793949898,
        118.278738310031,
        20.78631051752914,
        15.450194769059541,
        15.986644407345468,
        15.18976071229817,
        17.789092932665575,
        21.950473010573063,
        22.967723984418406,
        22.18252643294377,
        26.34335002782413,
        26.503060656649936,
        24.324429604897,
        24.526989426822418,
    ],
}
