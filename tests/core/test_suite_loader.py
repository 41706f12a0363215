"""A suite file into records, and each kind of bad input to its message, line and column."""

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import work_of
from suite_classes import Bandit, FakeRegistry, Policy

from harness.api.contracts import Task
from harness.errors import SuiteError
from harness.suite.loader import load_suite

EXAMPLE = """\
suite: thompson-sampling
description: Regret against a bound.
seed: 2013
hardware:
  laptop: {cpus: 1, memory: 2GiB}
  gpu: {gpus: 1, exclusive: true}
defaults: {hardware: laptop, seeds: 1000, timeout: 10min}
entries:
  - task: bandits/bernoulli
    params: {prior: uniform}
    grid: {arms: [2, 10], horizon: [1000, 1e4, 100000]}
    methods:
      - bandits/thompson: {prior: task}
        as: thompson
      - bandits/ucb1
      - bandits/epsilon-greedy: {epsilon: 0.5}
      - bandits/kl-ucb:
        grid: {c: [0, 3]}
        seeds: 200
        timeout: 1h
        hardware: gpu
  - task: bandits/bernoulli
    params: {prior: arcsine, arms: 10, horizon: 100000}
    seeds: {min: 8, max: 64, until: decided}
    methods: [bandits/uniform]
published:
  - {task: bandits/bernoulli, params: {arms: 2}, label: x, metric: regret, value: 1e2, source: t1}
claims:
  - {name: 9.1, metric: regret, where: {label: thompson}, at_most: guarantee}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a suite text written to ``s.yaml``."""
    monkeypatch.chdir(tmp_path)

    def call(text, **options):
        (tmp_path / "s.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
        return load_suite("s.yaml", FakeRegistry(), **options)

    return call


@pytest.fixture
def faults(load):
    """The faults of a text, as (line, column, message)."""

    def call(text, **options):
        with pytest.raises(SuiteError) as caught:
            load(text, **options)
        return [(each.line, each.column, each.message) for each in caught.value.faults]

    return call


def entry(methods="bandits/ucb1", params="{horizon: 10}", task="bandits/bernoulli"):
    """A suite with one entry; its methods are in line 5, from column 14."""
    return f"suite: a\nentries:\n- task: {task}\n  params: {params}\n  methods: [{methods}]\n"


def test_the_example_becomes_records(load):
    suite = load(EXAMPLE).suite
    assert (suite.name, suite.seed, suite.path) == ("thompson-sampling", 2013, "s.yaml")
    assert suite.text == EXAMPLE
    assert suite.hardware["laptop"].memory_bytes == 2 << 30
    assert suite.hardware["gpu"].device == "cuda"
    assert len(suite.entries) == 2 * 3 + 1
    assert suite.published[0].params == {"arms": 2}
    assert [claim.name for claim in suite.claims] == ["9.1"]


def test_a_grid_crosses_with_the_last_parameter_fastest(load):
    crossed = [
        (each.params["arms"], each.params["horizon"]) for each in load(EXAMPLE).suite.entries
    ]
    assert crossed == [
        (2, 1000), (2, 10000), (2, 100000), (10, 1000), (10, 10000), (10, 100000), (10, 100000)
    ]  # fmt: skip


def test_params_hold_every_parameter_in_the_order_of_the_fields(load):
    first = load(EXAMPLE).suite.entries[0]
    assert first.params == {"arms": 2, "horizon": 1000, "prior": "uniform", "noise": 0.0}
    assert list(first.params) == ["arms", "horizon", "prior", "noise"]
    assert type(first.params["horizon"]) is int


def test_labels_name_what_differs_from_the_defaults(load):
    labels = [use.label for use in load(EXAMPLE).suite.entries[0].methods]
    assert labels == [
        "thompson",
        "bandits/ucb1",
        "bandits/epsilon-greedy epsilon=0.5",
        "bandits/kl-ucb c=0",
        "bandits/kl-ucb",
    ]


def test_a_label_given_to_a_grid_names_its_values(load):
    text = entry().replace(
        "[bandits/ucb1]", "[{bandits/kl-ucb: {warm: true}, as: kl, grid: {c: [0, 3]}}]"
    )
    assert [use.label for use in load(text).suite.entries[0].methods] == ["kl c=0", "kl c=3"]


def test_method_wins_over_entry_over_defaults(load):
    entries = load(EXAMPLE).suite.entries
    klucb, uniform = entries[0].methods[-1], entries[-1].methods[0]
    assert (klucb.timeout_s, klucb.hardware, len(klucb.seeds.values)) == (3600, "gpu", 200)
    assert (uniform.timeout_s, uniform.hardware) == (600, "laptop")
    assert (len(uniform.seeds.values), uniform.seeds.maximum, uniform.seeds.until) == (
        8,
        64,
        "decided",
    )


def test_without_hardware_and_defaults_there_are_some(load):
    suite = load(entry()).suite
    use = suite.entries[0].methods[0]
    assert suite.hardware["default"].memory_bytes == 2 << 30
    assert (use.hardware, use.timeout_s, len(use.seeds.values)) == ("default", 600, 8)


# Each line of this list is one kind of bad input: the text, then where and what is told.
BAD = {
    "unknown method": (
        entry("bandits/thomson"), (5, 13, 'no method is called "bandits/thomson"')),
    "unknown task": (
        entry(task="bandits/bernouli"), (3, 9, 'no task is called "bandits/bernouli"')),
    "plugin not installed": (
        entry("vision/resnet"), (5, 13, 'no method is called "vision/resnet" here')),
    "plugin fails": (
        entry("bandits/absent"), (5, 13, 'plugin "absent": ZeroDivisionError: division by zero')),
    "unknown parameter": (
        entry(params="{horizn: 10, horizon: 5}"),
        (4, 12, 'bandits/bernoulli has no parameter "horizn"')),
    "unknown parameter of a method": (
        entry("bandits/ucb1: {c: 1}"), (5, 28, 'bandits/ucb1 has no parameter "c"')),
    "wrong type": (
        entry("bandits/epsilon-greedy: {epsilon: often}"),
        (5, 47, 'epsilon of bandits/epsilon-greedy '
                'must be a number from 0 to 1, got text "often"')),
    "a truth value for a number": (
        entry(params="{horizon: true}"),
        (4, 21, "horizon must be a whole number of at least 1, got true")),
    "negative horizon": (
        entry(params="{horizon: -1000}"), (4, 21, "horizon must be at least 1, got -1000")),
    "missing parameter": (
        entry(params="{}"), (3, 9, "bandits/bernoulli needs horizon")),
    "wrong kind": (
        entry("mdp/ucbvi"), (5, 13, "bandits/bernoulli evaluates Policy, mdp/ucbvi is Agent")),
    "values wrong together": (
        entry("bandits/weighted: {mode: 3}"),
        (5, 31, "bandits/weighted mode=3: mode 3 is beyond the 1 weights")),
    "task values wrong together": (
        entry(task="bandits/known-gap", params="{horizon: 9, gap: 0.5}"),
        (4, 11, "bandits/known-gap horizon=9 gap=0.5: gap times arms must be at most 1")),
    "constructor fails": (
        entry("bandits/broken"),
        (5, 13, "bandits/broken cannot be made: RuntimeError: no licence found")),
    "task refuses method": (
        entry("bandits/ucb1, bandits/kl-ucb", task="bandits/known-gap"),
        (5, 27, "bandits/known-gap horizon=10 refuses bandits/kl-ucb: "
                "it needs rewards of 0 and 1")),
    "task's check fails": (
        entry("bandits/weighted", task="bandits/known-gap"),
        (5, 13, "bandits/known-gap horizon=10 fails to judge bandits/weighted: "
                "ImportError: no module named solver")),
    "empty grid of an entry": (
        entry().replace("  methods", "  grid: {}\n  methods"),
        (5, 9, "the grid is empty: it makes no combination")),
    "empty grid of a parameter": (
        entry("{bandits/kl-ucb: {}, grid: {c: []}}"),
        (5, 44, "the grid of c is empty: it makes no combination")),
    "grid of one value": (
        entry("{bandits/kl-ucb: {}, grid: {c: 3}}"),
        (5, 44, "the grid of c must be a list, got 3")),
    "grid repeats a value": (
        entry("{bandits/kl-ucb: {}, grid: {c: [3, 3.0]}}"),
        (5, 48, "3 stands twice in the grid of c")),
    "grid over a fixed parameter": (
        entry("{bandits/kl-ucb: {c: 1}, grid: {c: [3]}}"),
        (5, 45, "c is set in line 5, and here varied")),
    "grid that explodes": (
        entry().replace("  methods", "  grid: {arms: &a [" + ",".join(map(str, range(2, 1100)))
                        + "], noise: *a}\n  methods"),
        (5, 9, "this grid makes 1,205,604 combinations, at most 1,000,000")),
    "same cells in an entry": (
        entry("bandits/ucb1, {bandits/ucb1: , as: again}"),
        (5, 28, "again on bandits/bernoulli horizon=10 makes cells that stand in line 5 too")),
    "label for two things": (
        entry("{bandits/ucb1: , as: x}, {bandits/uniform: , as: x}"),
        (5, 62, 'the label "x" stands for two things: '
                'bandits/uniform here, bandits/ucb1 in line 5')),
    "no methods": (entry(""), (5, 12, "the list of methods is empty")),
    "method without a name": (entry("{as: x}"), (5, 13, "this method has no name")),
    "method with an unknown option": (
        entry("{bandits/ucb1: , sedes: 3}"), (5, 30, 'a method has no option "sedes"')),
    "parameters that are no mapping": (
        entry("bandits/kl-ucb: 3"),
        (5, 29, "the parameters of bandits/kl-ucb must be a mapping, got 3")),
    "entry that is no mapping": (
        entry() + "- 3\n", (6, 3, "an entry must be a mapping, got 3")),
    "entry without methods": (
        entry().replace("  methods: [bandits/ucb1]\n", ""), (3, 3, "an entry needs methods")),
    "unknown key of an entry": (
        entry().replace("  methods", "  sedes: 3\n  methods"),
        (5, 3, 'an entry has no key "sedes"')),
    "unknown key of the suite": (
        "sede: 3\n" + entry(), (1, 1, 'a suite has no key "sede"')),
    "no name": (entry().replace("suite: a\n", ""), (1, 1, "the suite has no name")),
    "no entries": ("suite: a\nentries: []\n", (2, 1, "the suite has no entries")),
    "entries that are no list": (
        "suite: a\nentries: 3\n", (2, 10, "entries must be a list, got 3")),
    "a name that leaves the folder": (
        entry().replace("suite: a", "suite: ../a"),
        (1, 8, 'the suite names a folder of results, which cannot be "../a"')),
    "negative seed": (
        "seed: -1\n" + entry(), (1, 7, "seed must be a whole number of at least 0, got -1")),
    "unknown hardware": (
        "defaults: {hardware: labtop}\nhardware: {laptop: {}}\n" + entry(),
        (1, 22, 'no hardware class is called "labtop"')),
    "hardware not chosen": (
        "hardware: {a: {}, b: {}}\n" + entry(),
        (6, 13, "this says not which hardware it runs on: a, b")),
    "hardware key": (
        "hardware: {a: {gpu: 1}}\n" + entry(), (1, 16, 'hardware class a has no key "gpu"')),
    "hardware value": (
        "hardware: {a: {cpus: 0}}\n" + entry(), (1, 22, "cpus must be at least 1, got 0")),
    "hardware memory": (
        "hardware: {a: {memory: 2}}\n" + entry(),
        (1, 24, "memory must be a size with its unit, got 2")),
    "unknown default": (
        "defaults: {seed: 3}\n" + entry(), (1, 12, 'defaults has no key "seed"')),
    "plugin path": (
        "plugins: [mine.py]\n" + entry(), (1, 11, "no plugin at mine.py")),
    "published task": (
        entry() + "published:\n- {task: mdp/lock, label: x, metric: regret, value: 1, source: s}\n",
        (7, 10, 'no entry has the task "mdp/lock"')),
    "published metric": (
        entry() + "published:\n- {task: bandits/bernoulli, label: x, "
                  "metric: regrt, value: 1, source: s}\n",
        (7, 47, 'bandits/bernoulli does not measure "regrt"')),
    "published value": (
        entry() + "published:\n- {task: bandits/bernoulli, label: x, "
                  "metric: regret, value: a, source: s}\n",
        (7, 62, 'value must be a number, got text "a"')),
    "published without source": (
        entry() + "published:\n- {task: bandits/bernoulli, label: x, metric: regret, value: 1}\n",
        (7, 3, "a published figure needs source")),
    "published parameter": (
        entry() + "published:\n- {task: bandits/bernoulli, label: x, metric: regret, value: 1,"
                  " source: s, params: {arm: 3}}\n",
        (7, 85, 'bandits/bernoulli has no parameter "arm"')),
    "not a mapping": (
        "- a\n", (1, 1, "a suite is a mapping of keys such as suite and entries, got a list of 1")),
    "not YAML": (
        "suite: a\nentries: [b\n",
        (3, 1, "this is not YAML: the bracket opened in line 2, column 10 is not closed")),
    "tags": (
        "suite: !!python/object/apply:os.system [ls]\n" + entry().replace("suite: a\n", ""),
        (1, 8, "a tag is not read: nothing in a suite builds objects")),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), BAD.values(), ids=BAD)
def test_bad_input_is_told_with_line_and_column(text, fault, faults):
    assert faults(text) == [fault]


def test_a_fault_shows_its_line_its_width_and_the_nearest_name(load):
    with pytest.raises(SuiteError) as caught:
        load(entry("bandits/thomson: {prior: beta}"))
    (fault,) = caught.value.faults
    assert (fault.path, fault.length) == ("s.yaml", len("bandits/thomson"))
    assert fault.source == "  methods: [bandits/thomson: {prior: beta}]"
    assert fault.hint == "nearest: bandits/thompson · all: harness list methods"


def test_all_faults_come_at_once_in_the_order_of_the_file(faults):
    found = faults("""\
        suite: a/b
        seed: x
        entries:
        - task: bandits/bernoulli
          grid: {horizon: [-1, 10, 0]}
          methods:
          - bandits/tompson
          - bandits/epsilon-greedy: {epsilon: 2, on: off}
        - task: nothing
          methods: []
        published: 3
        claims:
        - {name: a, metric: regret, at_mst: 3}
        - 7
        """)
    places = [(line, column) for line, column, _ in found]
    assert places == [
        (1, 8), (2, 7), (5, 20), (5, 28), (7, 5), (8, 39), (8, 42), (8, 46),
        (9, 9), (10, 12), (11, 12), (13, 29), (14, 3),
    ]  # fmt: skip


def test_two_entries_that_make_the_same_cell_name_both_places(faults):
    found = faults("""\
        suite: a
        entries:
        - task: bandits/bernoulli
          grid: {horizon: [10, 20], arms: [2, 3]}
          methods: [bandits/ucb1, bandits/thompson]
        - task: bandits/bernoulli
          params: {horizon: 20}
          grid: {arms: [3, 4]}
          methods: [bandits/thompson, bandits/uniform]
        """)
    assert found == [
        (9, 13, "bandits/thompson on bandits/bernoulli arms=3 horizon=20 makes cells that "
                "stand in line 5 too"),
    ]  # fmt: skip


def test_the_same_method_with_other_seeds_makes_other_cells(load):
    uses = "{bandits/ucb1: , seeds: 0-3}, {bandits/ucb1: , seeds: 4-7}"
    assert len(load(entry(uses)).suite.entries[0].methods) == 2


def test_seeds_that_may_be_added_count_as_run(faults):
    uses = "{bandits/ucb1: , seeds: {min: 2, max: 9, until: decided}}, {bandits/ucb1: , seeds: [8]}"
    assert faults(entry(uses))[0][2].endswith("makes cells that stand in line 5 too")


def test_other_devices_make_other_cells(load):
    text = "hardware: {a: {}, b: {gpus: 1}}\n"
    text += entry("{bandits/ucb1: , hardware: a}, {bandits/ucb1: , hardware: b}")
    assert len(load(text).suite.entries[0].methods) == 2


def test_a_refusal_of_many_combinations_is_told_once(load):
    with pytest.raises(SuiteError) as caught:
        load("""\
            suite: a
            entries:
            - task: bandits/known-gap
              params: {horizon: 10}
              grid: {arms: [2, 20, 30, 40]}
              methods: [bandits/ucb1]
            """)
    (fault,) = caught.value.faults
    assert fault.message.startswith("bandits/known-gap arms=20 horizon=10: gap times arms")
    assert (fault.line, fault.hint) == (5, "and so 2 more combinations")


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"suite: \xff", "this is not UTF-8 text: byte 0xff"),
        ("suite: a".encode("utf-16"), "this is not UTF-8 text: byte 0xff"),
        (b"suite: \0", "s.yaml is not a text file: it holds zero bytes"),
        (b"", "there is nothing in it"),
        (b"\xef\xbb\xbf", "there is nothing in it"),
    ],
    ids=["latin", "utf-16", "binary", "empty", "only a mark"],
)
def test_a_file_that_is_no_text_is_told(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_bytes(content)
    with pytest.raises(SuiteError, match=message) as caught:
        load_suite("s.yaml", FakeRegistry())
    assert len(caught.value.faults) == 1


def test_a_wrong_byte_is_told_where_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_bytes("suite: a\n# é \n# ".encode() + b"\xe9\n")
    with pytest.raises(SuiteError) as caught:
        load_suite("s.yaml", FakeRegistry())
    assert (caught.value.faults[0].line, caught.value.faults[0].column) == (3, 3)


def test_a_byte_order_mark_moves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_bytes(b"\xef\xbb\xbf" + entry().encode())
    assert load_suite("s.yaml", FakeRegistry()).suite.name == "a"


def test_a_missing_file_comes_with_the_nearest(load, tmp_path):
    load(entry())
    with pytest.raises(SuiteError) as caught:
        load_suite("t.yaml", FakeRegistry())
    assert caught.value.faults[0].message == "there is no file t.yaml"
    assert caught.value.faults[0].hint == "nearest: s.yaml"


def test_a_folder_is_no_suite(tmp_path):
    with pytest.raises(SuiteError, match="is a folder"):
        load_suite(tmp_path, FakeRegistry())


# include


@pytest.fixture
def base(tmp_path):
    """A file to include, in a folder of its own."""
    (tmp_path / "parts").mkdir()
    path = tmp_path / "parts" / "base.yaml"
    path.write_text(
        textwrap.dedent("""\
        hardware: {small: {cpus: 1}, big: {cpus: 2}}
        defaults: {seeds: 3, hardware: small, timeout: 1h}
        entries:
        - task: bandits/bernoulli
          params: {horizon: 5}
          methods: [bandits/uniform]
        claims:
        - {name: included, metric: regret, at_most: 1}
        """)
    )
    return path


MAIN = """\
suite: a
include: [parts/base.yaml]
hardware: {big: {cpus: 8}}
defaults: {seeds: 4}
entries:
- task: bandits/bernoulli
  params: {horizon: 6}
  hardware: big
  methods: [bandits/uniform]
claims:
- {name: own, metric: regret, at_most: 1, where: {horizon: 6}}
"""


def test_what_is_included_comes_first_and_the_including_file_wins(load, base):
    suite = load(MAIN).suite
    assert [each.params["horizon"] for each in suite.entries] == [5, 6]
    assert [each.name for each in suite.claims] == ["included", "own"]
    assert suite.hardware["big"].cpus == 8
    first, second = (each.methods[0] for each in suite.entries)
    assert (len(first.seeds.values), first.timeout_s, first.hardware) == (4, 3600, "small")
    assert (len(second.seeds.values), second.timeout_s, second.hardware) == (4, 600, "big")
    assert suite.text == MAIN + "\n# included: parts/base.yaml\n" + base.read_text()


def test_a_fault_in_an_included_file_names_that_file(load, base):
    base.write_text(base.read_text().replace("horizon: 5", "horizon: -5"))
    with pytest.raises(SuiteError) as caught:
        load(MAIN.replace("horizon: 6}\n  hardware", "horizon: -6}\n  hardware"))
    assert caught.value.path == "s.yaml"
    places = [(each.path, each.line, each.column) for each in caught.value.faults]
    assert places == [("s.yaml", 7, 21), ("parts/base.yaml", 5, 21)]


def test_positions_of_claims_lead_to_their_own_file(load, base):
    loaded = load(MAIN)
    fault = loaded.fault(("claims", 0, "at_most"), "no")
    assert (fault.path, fault.line, fault.column) == ("parts/base.yaml", 8, 45)
    fault = loaded.fault(("claims", 1, "where", "horizon"), "no")
    assert (fault.path, fault.line, fault.column) == ("s.yaml", 11, 60)


def test_cells_that_two_files_make_name_both(load, base):
    with pytest.raises(SuiteError) as caught:
        load(MAIN.replace("horizon: 6", "horizon: 5"))
    (fault,) = caught.value.faults
    assert (fault.path, fault.line) == ("s.yaml", 9)
    assert fault.message.endswith("makes cells that stand at parts/base.yaml:6 too")


@pytest.mark.parametrize(
    ("name", "message"),
    [("s.yaml", "s.yaml includes itself"), ("parts/bse.yaml", "there is no file parts/bse.yaml")],
)
def test_an_include_that_leads_nowhere_is_told_at_its_name(name, message, faults, base):
    assert (2, 11, message) in faults(MAIN.replace("parts/base.yaml", name))


def test_files_that_include_each_other_are_told(faults, base):
    base.write_text("include: ../s.yaml\n")
    assert faults(MAIN)[0] == (1, 10, "../s.yaml includes itself")


# -o


def test_an_override_replaces_adds_and_reads_its_value_as_yaml(load):
    suite = load(
        EXAMPLE,
        overrides=[
            "seed=3",
            "entries.0.grid.horizon=[7, 1e2]",
            "entries.0.methods.0.bandits/thompson.prior=uniform",
            "entries.0.methods.3.bandits/kl-ucb.warm=true",
            "defaults.seeds=8",
        ],
    ).suite
    assert suite.seed == 3
    assert {each.params["horizon"] for each in suite.entries[:4]} == {7, 100}
    assert suite.entries[0].methods[0].params == {"prior": "uniform"}
    assert suite.entries[0].methods[3].params["warm"] is True
    assert len(suite.entries[0].methods[0].seeds.values) == 8
    assert suite.overrides[0] == "seed=3"
    assert suite.text == EXAMPLE


@pytest.mark.parametrize(
    ("option", "message", "column"),
    [
        ("seed=x", 'seed must be a whole number of at least 0, got text "x"', 6),
        ("sede=3", 'a suite has no key "sede"', 1),
        ("seed", "an override is KEY=VALUE", 1),
        ("entries.7.task=x", 'entries has no item "7"', 1),
        ("suite.x=3", 'suite is text "thompson-sampling", it has no x', 1),
        ("seed=[1", "this is not YAML: the bracket opened in line 1, column 1 is not closed", 7),
        ("seed=!!x 3", "a tag is not read: nothing in a suite builds objects", 6),
    ],
)
def test_a_faulty_override_is_told_as_the_option(option, message, column, load):
    with pytest.raises(SuiteError) as caught:
        load(EXAMPLE, overrides=[option])
    (fault,) = caught.value.faults
    assert fault.message == f"-o {option}: {message}"
    assert (fault.line, fault.column, fault.source) == (0, column, option)


# Positions for later stages


def test_a_path_beyond_the_file_points_to_its_last_known_part(load):
    loaded = load(EXAMPLE)
    fault = loaded.fault(("claims", 0, "where", "nothing"), "no")
    assert (fault.line, fault.column) == (29, 40)
    assert loaded.fault((), "no").line == 1


def test_an_entry_and_a_label_lead_back_to_the_file(load):
    loaded = load(EXAMPLE)
    path = loaded.path_of(loaded.suite.entries[3], "bandits/kl-ucb c=0")
    assert path == ("entries", 0, "methods", 3)
    fault = loaded.fault(path, "no")
    assert (fault.line, fault.column) == (17, 9)
    assert loaded.path_of(loaded.suite.entries[-1]) == ("entries", 1)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("metrics", ("regret",), "metrics of bad/task must be a tuple of Metric, got ('regret',)"),
        ("accepts", None, "the class of bad/task does not say what it evaluates"),
    ],
)
def test_a_task_whose_class_is_not_whole_is_told(attribute, value, message, tmp_path):
    namespace = {"accepts": Policy, "metrics": Bandit.metrics, "evaluate": Bandit.evaluate}
    namespace[attribute] = value
    if value is None:
        del namespace[attribute]
    registry = FakeRegistry()
    registry.tasks = {"bad/task": type("Bad", (Task,), namespace)}
    (tmp_path / "s.yaml").write_text(entry(task="bad/task", params="{}"))
    with pytest.raises(SuiteError) as caught:
        load_suite(tmp_path / "s.yaml", registry)
    assert caught.value.faults[0].message == message


def test_plugins_are_registered_from_beside_the_suite(load, tmp_path):
    (tmp_path / "mine.py").write_text("")
    suite = load("plugins: [mine.py]\n" + entry()).suite
    assert suite.plugins == (str((tmp_path / "mine.py").resolve()),)


# Speed, robustness


def test_two_thousand_lines_load_in_half_a_second(load):
    lines = ["suite: a", "entries:"]
    for number in range(1, 200):
        lines += [
            "- task: bandits/bernoulli", "  params:", f"    horizon: {number}", "    arms: 3",
            "  methods:", "  - bandits/ucb1", "  - bandits/thompson: {prior: task}", "    as: ts",
            "  - bandits/kl-ucb:", "    grid: {c: [0, 3]}",
        ]  # fmt: skip
    with work_of(seconds=0.5):
        loaded = load("\n".join(lines))
    assert len(loaded.suite.entries) == 199


def test_a_hundred_thousand_combinations_are_judged_in_two_seconds(load):
    arms, horizons = list(range(2, 102)), list(range(1, 1001))
    text = entry(task="bandits/known-gap", params="{gap: 0.001}")
    text = text.replace("  methods", f"  grid: {{arms: {arms}, horizon: {horizons}}}\n  methods")
    with work_of(seconds=2):
        loaded = load(text)
    assert len(loaded.suite.entries) == 100_000


def faults_of(path):
    """What is wrong with a file, nothing where it loads; any other exception is a failure."""
    try:
        load_suite(path, FakeRegistry())
    except SuiteError as error:
        return error.faults
    return ()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_suite_loads_or_tells_faults_that_lie_in_it(tmp_path_factory, data):
    start = data.draw(st.integers(0, len(EXAMPLE) - 1))
    length = data.draw(st.integers(0, 30))
    patch = data.draw(
        st.sampled_from(["", "[", "}", ": ", "\n", "- ", "3", "null", "&a ", "*a", "\t"])
    )
    text = EXAMPLE[:start] + patch + EXAMPLE[start + length :]
    path = tmp_path_factory.mktemp("damaged") / "s.yaml"
    path.write_text(text, encoding="utf-8")
    found = faults_of(path)
    assert all(1 <= each.line <= text.count("\n") + 2 and each.column >= 1 for each in found)


# Published figures of plugins

FIGURE = {
    "task": "bandits/bernoulli",
    "label": "paper",
    "metric": "regret",
    "value": 9,
    "source": "t",
}


def published(tmp_path, *said, own=""):
    (tmp_path / "s.yaml").write_text(entry() + own, encoding="utf-8")
    registry = FakeRegistry()
    registry.said = list(said)
    found = load_suite(tmp_path / "s.yaml", registry).suite.published
    return [(each.plugin, each.label, each.value, each.params) for each in found]


def test_what_plugins_publish_on_planned_tasks_is_the_suites(tmp_path):
    of_arms = FIGURE | {"label": "other", "params": {"arms": 2}}
    said = ("acme", [FIGURE, FIGURE | {"task": "mdp/lock"}]), ("zoo", (of_arms,)), ("none", None)
    assert published(tmp_path, *said) == [
        ("acme", "paper", 9, {}),
        ("zoo", "other", 9, {"arms": 2}),
    ]


def test_a_suites_own_figure_takes_the_place_of_a_plugins(tmp_path):
    row = "{task: bandits/bernoulli, label: paper, metric: regret, value: 8, source: mine}"
    own = f"published:\n- {row}\n"
    assert published(tmp_path, ("acme", [FIGURE]), own=own) == [("", "paper", 8, {})]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([FIGURE | {"metric": "loss"}], 'bandits/bernoulli does not measure "loss"'),
        ([FIGURE | {"value": "nine"}], "value must be a number"),
        ([FIGURE | {"params": {"arm": 2}}], 'has no parameter "arm"'),
        ([FIGURE | {"value": object()}], 'plugin "acme": harness_published must give mappings'),
        ([{"label": "paper"}], 'plugin "acme": harness_published must give mappings'),
        (7, 'plugin "acme": harness_published must give mappings'),
    ],
    ids=["metric", "value", "parameter", "object", "no-task", "no-rows"],
)
def test_a_plugins_figure_that_is_wrong_is_told_with_its_name(tmp_path, said, told):
    with pytest.raises(SuiteError) as caught:
        published(tmp_path, ("acme", said))
    assert told in str(caught.value)
    assert "acme" in str(caught.value)
