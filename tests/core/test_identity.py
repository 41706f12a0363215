"""cell_id and code_id: what they rest on, and what they leave out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.identity import artifact_id, cell_ids
from harness.random.stream import Stream, derive_key

names = st.text(min_size=1, max_size=6)


def one(suite_seed=1, task=("t", {}), method=("m", {}), device="cpu", seeds=(0,)):
    return cell_ids(suite_seed, task, method, device, seeds)


def test_a_cell_is_named_by_its_five_parts():
    parts = [
        one(),
        one(suite_seed=2),
        one(task=("t2", {})),
        one(task=("t", {"arms": 2})),
        one(method=("m2", {})),
        one(method=("m", {"c": 0})),
        one(device="cuda"),
        one(seeds=(1,)),
    ]
    assert len({ids.tobytes() for ids in parts}) == len(parts)


def test_the_order_in_which_parameters_are_written_does_not_matter():
    forwards = one(task=("t", {"a": 1, "b": [1, 2]}))
    assert np.array_equal(forwards, one(task=("t", {"b": [1, 2], "a": 1})))


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20, unique=True))
def test_a_cell_has_one_id_whatever_its_neighbours(seeds):
    together = one(seeds=seeds)
    assert np.array_equal(together, np.concatenate([one(seeds=(seed,)) for seed in seeds]))
    assert len(np.unique(together, axis=0)) == len(seeds)


def test_an_artifact_is_named_by_code_and_device_too():
    known = {
        artifact_id("model", {"width": 1}, 1, 0, b"code", "cpu"),
        artifact_id("model", {"width": 1}, 1, 0, b"edit", "cpu"),
        artifact_id("model", {"width": 1}, 1, 0, b"code", "cuda"),
        artifact_id("model", {"width": 1}, 1, None, b"code", "cpu"),
        artifact_id("model", {"width": 2}, 1, 0, b"code", "cpu"),
    }
    assert len(known) == 5


@given(st.lists(st.one_of(names, st.integers()), min_size=1, max_size=4))
def test_a_key_fits_a_signed_number_and_follows_from_its_parts(parts):
    assert 0 <= derive_key(*parts) < 2**63
    assert derive_key(*parts) == derive_key(*parts)


@given(names, names)
def test_the_border_between_parts_counts(left, right):
    assert derive_key(left, right) != derive_key(left + right)
    assert derive_key(left, "1") != derive_key(left, 1)


def test_streams_under_a_stream_differ_by_name_and_number():
    stream = Stream("task", 1, "t", 0)
    keys = {stream.key, stream.sub("a").key, stream.sub("b").key, stream.sub("a", 1).key}
    assert len(keys) == 4
    assert stream.sub("epoch", 7).key == Stream("task", 1, "t", 0).sub("epoch", 7).key
    first, second = stream.numpy().random(4), stream.numpy().random(4)
    assert np.array_equal(first, second)
