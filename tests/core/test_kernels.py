import json
import math
import os
import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from annotated_types import Gt

from harness import kernels
from harness.kernels import (
    cache,
    cache_folder,
    coerce,
    parameters_tuple,
    row,
    set_cache_folder,
    specialise,
    static_functions,
    take_compile_seconds,
    take_modes,
)
from harness.random import beta, uniform


@pytest.fixture(scope="module", autouse=True)
def _kernels_in_a_folder_of_the_tests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(folder))  # where draws are kept
        set_cache_folder(folder / "set")
        yield
        set_cache_folder(None)


# A driver with the shapes of a bandit: nested NamedTuples, arrays, a helper, draws.


class Parameters(NamedTuple):
    wins: float
    losses: float


class Counts(NamedTuple):
    pulls: npt.NDArray[np.int64]


class State(NamedTuple):
    counts: Counts
    wins: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]


def init(parameters, arms):
    counts = Counts(np.zeros(arms, np.int64))
    return State(counts, np.full(arms, parameters.wins), np.full(arms, parameters.losses))


def select(parameters, state, key, t):
    best, largest = 0, -1.0
    for arm in range(state.wins.size):
        sample = beta(key, t, arm, state.wins[arm], state.losses[arm])
        if sample > largest:
            best, largest = arm, sample
    return best


def update(parameters, state, arm, reward):
    count(state.counts, arm)
    state.wins[arm] += reward
    state.losses[arm] += 1.0 - reward


def count(counts, arm):
    counts.pulls[arm] += 1


def play(init, select, update, parameters, arms, key, rounds, curve):
    state = init(parameters, arms)
    total = 0.0
    for t in range(rounds):
        arm = select(parameters, state, key, t)
        reward = 1.0 if uniform(key + 1, t, arm) < (arm + 1.0) / (arms + 1.0) else 0.0
        update(parameters, state, arm, reward)
        total += reward
        curve[t] = total
    return state


def play_kernel():
    return specialise(play, init=init, select=select, update=update)


def test_a_compiled_driver_has_the_bits_of_the_plain_one():
    compiled, plain = np.empty(300), np.empty(300)
    kernel = play_kernel()
    ours = kernel(Parameters(1.0, 1.0), 5, 7, 300, compiled)
    theirs = kernel.plain(Parameters(1.0, 1.0), 5, 7, 300, plain)
    assert kernel.compiled, kernel.refusal
    assert np.array_equal(compiled, plain)
    assert np.array_equal(ours.wins, theirs.wins)
    assert np.array_equal(ours.counts.pulls, theirs.counts.pulls)


def test_one_driver_and_the_same_functions_are_one_kernel():
    assert play_kernel() is play_kernel()
    assert specialise(apply, function=double) is not specialise(apply, function=halve)


# What does not compile


def apply(function, x):
    return function(x)


def double(x):
    return 2 * x


def halve(x):
    return x / 2


def inverse(x):
    return 1.0 / x


def first(x):
    return x[0]


def sort_by_key(x):
    shifts = {1: x}
    return max([x, -x], key=lambda each: shifts[1] * each)


def test_what_does_not_compile_runs_plain_and_says_why():
    kernel = specialise(apply, function=sort_by_key)
    assert kernel(-3) == -3
    assert not kernel.compiled
    assert "sort_by_key" in kernel.refusal


class Objects(NamedTuple):
    things: tuple[object, ...]
    numbers: npt.NDArray[np.float64]


def add_one(record):
    record.numbers[:] += 1.0


def test_data_that_numba_has_no_type_for_run_plain():
    record = Objects(things=(object(),), numbers=np.zeros(3))
    kernel = specialise(add_one)
    kernel(record)
    assert record.numbers.tolist() == [1.0, 1.0, 1.0]
    assert not kernel.compiled
    assert "Objects" in kernel.refusal


def test_types_that_do_not_compile_after_some_that_did_run_plain():
    kernel = specialise(apply, function=first)
    assert kernel((4, 5)) == 4
    assert kernel.compiled
    assert kernel({0: 6}) == 6
    assert not kernel.compiled
    assert kernel.refusal


def test_functions_without_a_name_to_import_compile():
    shift = 3
    kernel = specialise(apply, function=lambda x: x + shift)
    assert kernel(4) == 7
    assert kernel.compiled, kernel.refusal


def test_division_by_zero_is_infinite_in_compiled_code():
    assert specialise(apply, function=inverse)(0.0) == math.inf


def test_an_error_raised_by_a_method_passes_through():
    def stop(x):
        raise ValueError("the method stops")

    with pytest.raises(ValueError, match="the method stops"):
        specialise(apply, function=stop)(1)


def test_names_that_are_not_the_drivers_first_parameters_are_refused():
    with pytest.raises(TypeError, match=r"takes the functions \(function\) first, got \(step\)"):
        specialise(apply, step=double)


def test_modes_and_seconds_are_told_once():
    take_modes(), take_compile_seconds()
    specialise(apply, function=lambda x: x - 1)(1)
    specialise(apply, function=sort_by_key)(2)
    assert take_modes() == {"compiled", "plain"}
    assert take_compile_seconds() > 0.0
    assert take_modes() == frozenset()
    assert take_compile_seconds() == 0.0


# Rows


@row("contract", "reassoc")
def dot(x, y):
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


def squared_lengths(product, x, out):
    for i in range(out.size):
        x[0] = i
        out[i] = product(x, x) + dot(x, x)


def test_a_row_gives_compiled_and_plain_drivers_the_same_bits():
    x = np.random.default_rng(1).normal(size=1_001)
    compiled, plain = np.empty(50), np.empty(50)
    kernel = specialise(squared_lengths, product=dot)
    kernel(x, compiled)
    kernel.plain(x, plain)
    assert kernel.compiled, kernel.refusal
    assert np.array_equal(compiled, plain)


def test_a_rows_flags_reach_its_sums():
    # Reassociated, most sums of a thousand round otherwise than in order.
    rows = np.random.default_rng(2).normal(size=(30, 1_001))
    compiled = np.array([dot(x, x) for x in rows])
    in_order = np.array([dot.source(x, x) for x in rows])
    assert (compiled != in_order).any()
    assert compiled == pytest.approx(in_order, rel=1e-13)


def test_a_flag_that_would_hide_nan_is_refused():
    with pytest.raises(ValueError, match="no flag nnan"):
        row("nnan")


# Data


class Inner(NamedTuple):
    scale: float
    table: npt.NDArray[np.float64]


class Outer(NamedTuple):
    inner: Inner
    rounds: int
    is_bold: bool
    name: str
    anything: object


def strided():
    values = np.arange(6, dtype=np.float32)[::2]
    values.flags.writeable = False
    return values


def test_coerce_casts_to_the_declared_types_recursively():
    outer = coerce(Outer(Inner(1, strided()), np.int32(3), 1, "a", np.float32(0.5)))
    assert [type(each) for each in outer[1:]] == [int, bool, str, float]
    assert type(outer.inner.scale) is float
    table = outer.inner.table
    assert table.dtype == np.float64
    assert table.flags.c_contiguous
    assert table.flags.writeable
    assert table.tolist() == [0.0, 2.0, 4.0]


def test_coerce_leaves_what_fits_as_it_is():
    value = Outer(Inner(1.0, np.zeros(3)), 3, True, "a", None)
    assert coerce(value) is value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            Outer(Inner(1.0, np.zeros(1)), 2.5, True, "", 0),
            r"Outer.rounds is declared int, got 2.5",
        ),
        (Outer(Inner(1.0, np.zeros(1)), math.nan, True, "", 0), "Outer.rounds is declared int"),
        (Outer(Inner(1.0, np.zeros(1)), 2, 7, "", 0), "Outer.is_bold is declared bool, got 7"),
        (Inner(None, np.zeros(1)), "Inner.scale is declared float, got None"),
    ],
)
def test_coerce_names_the_field_that_does_not_fit(value, message):
    with pytest.raises(TypeError, match=message):
        coerce(value)


def test_coerced_data_compile_once():
    kernel = specialise(scaled, scale=scale)
    for parameters in (Inner(1, strided()), Inner(1.5, np.zeros(3)), Inner(np.float32(2), [1])):
        kernel(coerce(parameters))
    assert len(kernel._run.signatures) == 1


def scaled(scale, parameters):
    return scale(parameters)


def scale(parameters):
    return parameters.scale * parameters.table[0]


@dataclass(frozen=True, kw_only=True)
class Method:
    rate: Annotated[float, Gt(0)] = 1.0
    order: int = 2
    schedule: Literal["constant", "decreasing"] = "constant"

    def __init_subclass__(cls):
        static_functions(cls, "step")


class Preset(Method):
    def step(parameters):
        return parameters.rate


def test_the_parameter_tuple_of_a_method_survives_pickling():
    made = parameters_tuple(Method)
    assert made._fields == ("rate", "order", "schedule")
    assert parameters_tuple(Method) is made
    values = made(rate=0.5, order=1, schedule="constant")
    assert pickle.loads(pickle.dumps(values)) == values


def test_parameter_tuples_are_cast_by_the_methods_annotations():
    values = coerce(parameters_tuple(Method)(rate=1, order=2, schedule="constant"))
    assert type(values.rate) is float


def test_a_subclass_without_fields_shares_its_parents_parameter_tuple():
    assert parameters_tuple(Preset) is parameters_tuple(Method)


def test_functions_of_a_class_body_become_static():
    assert Preset().step(parameters_tuple(Method)(0.25, 1, "constant")) == 0.25


# On the disk: each process below is a fresh one.

PLUGIN = """
from harness.kernels import row
from harness.random import normal
OFFSET = 1.0
def helper(x):
    return x + OFFSET
def step(state, t):
    return helper(state) + scaled(normal(3, t, 0), 0.0)
@row("contract")
def scaled(x, factor):
    return factor * x
def drive(step, rounds):
    state = 0.0
    for t in range(rounds):
        state = step(state, t)
    return state
def stubborn(state, t):
    table = {1: state}
    return max([state + 1.0], key=lambda x: table[1])
"""

SCRIPT = """
import json, sys
import plugin
from harness.kernels import specialise, take_compile_seconds
kernel = specialise(plugin.drive, step=getattr(plugin, sys.argv[1]))
value = kernel(5)
stats = getattr(kernel._run, "stats", None)
print(json.dumps({
    "value": value, "compiled": kernel.compiled, "refusal": kernel.refusal,
    "misses": sum(stats.cache_misses.values()) if stats else None,
    "hits": sum(stats.cache_hits.values()) if stats else None,
    "numba": "numba" in sys.modules, "seconds": take_compile_seconds(),
}))
"""


class Plugin:
    """A plugin's module in a folder, and runs of it in processes of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.write(PLUGIN)

    def write(self, text):
        (self.folder / "plugin.py").write_text(text)

    def start(self, function="step", **environment):
        path = os.pathsep.join([str(self.folder), *sys.path])
        known = {**os.environ, "PYTHONPATH": path, "HARNESS_CACHE": str(self.folder / "cache")}
        command = [sys.executable, "-B", "-W", "error", "-c", SCRIPT, function]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**known, **environment}
        )

    def run(self, function="step", **environment):
        return self.answer(self.start(function, **environment))

    def answer(self, process):
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        return json.loads(output)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    plugin = Plugin(tmp_path_factory.mktemp("plugin"))
    together = [plugin.start(), plugin.start()]
    return plugin, [plugin.answer(process) for process in together]


def test_two_processes_that_meet_at_a_cold_kernel_compile_it_once(warm):
    _, answers = warm
    assert sorted(answer["misses"] for answer in answers) == [0, 1]
    assert [answer["value"] for answer in answers] == [5.0, 5.0]


def test_an_edited_comment_or_docstring_compiles_nothing(warm):
    plugin, _ = warm
    plugin.write(PLUGIN.replace("def helper(x):", 'def helper(x):  # why\n    """What."""'))
    answer = plugin.run()
    assert (answer["hits"], answer["misses"]) == (1, 0)


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("return x + OFFSET", "return x + OFFSET + 1.0", 10.0),
        ("OFFSET = 1.0", "OFFSET = 3.0", 15.0),
    ],
    ids=["helper", "constant"],
)
def test_an_edited_helper_or_constant_compiles_anew(warm, old, new, value):
    plugin, _ = warm
    plugin.write(PLUGIN.replace(old, new))
    answer = plugin.run()
    assert (answer["value"], answer["misses"]) == (value, 1)


def test_without_jit_nothing_imports_numba_and_the_numbers_are_the_same(warm):
    plugin, answers = warm
    plugin.write(PLUGIN)
    answer = plugin.run(HARNESS_JIT="0")
    assert answer["value"] == answers[0]["value"]
    assert not answer["compiled"]
    assert not answer["numba"]
    assert answer["refusal"] == "HARNESS_JIT is 0"


def test_rows_alone_are_compiled_where_that_is_asked(monkeypatch):
    monkeypatch.setenv("HARNESS_JIT", "rows")
    assert cache.is_jit_enabled()
    assert not cache.are_drivers_compiled()


def test_without_numba_everything_runs_plain(warm):
    plugin, answers = warm
    plugin.write("import sys\nsys.modules['numba'] = None\n" + PLUGIN)
    answer = plugin.run()
    assert answer["value"] == answers[0]["value"]
    assert answer["refusal"] == "numba is not installed"


def test_a_refusal_is_kept_beside_the_kernel_and_not_tried_again(warm):
    plugin, _ = warm
    plugin.write(PLUGIN)
    assert "stubborn" in plugin.run("stubborn")["refusal"]
    (kept,) = plugin.folder.glob("cache/kernels/*/refused.json")
    kept.write_text(json.dumps(dict.fromkeys(json.loads(kept.read_text()), "read from the disk")))
    answer = plugin.run("stubborn")
    assert answer["refusal"] == "read from the disk"
    assert answer["value"] == 5.0


def test_a_damaged_kernel_is_compiled_anew(warm):
    plugin, _ = warm
    plugin.write(PLUGIN)
    for kept in plugin.folder.glob("cache/kernels/drive-*/__pycache__/*.nbi"):
        kept.write_bytes(kept.read_bytes()[:100])
    answer = plugin.run()
    assert answer["compiled"]
    assert answer["value"] == 5.0


def test_a_folder_that_cannot_be_written_is_told_and_costs_no_result(tmp_path):
    (tmp_path / "file").write_text("")
    before = cache_folder()
    set_cache_folder(tmp_path / "file")
    try:
        kernel = specialise(apply, function=halve)
        with pytest.warns(UserWarning, match="cannot be kept in .*HARNESS_CACHE"):
            value = kernel(3.0)
        assert value == 1.5
        assert kernel.compiled, kernel.refusal
    finally:
        set_cache_folder(before)


def test_functions_of_a_script_compile_without_a_cache(tmp_path):
    script = """
        from harness.kernels import specialise
        def drive(f, x):
            return f(x)
        def f(x):
            return x + 1
        kernel = specialise(drive, f=f)
        print(kernel(1), kernel.compiled)
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script))
    known = {"PYTHONPATH": os.pathsep.join(sys.path), "HARNESS_CACHE": str(tmp_path / "cache")}
    answer = subprocess.run(
        [sys.executable, path],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, **known},
    )
    assert answer.stdout == "2 True\n"
    assert not (tmp_path / "cache").exists()


def test_importing_the_package_and_marking_a_row_import_neither_numpy_nor_numba():
    code = """
import sys
from harness.kernels import parameters_tuple, row, specialise, static_functions
@row("contract")
def double(x):
    return 2 * x
print([name for name in ("numpy", "numba", "harness.random.scalar") if name in sys.modules])
"""
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout == "[]\n"


def test_the_public_names_exist():
    assert all(hasattr(kernels, name) for name in kernels.__all__)
