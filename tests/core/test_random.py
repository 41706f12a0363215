import doctest
import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from harness import random as draws
from harness.kernels import set_cache_folder, specialise
from harness.random import Stream, arrays, derive_key, laws, loops, philox

KEY = derive_key("tests", "random")
FALSE_ALARM = 1e-6  # chance a test, by its own statistic
SIGMAS = stats.norm.isf(FALSE_ALARM / 2)  # 4.9
SAMPLE = 100_000

ROLES = {
    "uniform": draws.uniform,
    "normal": draws.normal,
    "exponential": draws.exponential,
    "gamma": draws.gamma,
    "beta": draws.beta,
    "integer": draws.integer,
    "bits": draws.bits,
    "uniforms": draws.uniform_pair,
    "normals": draws.normal_pair,
}


@pytest.fixture(scope="module", autouse=True)
def _kernels_in_a_folder_of_the_tests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(folder))  # where draws are kept
        set_cache_folder(folder / "set")
        specialise(draw_each, **ROLES)  # kernels are in use: from here on draws run compiled
        yield
        set_cache_folder(None)


def fresh_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **environment},
    ).stdout


# The generator


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0,) * 4, (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_gives_the_published_vectors(counter, key, words):
    assert philox.philox(*counter, *key) == words


def test_a_scalar_address_lies_in_the_counter_as_documented():
    key, t, lane, draw = (5 << 32) | 7, (3 << 32) | 11, 13, 17
    counter = (11, 13, 17, (4 << 24) | (3 << 12) | 19)
    block = philox.scalar_block(key, t, lane, draw, philox.BETA, 19)
    assert block == philox.philox(*counter, 7, 5)


def test_an_array_address_lies_in_the_counter_as_documented():
    key, step, tag = (5 << 32) | 7, (3 << 32) | 11, 13
    counter = (23, 11, 13, (130 << 24) | 3)
    block = philox.array_block(key, step, tag, philox.NORMALS, 23)
    assert block == philox.philox(*counter, 7, 5)


def words(bits):
    return st.one_of(st.integers(0, 3), st.integers(0, (1 << bits) - 1))


# Philox is a bijection under one key: blocks are distinct exactly if counters are.
scalar_addresses = st.tuples(
    words(44), words(32), words(32), st.integers(0, 6), st.integers(0, philox.ATTEMPTS - 1)
)
array_addresses = st.tuples(words(56), words(32), st.integers(128, 130), words(32))


@given(scalar_addresses, scalar_addresses)
def test_two_scalar_addresses_never_share_a_block(one, other):
    assume(one != other)
    assert philox.scalar_block(KEY, *one) != philox.scalar_block(KEY, *other)


@given(array_addresses, array_addresses)
def test_two_array_addresses_never_share_a_block(one, other):
    assume(one != other)
    assert philox.array_block(KEY, *one) != philox.array_block(KEY, *other)


@given(scalar_addresses, array_addresses)
def test_scalars_and_arrays_never_share_a_block(one, other):
    assert philox.scalar_block(KEY, *one) != philox.array_block(KEY, *other)


def test_all_samplers_rounds_lanes_draws_and_attempts_nearby_have_blocks_of_their_own():
    near = itertools.product((0, 1, 2**32), (0, 1, 2), (0, 1, 2), range(7), (0, 1, 2, 4095))
    blocks = [philox.scalar_block(KEY, *address) for address in near]
    assert len(set(blocks)) == len(blocks) == 3 * 3 * 3 * 7 * 4


# Scalar draws, plain and compiled


def draw_each(
    uniform, normal, exponential, gamma, beta, integer, bits, uniforms, normals, key, out, whole
):
    for t in range(out.shape[0]):
        shape = 0.05 + 0.01 * t
        out[t, 0] = uniform(key, t, 1)
        out[t, 1] = normal(key, t, 2, 3)
        out[t, 2] = exponential(key, t, 3)
        out[t, 3] = gamma(key, t, 4, shape)
        out[t, 4] = beta(key, t, 5, shape, 2.0 / shape)
        out[t, 5], out[t, 6] = uniforms(key, t, 6)
        out[t, 7], out[t, 8] = normals(key, t, 7, draw=2)
        whole[t, 0] = integer(key, t, 8, 1 + 997 * t)
        whole[t, 1] = bits(key, t, 9)


def test_every_scalar_draw_has_the_same_bits_plain_and_compiled():
    sources = [getattr(laws, draw.__name__) for draw in ROLES.values()]
    plain, plain_whole = np.empty((1_000, 9)), np.empty((1_000, 2), np.int64)
    draw_each(*sources, KEY, plain, plain_whole)
    compiled, compiled_whole = np.empty_like(plain), np.empty_like(plain_whole)
    kernel = specialise(draw_each, **ROLES)
    kernel(KEY, compiled, compiled_whole)
    assert kernel.compiled, kernel.refusal
    assert np.array_equal(plain, compiled)
    assert np.array_equal(plain_whole, compiled_whole)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("uniform", ()), ("normal_pair", ()), ("gamma", (2.5,)), ("integer", (10,))],
)
def test_a_draw_called_from_python_has_the_bits_of_its_source(name, shapes):
    called = [getattr(draws, name)(KEY, t, 2, *shapes) for t in range(300)]
    assert called == [getattr(laws, name)(KEY, t, 2, *shapes) for t in range(300)]


def test_a_numpy_number_in_an_address_is_the_same_address():
    plain = laws.uniform(KEY, 5, 7)
    assert draws.uniform(KEY, np.int32(5), np.int64(7)) == plain


def test_the_first_of_a_pair_is_the_single_draw():
    assert draws.uniform_pair(KEY, 1, 2, 3)[0] == draws.uniform(KEY, 1, 2, 3)
    assert draws.normal_pair(KEY, 1, 2, 3)[0] == draws.normal(KEY, 1, 2, 3)


@pytest.mark.parametrize("word", [0, 0xFFFFFFFF], ids=["smallest", "largest"])
def test_uniforms_never_reach_0_or_1(word):
    assert 0.0 < laws._unit(word, word) < 1.0
    assert 0.0 < loops.unit_single(np.array([word], np.uint32))[0] < 1.0
    assert 0.0 < loops.unit_double(np.array([word]), np.array([word]))[0] < 1.0


# Their laws


def sample(draw, *shapes):
    return np.array([draw(KEY, t, 0, *shapes) for t in range(SAMPLE)])


def second_normal(key, t, lane):
    return draws.normal_pair(key, t, lane)[1]


@pytest.mark.parametrize(
    ("draw", "shapes", "law"),
    [
        (draws.uniform, (), stats.uniform()),
        (draws.normal, (), stats.norm()),
        (second_normal, (), stats.norm()),
        (draws.exponential, (), stats.expon()),
        *((draws.gamma, (shape,), stats.gamma(shape)) for shape in (0.3, 1.0, 7.5)),
        *(
            (draws.beta, shapes, stats.beta(*shapes))
            for shapes in ((1.0, 1.0), (0.5, 0.5), (0.3, 4.0), (3.0, 8.0), (200.0, 5.0))
        ),
    ],
    ids=lambda value: getattr(value, "__name__", str(value) if isinstance(value, tuple) else "law"),
)
def test_draws_follow_their_law(draw, shapes, law):
    # Kolmogorov–Smirnov: a distribution function off by 0.009 anywhere is seen.
    assert stats.kstest(sample(draw, *shapes), law.cdf).pvalue > FALSE_ALARM


def test_a_wrong_law_is_told_from_the_right_one():  # the control: the check can fail
    assert (
        stats.kstest(sample(draws.beta, 3.0, 8.0), stats.beta(3.05, 8.0).cdf).pvalue < FALSE_ALARM
    )


def test_integers_are_equally_likely():
    counts = np.bincount(sample(draws.integer, 10), minlength=10)
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


def test_integers_of_a_range_that_does_not_divide_2_to_32_are_not_biased():
    # Without rejection half of the numbers below 3 * 2^30 would be multiples of 3.
    residues = np.bincount(sample(draws.integer, 3 * 2**30) % 3, minlength=3)
    assert stats.chisquare(residues).pvalue > FALSE_ALARM


def test_a_beta_of_tiny_shapes_is_near_0_or_1_and_no_nan():
    values = [laws.beta(KEY, t, 0, 1e-3, 1e-3) for t in range(200)]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert 60 <= sum(value > 0.5 for value in values) <= 140  # 5.7 sd of a fair coin


@pytest.mark.parametrize(
    "call",
    [
        lambda: draws.gamma(KEY, 1, 0, 0.0),
        lambda: draws.gamma(KEY, 1, 0, math.nan),
        lambda: draws.beta(KEY, 1, 0, 1.0, -1.0),
        lambda: draws.integer(KEY, 1, 0, 0),
        lambda: draws.integer(KEY, 1, 0, 2**32 + 1),
    ],
)
def test_a_parameter_out_of_range_is_refused(call):
    with pytest.raises(ValueError, match="must be"):
        call()


@pytest.mark.parametrize(
    "neighbour",
    [
        lambda t: draws.uniform(KEY, t + 1, 3),
        lambda t: draws.uniform(KEY, t, 4),
        lambda t: draws.uniform(KEY, t, 3, 1),
        lambda t: draws.uniform(KEY + 1, t, 3),
        lambda t: draws.uniform_pair(KEY, t, 3)[1],
        lambda t: draws.exponential(KEY, t, 3),
    ],
    ids=["round", "lane", "draw", "key", "half", "sampler"],
)
def test_neighbouring_addresses_are_uncorrelated(neighbour):
    pairs = [(draws.uniform(KEY, t, 3), neighbour(t)) for t in range(SAMPLE)]
    correlation = np.corrcoef(np.transpose(pairs))[0, 1]
    assert abs(correlation) * math.sqrt(SAMPLE) < SIGMAS


# Filled arrays


FILLS = [
    ("fill_words", np.uint32),
    ("fill_uniforms", np.float32),
    ("fill_uniforms", np.float64),
    ("fill_normals", np.float32),
]
FILL_IDS = ["words", "singles", "doubles", "normals"]
PLAIN = {"fill_words": arrays._words, "fill_uniforms": arrays._uniforms} | {
    "fill_normals": arrays._normals
}


@pytest.mark.parametrize(("name", "dtype"), FILLS, ids=FILL_IDS)
def test_filled_arrays_have_the_same_bits_plain_and_compiled(name, dtype):
    for size in (0, 1, 255, 256, 257, 16_389):
        plain, compiled = np.zeros(size, dtype), np.zeros(size, dtype)
        PLAIN[name](plain, KEY, 2**33 + 5, 7)
        getattr(draws, name)(compiled, KEY, 2**33 + 5, 7)
        assert np.array_equal(plain.view(np.uint8), compiled.view(np.uint8)), size


@pytest.mark.parametrize(("name", "dtype"), FILLS, ids=FILL_IDS)
def test_a_longer_array_begins_with_the_shorter_one(name, dtype):
    short, long = np.empty(300, dtype), np.empty((40, 50), dtype)
    PLAIN[name](short, KEY, 1, 2)
    PLAIN[name](long, KEY, 1, 2)
    assert np.array_equal(long.ravel()[:300], short)


def normals(size, step=0, tag=0, key=KEY):
    out = np.empty(size, np.float32)
    draws.fill_normals(out, key, step, tag)
    return out.astype(float)


def test_filled_normals_are_the_box_muller_pairs_of_their_words():
    # Double precision and the library's functions; 3e-6 is the error of the logarithm at radius 1.
    blocks = np.arange(64)
    words = philox.array_block(KEY, 0, 0, philox.NORMALS, blocks)
    turns = 2 * np.pi / 2**32
    radius = np.sqrt(-2 * np.log((words[2] + 0.5) / 2**32))
    expected = np.concatenate(
        (radius * np.cos(words[3] * turns), radius * np.sin(words[3] * turns))
    )
    assert np.abs(normals(256)[128:] - expected).max() < 3e-6


def test_filled_normals_have_the_moments_of_a_standard_normal():
    size = 4_000_000
    x = normals(size)
    # Means of x, x², x³, x⁴ and their standard deviations: 1, sqrt(2), sqrt(15), sqrt(96).
    for power, (mean, sd) in {1: (0, 1), 2: (1, 2**0.5), 3: (0, 15**0.5), 4: (3, 96**0.5)}.items():
        assert abs((x**power).mean() - mean) < SIGMAS * sd / math.sqrt(size), power


def test_filled_normals_follow_the_normal_law():
    assert stats.kstest(normals(SAMPLE), stats.norm.cdf).pvalue > FALSE_ALARM


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_filled_uniforms_follow_the_uniform_law(dtype):
    out = np.empty(SAMPLE, dtype)
    draws.fill_uniforms(out, KEY, 1, 2)
    assert stats.kstest(out.astype(float), stats.uniform.cdf).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    "other", [{"step": 1}, {"step": 2**32}, {"tag": 1}, {"key": KEY + 1}], ids=str
)
def test_another_step_tag_or_key_is_an_independent_array(other):
    correlation = np.corrcoef(normals(SAMPLE), normals(SAMPLE, **other))[0, 1]
    assert abs(correlation) * math.sqrt(SAMPLE) < SIGMAS


@pytest.mark.parametrize(
    "out",
    [np.zeros(8), np.zeros((4, 4), np.float32).T[:, :2], np.zeros(8, np.int32)],
    ids=["float64", "strided", "int32"],
)
def test_an_array_that_cannot_be_filled_with_normals_is_refused(out):
    with pytest.raises(TypeError, match="C-contiguous float32 array"):
        draws.fill_normals(out, KEY, 0, 0)


def test_a_step_that_is_no_whole_number_is_a_type_error():
    with pytest.raises(TypeError):
        draws.fill_words(np.zeros((2, 2, 2), np.uint32), KEY, 0.5, 0)


def fill(run, out, key, step, tag):
    run(out, key, step, tag)


def test_a_driver_fills_normals_with_the_same_bits_and_refuses_another_dtype():
    out = np.empty((3, 500), np.float32)
    kernel = specialise(fill, run=draws.fill_normals)
    kernel(out, KEY, 0, 0)
    assert kernel.compiled, kernel.refusal
    assert np.array_equal(out.ravel().astype(float), normals(1_500))
    with pytest.raises(TypeError, match="C-contiguous float32 array"):
        kernel(np.zeros(8), KEY, 0, 0)


def test_the_examples_of_the_documentation_hold():
    page = Path(__file__).parents[2] / "docs" / "randomness.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert (failed, tried > 8) == (0, True)


# Keys and streams


def test_a_key_is_the_same_in_every_process():
    code = "from harness.random import derive_key; print(derive_key('task', 3, 'bandits/ucb1'))"
    keys = {fresh_python(code, PYTHONHASHSEED=seed) for seed in ("1", "2")}
    assert keys == {f"{derive_key('task', 3, 'bandits/ucb1')}\n"}


@given(
    st.lists(st.one_of(st.integers(-5, 5), st.text(max_size=3)), max_size=4),
    st.lists(st.one_of(st.integers(-5, 5), st.text(max_size=3)), max_size=4),
)
def test_different_parts_make_different_keys_of_63_bits(one, other):
    assume(list(map(repr, one)) != list(map(repr, other)))
    assert derive_key(*one) != derive_key(*other)
    assert 0 <= derive_key(*one) < 2**63


def test_streams_under_a_stream_differ_from_it_and_from_each_other():
    stream = Stream("tests")
    keys = [stream.key, stream.sub("a").key, stream.sub("b").key, stream.sub("a", "b").key]
    assert len({*keys, stream.sub("a").sub("b").key, stream.sub("a", 0).key}) == 6


def test_importing_the_package_imports_neither_numpy_nor_numba():
    code = "import harness.random, sys; print([m for m in ('numpy', 'numba') if m in sys.modules])"
    assert fresh_python(code) == "[]\n"


def test_the_public_names_exist():
    assert all(hasattr(draws, name) for name in draws.__all__)
