"""Durations, sizes, percentages and seeds as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.suite.document import Faults, Source, parse
from harness.suite.model import Seeds
from harness.suite.quantities import duration_s, memory_bytes, percent, seeds


def read(reader, written):
    """What ``reader`` makes of a value, and what it tells: (column, message)."""
    faults = Faults()
    node = parse(Source("x.yaml", f"a: {written}"), faults).items["a"]
    value = reader(node, faults)
    return value, [(each.column, each.message) for each in faults.in_order()]


@pytest.mark.parametrize(
    ("written", "length_s"),
    [
        ("10min", 600),
        ("30 s", 30),
        ("1h", 3600),
        ("1h 30min", 5400),
        ("1h30m", 5400),
        ("0.5s", 0.5),
        ("250ms", 0.25),
        ("7 days", 604800),
        ("90", 90),
        ("1e3", 1000),
        ("2.5", 2.5),
    ],
)
def test_a_duration_is_in_seconds(written, length_s):
    assert read(duration_s, written) == (pytest.approx(length_s), [])


@pytest.mark.parametrize(
    "written", ["10 parsecs", "soon", "12:30", "h", "1h x", "true", "[1]", "''", "~"]
)
def test_what_is_no_duration_is_told(written):
    value, faults = read(duration_s, written)
    assert value is None
    assert len(faults) == 1
    assert faults[0][1].startswith("timeout must be a length of time, got ")


@pytest.mark.parametrize("written", ["0", "-5", "0s", ".inf"])
def test_a_time_limit_is_above_zero_and_ends(written):
    value, faults = read(duration_s, written)
    assert value is None
    assert "must be above 0 seconds" in faults[0][1]


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("2GiB", 2 << 30),
        ("512 MB", 512_000_000),
        ("1.5 GiB", 3 << 29),
        ("64KiB", 65536),
        ("1TB", 10**12),
        ("100 kB", 100_000),
        ("2gib", 2 << 30),
    ],
)
def test_a_size_is_in_bytes(written, size):
    assert read(memory_bytes, written) == (size, [])


@pytest.mark.parametrize("written", ["2", "2.5", "GiB", "2 G", "-2GiB", "[2GiB]", "2 min"])
def test_a_size_needs_its_unit(written):
    value, faults = read(memory_bytes, written)
    assert value is None
    assert faults[0][1].startswith("memory must be a size with its unit, got ")


@given(st.integers(0, 100_000))
def test_a_percentage_is_the_nearest_double_to_its_hundredth(number):
    node = parse(Source("x", f"{number} %"), Faults())
    assert percent(node) == float(f"{number}e-2")


@pytest.mark.parametrize("written", ["3", "3 percent", "%", "[3 %]", "x %"])
def test_what_has_no_percent_sign_is_no_percentage(written):
    node = parse(Source("x", f"[{written}]"), Faults())
    assert node is None or percent(node.items[0]) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("3", Seeds(values=(0, 1, 2))),
        ("1e1", Seeds(values=tuple(range(10)))),
        ("[5, 0, 7]", Seeds(values=(5, 0, 7))),
        ("4-6", Seeds(values=(4, 5, 6))),
        ("{min: 2, max: 64, until: decided}", Seeds(values=(0, 1), maximum=64, until="decided")),
    ],
)
def test_seeds_are_a_number_a_list_a_span_or_added(written, expected):
    assert read(seeds, written) == (expected, [])


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("0", (4, "seeds must be at least 1, got 0")),
        ("-3", (4, "seeds must be at least 1, got -3")),
        ("1e9", (4, "seeds must be at most 1,000,000, got 1000000000")),
        ("1.5", (4, "seeds must be a whole number, got 1.5")),
        ("true", (4, "seeds must be a whole number, got true")),
        ("often", (4, 'seeds must be a whole number, got text "often"')),
        ("[]", (4, "the list of seeds is empty")),
        ("[1, -2]", (8, "a seed must be a whole number of at least 0, got -2")),
        ("[1, 2, 1]", (11, "seed 1 stands here twice")),
        ("6-4", (4, "seeds from 6 to 4: the last must not be before the first")),
        ("0-99999999", (4, "these are 100,000,000 seeds, at most 1,000,000")),
        ("{min: 2, until: decided}", (4, "seeds that are added need max")),
        ("{min: 8, max: 8, until: decided}", (18, "max must be above min, 8, got 8")),
        ("{min: 2, max: 8, until: tired}", (28, 'until must be decided, got text "tired"')),
        ("{min: 2, mx: 8, until: decided}", (13, 'seeds have no key "mx"')),
        (".inf", (4, "seeds must be a whole number, got .inf")),
    ],
)
def test_seeds_that_cannot_run_are_told_where_they_stand(written, fault):
    value, faults = read(seeds, written)
    assert value is None
    assert faults == [fault]
