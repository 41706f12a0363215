"""Scores of certificates, by hand and as a count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_vision.scores import (
    Certificates,
    average_certified_radius,
    certified_accuracy,
    envelope,
)


def certificates(*rows):
    """Of (label, prediction, radius)."""
    label, prediction, radius = (np.array(each) for each in zip(*rows, strict=True))
    return Certificates(np.arange(len(rows)), label, prediction, radius * 1.0, radius * 0.0)


FOUR = certificates((1, 1, 0.5), (2, 2, 0.25), (3, 0, 2.0), (4, -1, 0.0))


def test_only_right_classes_count_and_the_radius_itself_is_included():
    assert certified_accuracy(FOUR, [0.0, 0.25, 0.5, 0.51]).tolist() == [0.5, 0.5, 0.25, 0.0]
    assert average_certified_radius(FOUR) == pytest.approx(0.75 / 4)


def test_an_abstention_is_never_right_even_at_radius_zero():
    assert certified_accuracy(certificates((0, -1, 0.0), (0, 0, 0.0)), [0.0]).tolist() == [0.5]
    assert not certificates((-1, -1, 0.0)).correct.any()


def test_an_envelope_is_taken_at_each_radius_apart():
    near = certificates((0, 0, 0.2), (0, 0, 0.2))
    far = certificates((0, 0, 0.9), (0, 1, 0.9))
    assert envelope([near, far], [0.1, 0.5, 1.0]).tolist() == [1.0, 0.5, 0.0]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-1, 2), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
        min_size=1,
        max_size=30,
    )
)
def test_the_curve_is_a_count_it_falls_and_its_area_is_the_mean_radius(rows):
    some = certificates(*rows)
    grid = [0.0, 0.25, 0.5, 1.0]
    curve = certified_accuracy(some, grid)
    counted = [
        sum(p == y and p >= 0 and r >= least for y, p, r in rows) / len(rows) for least in grid
    ]
    assert curve.tolist() == pytest.approx(counted)
    assert (np.diff(curve) <= 0).all()
    # Radii lie on the grid: the mean radius is the area under the step curve.
    area = 0.25 * curve[1] + 0.25 * curve[2] + 0.5 * curve[3]
    assert average_certified_radius(some) == pytest.approx(area)


def test_nothing_cannot_be_scored():
    nothing = Certificates(*(np.zeros(0) for _ in range(5)))
    with pytest.raises(ValueError, match="no certificates"):
        certified_accuracy(nothing, [0.0])
    with pytest.raises(ValueError, match="at least one model"):
        envelope([], [0.0])
