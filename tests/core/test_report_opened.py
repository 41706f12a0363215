"""What a report opens to: a claim's groups, what changed between runs, every cell, commands."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from html import unescape
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_runs import PLUGIN, small_run

from harness.analyse.compare import compare
from harness.analyse.row_text import change_text, ends_text, p_text
from harness.cli import comparison as terminal
from harness.registry import Registry
from harness.report import digits, render
from harness.report.across import in_order
from harness.report.axes import Axis
from harness.report.build import build
from harness.report.cells import packed_cells
from harness.report.claims import Opened, claims_section
from harness.report.commands import commands_of
from harness.report.curve_spec import CurvePlot, curve_form, theory_rows
from harness.report.evidence import evidence_of
from harness.report.figure import NARROW, WIDE
from harness.report.gather import gather
from harness.report.theory import TheoryLine
from harness.runner.results import Run
from harness.runner.sides import load_side
from harness.store.record import read_run_json, write_run_json

_MADE = Path(__file__).parents[2] / "benchmarks" / "report_size.py"
_SPEC = spec_from_file_location("report_size", _MADE)
report_size = module_from_spec(_SPEC)
sys.modules["report_size"] = report_size
_SPEC.loader.exec_module(report_size)
Shape, make_run = report_size.Shape, report_size.make_run

CLAIMS = """
claims:
  - {name: below a limit, metric: loss, at_most: 4, source: "Lemma 3"}
  - {name: good below bad, metric: loss, better: good, than: bad}
  - {name: a control, metric: loss, where: {label: bad}, at_most: -9, expect: failed}
"""


def _registry():
    registry = Registry()
    registry.add_paths([PLUGIN])
    return registry


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Three methods at 8 seeds, with claims on all, on a pair, and one that must fail."""
    losses = {"good": 0.0, "bad": 9.0, "fair": 1.0}
    return small_run(tmp_path_factory.mktemp("judged"), losses, tail=CLAIMS)


@pytest.fixture(scope="module")
def evidence(judged):
    return evidence_of(judged, judged.claim_rows(), _registry())


@pytest.fixture(scope="module")
def page(judged, tmp_path_factory):
    return build([judged], tmp_path_factory.mktemp("page")).index.read_text(encoding="utf-8")


# Digits


@pytest.mark.parametrize(
    ("mean", "low", "high", "written", "ends"),
    [
        (0.22499999999999973, 0.22499999999999964, 0.22499999999999981, "0.225", ""),
        (6.4e-16, 1.8e-16, 10.9e-16, "0.64e−15", "0.18e−15 … 1.09e−15"),
        (-7.503e-11, None, None, "−7.503e−11", ""),
        (38.91, 32.21, 48.28, "38.9", "32.2 … 48.3"),
        (4210.4, 4001.0, 4409.0, "4,210", "4,000 … 4,410"),
        (0.0, 0.0, 0.0, "0", ""),
    ],
)
def test_a_value_has_as_many_digits_as_say_something(mean, low, high, written, ends):
    found = digits.estimate(mean, low, high)
    assert (found.value, found.ends) == (written, ends)
    assert repr(mean) in found.full


@given(st.floats(-1e300, 1e300))
def test_no_value_is_written_long_and_all_are_near(value):
    text = digits.value(value)
    read = float(text.replace("−", "-").replace(",", ""))
    assert len(re.sub(r"[^\d]", "", text.partition("e")[0])) <= 15
    assert read == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("c=0.30000000000000004 n=3", "c=0.3 n=3"),
        ("epsilon=0.0795649549", "epsilon=0.079565"),
        ("gaps=[0.1, 0.5]", "gaps=[0.1, 0.5]"),
        ("v1.2345678901b", "v1.2345678901b"),
    ],
)
def test_a_number_in_a_name_is_brief_and_whole_in_the_title(name, short):
    assert digits.brief(name) == short
    shown = digits.named(name)
    assert (f'title="{name}"' in shown) == (short != name)


def test_no_number_of_a_page_has_more_digits_than_it_means(tmp_path):
    losses = {"a": 0.1 + 0.2, "b": 2 / 3}
    run = small_run(tmp_path, losses, noise=0.0)
    text = build([run], tmp_path / "page").index.read_text(encoding="utf-8")
    body = text[text.index("<main") : text.index("<h2>Provenance")]
    seen = re.sub(r"<[^>]*>", " ", body)
    assert "0.666667" in seen  # a parameter
    assert re.findall(r"\d\.\d{8,}", seen) == []
    assert "0.6666666666666666" in body  # whole, for whoever points at it


# Claims


def test_a_claim_judged_again_is_the_claim_that_the_run_judged(judged, evidence):
    for row in judged.claim_rows():
        found = evidence[row["name"]]
        assert found.note == ""
        assert len(found.rows) == int(row["groups"])
        assert row["estimate"] in [each.estimate for each in found.rows]


def test_each_group_has_its_own_verdict_interval_and_threshold(evidence):
    rows = {each.title: each for each in evidence["below a limit"].rows}
    verdicts = {title.partition(" ")[0]: each.verdict for title, each in rows.items()}
    assert verdicts == {"good": "held", "bad": "failed", "fair": "held"}
    assert next(iter(rows)).startswith("bad")  # what failed stands first
    for each in rows.values():
        assert (each.allowed_low, each.allowed_high, each.n) == (None, 4.0, 8)
        assert each.low < each.estimate < each.high


def test_a_claim_opens_on_the_page_to_its_groups_and_their_cells(page):
    opened = page[page.index('class="inner"') : page.index('id="leaderboards"')]
    assert opened.count("How it was judged") == 3
    assert "Lemma 3" in opened
    assert opened.count("held if it held in every group") == 1  # the claim on three groups
    links = set(re.findall(r'href="#(t0-m\d)"', opened))
    assert links == {"t0-m0", "t0-m1", "t0-m2"}
    assert all(f'id="{link}"' in page for link in links)


def test_numbers_that_changed_since_are_said_to_have(judged):
    rows = [{**row, "estimate": row["estimate"] + 1.0} for row in judged.claim_rows()]
    found = evidence_of(judged, rows, _registry())
    assert all("another estimate" in each.note for each in found.values())


def test_an_interval_that_allowed_for_looks_is_said_to_be_wider(judged):
    rows = [
        {**row, "ci_low": row["ci_low"] - 1.0, "ci_high": row["ci_high"] + 1.0}
        for row in judged.claim_rows()
    ]
    found = evidence_of(judged, rows, _registry())
    assert all("it allows for every look" in each.note for each in found.values())


def test_no_code_that_a_run_names_is_run_for_its_claims(judged, tmp_path):
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w').close()\n")
    text = judged.record.suite_text.replace(str(PLUGIN), str(trap))
    run = Run(judged.path)
    run.record = replace(judged.record, suite_text=text, suite_path=str(trap))
    found = evidence_of(run, judged.claim_rows(), Registry())
    assert len(found["below a limit"].rows) == 3
    assert not (tmp_path / "sprung").exists()


def test_a_claim_that_cannot_be_judged_again_still_opens_and_says_why(judged):
    run = Run(judged.path)
    run.record = replace(judged.record, suite_text="nothing: [", suite_path="")
    found = evidence_of(run, judged.claim_rows(), _registry())
    assert all("cannot be read" in each.note and not each.rows for each in found.values())


def test_what_was_cut_opens_to_nothing(judged, evidence):
    rows = [{**row, "verdict": "not judged (cut)"} for row in judged.claim_rows()]
    assert "<details" not in claims_section(rows, Opened(evidence=evidence))


# What changed

SMALL = {"tasks": 2, "methods": 4, "points": 5, "seeds": 30}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    old = make_run(folder, Shape(**SMALL))
    new = make_run(folder, Shape(**{**SMALL, "methods": 3}, shift=0.5), day=1, commit="a41d07b")
    return Run(old), Run(new)


@pytest.fixture(scope="module")
def both(pair, tmp_path_factory):
    return build(pair, tmp_path_factory.mktemp("both")).index.read_text(encoding="utf-8")


def _compared(pair):
    return compare(*[load_side(pair[0].path)], [load_side(pair[1].path)])


def test_a_page_of_two_runs_says_what_harness_compare_says(pair, both):
    section = unescape(both[both.index('id="changes"') : both.index('id="leaderboards"')])
    found = _compared(pair)
    assert {row.verdict for row in found.rows} == {"worse", "equivalent"}
    for verdict, text in terminal.counts_text(found):
        assert text in section, verdict
    for row in found.rows:
        told = change_text(row), ends_text(row), p_text(row.p_holm)
        assert all(f">{text}</td>" in section for text in told)
    assert "toy/method-3" in section[section.index("On one side only") :]
    names = [run.run_id for run in pair]
    assert shlex.join(["harness", "compare", *names]) in section


def test_what_is_worse_stands_open_and_what_is_the_same_is_folded(both):
    section = both[both.index('id="changes"') : both.index('id="leaderboards"')]
    folded = section.index("<details")
    assert section.index("<b>worse</b>") < folded
    assert "<b>equivalent</b>" not in section[:folded]


def test_across_commits_each_step_has_a_change_a_p_value_and_a_verdict(both):
    table = both[both.index("Across commits") : both.index("The same in every run")]
    rows = re.findall(r'<tr role="row">(?:(?!</tr>).)*</tr>', table)
    newest = next(row for row in rows if "a41d07b" in row)
    assert "<b>worse</b>" in newest
    assert "&lt;.001" in newest
    assert re.search(r"\+\d\d %", newest)


def test_three_runs_are_compared_with_the_one_before_and_with_the_first(tmp_path):
    runs = [
        Run(make_run(tmp_path / "runs", Shape(**SMALL, shift=shift), day=day, commit=f"a{day}"))
        for day, shift in enumerate((0.0, 0.5, 0.5))
    ]
    text = build(runs, tmp_path / "page").index.read_text(encoding="utf-8")
    section = text[text.index('id="changes"') : text.index('id="leaderboards"')]
    before, first = section.split("Since the first run")
    assert "worse</b>" not in before
    assert "worse</b>" in first


def test_a_suite_without_bounds_is_not_warned_of(page):
    assert 'class="warn"' not in page[: page.index('id="claims"')]


def test_one_run_has_nothing_to_compare(page):
    assert 'id="changes"' not in page
    assert "Across commits" not in page


def _git(folder, *words):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "known.yaml").write_text("suite: known\n")
    _git(tmp_path, "add", ".")
    for number in range(2):
        _git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", f"commit {number}")
    return tmp_path


def _page_at(folder, record_changes, day=0, commit="3f9c2e1"):
    path = make_run(folder, Shape(tasks=1, methods=2, points=3, seeds=3), day=day, commit=commit)
    write_run_json(path, replace(read_run_json(path), **record_changes))
    return gather(Run(path))


def test_the_newest_commit_leads_though_an_older_one_ran_later(repository):
    commits = [_git(repository, "rev-parse", revision) for revision in ("HEAD", "HEAD~1")]
    pages = [
        _page_at(repository / "runs", {"commit": commit}, day, str(day))
        for day, commit in enumerate(commits)
    ]
    assert [page.record.commit for page in in_order(pages, repository)] == commits
    elsewhere = in_order(pages, repository.parent)  # no repository: by their starts
    assert [page.record.commit for page in elsewhere] == commits[::-1]


# Cells and commands


def test_every_cell_is_in_the_page_with_its_number(judged, page):
    found = re.search(r'<script type="application/json" id="t0-cells">(.*?)</script>', page)
    groups = json.loads(found[1])["groups"]
    cells, losses = judged.cells(), judged.measurements()
    losses = losses[losses.metric == "loss"]
    losses = dict(zip(losses.cell_id.map(bytes.hex), losses.value, strict=True))
    packed = {
        group["ids"][12 * place : 12 * place + 12]: (group["seeds"] + place, value)
        for group in groups
        for place, value in enumerate(group["values"]["loss"])
    }
    assert len(packed) == len(cells) == 24
    for whole, seed in zip(cells.cell_id.map(bytes.hex), cells.seed, strict=True):
        assert packed[whole[:12]] == (seed, losses[whole])


def test_seeds_that_have_gaps_are_kept_one_by_one(tmp_path):
    run = small_run(tmp_path, {"a": 0.0}, seeds=[1, 2, 5])
    shown = gather(run)
    (group,) = packed_cells(shown.tasks[0], commands_of(shown))["groups"]
    assert group["seeds"] == [1, 2, 5]


def test_a_suite_that_git_has_is_run_from_the_repositorys_root(repository):
    commit = _git(repository, "rev-parse", "HEAD")
    text = {"suite_text": "suite: known\n", "commit": commit}
    path = "/somewhere/else/suites/known.yaml"  # as a run at another commit records it
    shown = _page_at(repository / "runs", {**text, "suite_path": path})
    found = commands_of(shown, repository)
    assert f"git checkout {commit}" in found.setup
    assert found.cell("12ab").startswith("harness run suites/known.yaml --cell 12ab")


@pytest.mark.parametrize("path", ["suites/known.yaml", "untracked.yaml", ""])
def test_a_suite_that_git_has_not_is_saved_as_it_ran(repository, path):
    text = "suite: known\nseed: 3\n"
    commit = _git(repository, "rev-parse", "HEAD")
    record = {"suite_text": text, "suite_path": path, "commit": commit}
    shown = _page_at(repository / "runs", record)
    found = commands_of(shown, repository)
    assert found.cell().startswith("harness run synthetic.yaml ")
    save = found.setup[-1].replace("python ", f"{shlex.quote(sys.executable)} ", 1)
    subprocess.run(["sh", "-c", save], cwd=repository, check=True)
    assert (repository / "synthetic.yaml").read_text() == text


def test_a_suite_that_names_files_beside_it_is_run_where_it_lies(repository):
    text = yaml.safe_dump({"suite": "known", "include": ["other.yaml"]})
    shown = _page_at(repository / "runs", {"suite_text": text, "suite_path": "x/known.yaml"})
    assert commands_of(shown, repository).cell().startswith("harness run x/known.yaml ")


def test_the_command_of_a_cell_makes_its_number_again(judged, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from harness.cli.main import cli

    monkeypatch.chdir(tmp_path)
    shown = gather(judged)
    found = commands_of(shown)
    (tmp_path / found.suite).write_text(judged.record.suite_text)  # what the setup saves
    group = packed_cells(shown.tasks[0], found)["groups"][1]
    command = found.cell(group["ids"][12 * 5 : 12 * 6])
    CliRunner().invoke(cli, shlex.split(command)[1:], standalone_mode=False)
    again = next((tmp_path / "results").glob("*/2*"))
    (value,) = Run(again).measurements().query("metric == 'loss'").value
    assert value == group["values"]["loss"][5]


# Curves


def _plot(line):
    axis = Axis(1.0, 1000.0, is_log=True)
    return CurvePlot(
        [], [line], axis, Axis(0.0, 100.0, is_log=False), "round", "regret, reward", {}
    )


def _line(labels=("bandits/thompson",)):
    return TheoryLine("guarantee", "", labels, (1000.0,), (44.27,), (False,), "Theorem 1")


def test_a_bound_known_for_the_end_is_drawn_across_the_plot():
    rows = theory_rows(_plot(_line()))
    assert [(row["x"], row["y"]) for row in rows] == [(1.0, 44.27), (1000.0, 44.27)]


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("label", ["a", "bandits/thompson prior=task and more than fits anywhere"])
def test_the_bounds_label_fits_above_the_plot(size, label):
    form = curve_form(_plot(_line((label,))), size)
    (text,) = [
        row["t"]
        for layer in form["layer"]
        for row in layer.get("data", {}).get("values", ())
        if "t" in row
    ]
    assert text.startswith("guarantee")
    assert text.endswith("44.27")
    assert 7 * len(text) <= size.width + 35


@pytest.mark.skipif(not render.can_render(), reason="needs vl-convert-python")
def test_a_drawings_places_are_brief_and_its_words_are_whole():
    values = [{"x": 1 / 3, "t": "lower bound 0.0123"}, {"x": 1.0, "t": "1.250"}]
    text = {"field": "t", "type": "nominal"}
    x = {"field": "x", "type": "quantitative"}
    drawn = render.svg(
        {"data": {"values": values}, "mark": "text", "encoding": {"x": x, "text": text}}
    )
    assert ">lower bound 0.0123<" in drawn
    assert ">1.250<" in drawn
    elements = "".join(re.findall(r"<[^>]*>", drawn))
    assert re.findall(r"\.\d\d", elements) == []


def test_an_upright_axis_is_named_with_its_unit_where_there_is_room():
    titles = [
        curve_form(_plot(_line()), size)["layer"][0]["encoding"]["y"]["axis"]["title"]
        for size in (WIDE, NARROW)
    ]
    assert titles == ["regret, reward", None]
