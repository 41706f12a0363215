"""Many pairs at once are tested as one pair at a time is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats import difference
from harness.stats.pairs import differences


def one_by_one(columns, first, second, kind):
    found = [
        difference(columns[:, one], columns[:, other], "linear", kind)
        for one, other in zip(first, second, strict=True)
    ]
    return [each.value for each in found], [each.p_value(0.0) for each in found]


@settings(max_examples=25, deadline=None)
@given(
    seeds=st.sampled_from([2, 5, 8, 20, 29, 30, 64]),
    scale=st.sampled_from([1e-9, 1.0, 1e9]),
    offset=st.sampled_from([0.0, 1.0, 1e7]),
    kind=st.sampled_from(["real", "exact"]),
    draw=st.integers(0, 2**32),
)
def test_a_table_of_pairs_has_the_tests_of_its_pairs(seeds, scale, offset, kind, draw):
    generator = np.random.default_rng(draw)
    columns = scale * (offset + generator.exponential(size=(seeds, 5)))
    columns[:, 3] = columns[:, 0]  # no difference at all
    columns[:, 4] = columns[:, 1] + scale  # a constant one
    first, second = np.triu_indices(5, k=1)
    found = differences(columns, first, second, kind)
    values, p_values = one_by_one(columns, first, second, kind)
    size = np.abs(columns).max()
    np.testing.assert_allclose(found.values, values, rtol=1e-9, atol=1e-12 * size)
    np.testing.assert_allclose(found.p_values, p_values, rtol=1e-6, atol=1e-9)


def test_the_order_of_a_pair_turns_the_sign_and_keeps_the_p_value():
    columns = np.random.default_rng(3).normal(size=(40, 2))
    one, other = (differences(columns, np.array([a]), np.array([1 - a])) for a in (0, 1))
    assert one.values[0] == pytest.approx(-other.values[0])
    assert one.p_values[0] == pytest.approx(other.p_values[0], rel=1e-6)
