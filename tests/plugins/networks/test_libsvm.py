"""Adult and Mushroom as LIBSVM has them: files as declared, rows as a second reader reads them."""

import os
from pathlib import Path

import numpy as np
import pytest
from network_runs import BuildContext

from harness.data.locate import sha256_of
from harness.random.stream import Stream
from harness_networks.instance import mean_at
from harness_networks.libsvm import A9A, AGARICUS
from harness_networks.real_data import RealData, load_rows

REAL = Path(os.environ.get("HARNESS_DATA", "nowhere"))
pytestmark = pytest.mark.skipif(
    not (REAL / A9A.path).is_file(), reason="libsvm/a9a is not under HARNESS_DATA"
)
FILES = {"libsvm-a9a": REAL / A9A.path, "libsvm-agaricus": REAL / AGARICUS.path}


class Context(BuildContext):
    """An artifact's build, with data."""

    def data(self, name):
        return FILES[name]


def by_hand(file, width):
    lines = [line.split() for line in file.read_text().splitlines()]
    one_based = min(int(pair.split(":")[0]) for line in lines for pair in line[1:])
    rows = np.zeros((len(lines), width))
    for row, line in zip(rows, lines, strict=True):
        for pair in line[1:]:
            place, value = pair.split(":")
            row[int(place) - one_based] = float(value)
    return rows, np.array([1.0 if float(line[0]) > 0.5 else -1.0 for line in lines])


@pytest.mark.parametrize("declared", [A9A, AGARICUS], ids=lambda each: each.name)
def test_the_file_is_the_declared_one(declared):
    file = FILES[declared.name]
    assert file.stat().st_size == declared.bytes
    assert sha256_of(file) == declared.sha256


@pytest.mark.parametrize(
    ("data", "shape", "positive", "ones"),
    [("a9a", (32_561, 123), 7_841, 14), ("agaricus", (6_513, 126), 3_140, 22)],
)
def test_rows_are_those_that_a_second_reader_finds(tmp_path, data, shape, positive, ones):
    rows, label = load_rows(data, "svm", 0, Context(tmp_path, Stream("x")))
    again, second = by_hand(FILES[f"libsvm-{data}"], shape[1])
    assert again.shape == shape
    assert np.array_equal(rows[:, :-1], again)
    assert np.array_equal(label, second)
    assert (rows[:, -1] == 1.0).all()  # the intercept
    assert (label > 0).sum() == positive
    assert again.sum(axis=1).max() == ones  # one indicator an attribute


@pytest.mark.parametrize("data", ["a9a", "agaricus"])
def test_an_instance_on_it_is_solved(tmp_path, data):
    task = RealData(data=data, loss="svm", features=6, ball=1.0, topology="ring", nodes=8)
    rows = task._rows(0)
    rows.build(Context(tmp_path, Stream("split")))
    instance = rows.load(tmp_path)
    assert instance.objective.rows.shape[0] == 8
    assert instance.start_gap + instance.minimum == pytest.approx(1.0)  # the hinge loss at 0
    assert np.linalg.norm(instance.minimiser) <= 1.0 + 1e-9
    generator = np.random.default_rng(0)
    for _ in range(20):
        near = instance.minimiser + 0.05 * generator.standard_normal(7)
        near /= max(1.0, float(np.linalg.norm(near)))
        assert mean_at(instance.objective, near) >= instance.minimum - 1e-7
