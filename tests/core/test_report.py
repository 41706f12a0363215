"""The report's parts: escaping, axes, theory, curves, fronts, claims, and what is not there."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from importlib.metadata import EntryPoint
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness import numbers
from harness.errors import StoreError, UsageError
from harness.registry import Registry
from harness.report import render
from harness.report.axes import Axis, pushed_apart
from harness.report.build import build
from harness.report.claims import claims_section, counts_line
from harness.report.commands import cell_id, commands_of
from harness.report.drawers import draw_all
from harness.report.failures import failures_section
from harness.report.gather import gather
from harness.report.markup import Html, data_script, tag
from harness.report.pareto import on_front
from harness.report.records import BoundPoint
from harness.report.rowplot import Scale
from harness.report.standing import standing
from harness.report.theory import is_power_law, theory_lines
from harness.runner.results import Run
from harness.store.record import read_run_json, write_run_json

_MADE = Path(__file__).parents[2] / "benchmarks" / "report_size.py"
ATTACK = "<script>alert(1)</script>"
SPACED = '"><img src=x onerror=alert(2)>'


def _made():
    spec = spec_from_file_location("report_size", _MADE)
    module = module_from_spec(spec)
    # A dataclass of a module that is not in sys.modules cannot resolve its annotations.
    import sys

    sys.modules["report_size"] = module
    spec.loader.exec_module(module)
    return module


report_size = _made()
Shape, make_run = report_size.Shape, report_size.make_run
SMALL = {"tasks": 2, "methods": 4, "points": 5, "seeds": 6}


class _Elements(HTMLParser):
    """Every element with its attributes, and what is inside of none."""

    VOID = frozenset({"meta", "link", "input", "br", "hr"})

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.open = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A run of two tasks whose names are attacks, with failures and a published row."""
    shape = Shape(
        **SMALL, labels=(ATTACK, SPACED), failing=6, published=True, title=f"toy/{ATTACK}"
    )
    return make_run(tmp_path_factory.mktemp("runs"), shape)


@pytest.fixture(scope="module")
def page(hostile, tmp_path_factory):
    site = build([Run(hostile)], tmp_path_factory.mktemp("report"))
    return site.index.read_text(encoding="utf-8")


# Markup


@given(st.text(), st.text())
def test_what_somebody_typed_is_never_an_element(text, attribute):
    parsed = _Elements(tag("p", text, title=attribute))
    assert [name for name, _ in parsed.found] == ["p"]
    assert parsed.open == []


@given(st.text())
def test_data_for_the_script_comes_back_as_it_was_and_cannot_end_its_element(text):
    made = data_script("specs", {"label": text + "</script><script>"})
    inner = made.removeprefix('<script type="application/json" id="specs">')
    inner = inner.removesuffix("</script>")
    assert "<" not in inner
    assert json.loads(inner)["label"] == text + "</script><script>"


def test_markup_that_was_made_stands_as_it_is():
    assert tag("p", tag("b", "a & b"), None, Html("<i></i>")) == "<p><b>a &amp; b</b><i></i></p>"


def test_a_page_with_hostile_names_has_no_element_that_we_did_not_write(page):
    names = {name for name, _ in _Elements(page).found}
    assert "img" not in names
    handlers = [a for _, attrs in _Elements(page).found for a in attrs if a.startswith("on")]
    assert handlers == []


def test_a_page_is_well_formed(page):
    assert _Elements(page).open == []


def test_a_page_names_no_address_to_be_fetched(page):
    for name, attributes in _Elements(page).found:
        for key in ("src", "href", "action", "poster", "srcset", "xlink:href"):
            value = attributes.get(key)
            assert value is None or value.startswith(("#", "data:")), (name, key, value)


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(page):
    found = _Elements(page).found
    ids = [attrs["id"] for _, attrs in found if "id" in attrs]
    assert len(ids) == len(set(ids))
    hrefs = {attrs.get("href", "") for name, attrs in found if name == "a"}
    links = {href[1:] for href in hrefs if href.startswith("#")}
    assert links <= set(ids)


def test_every_label_has_a_row_though_all_its_cells_failed(page):
    rows = [attrs["data-label"] for _, attrs in _Elements(page).found if "data-label" in attrs]
    assert rows.count("toy/method-3") == 2
    assert rows[:6] == [ATTACK, SPACED, "toy/method-2", "a paper", "toy/method-3", ATTACK]
    assert "no value: 6 cells failed" in page


# Axes and scales


@given(st.lists(st.floats(1e-6, 1e9), min_size=2, max_size=20))
def test_values_stand_on_their_axis_and_come_back(values):
    axis = Axis.over(values)
    for value in values:
        assert -1e-9 <= axis.share(value) <= 1 + 1e-9
        assert axis.value(axis.share(value)) == pytest.approx(axis.clipped(value), rel=1e-6)


def test_a_zero_on_a_logarithmic_axis_is_drawn_on_its_floor_and_called_zero():
    axis = Axis.over([0.0, 0.5, 200.0])
    assert axis.is_log
    assert axis.clipped(0.0) == axis.floor > 0
    assert "'0'" in axis.ticks()["labelExpr"]


def test_an_axis_is_logarithmic_from_ten_times_on():
    assert Axis.over([1.0, 10.5]).is_log
    assert not Axis.over([1.0, 9.5]).is_log
    assert not Axis.over([-1.0, 100.0]).is_log


@given(st.lists(st.floats(0, 300), min_size=1, max_size=12))
def test_labels_pushed_apart_keep_their_order_and_distance(places):
    moved = pushed_apart(places, 15, 300)
    order = sorted(range(len(places)), key=lambda index: places[index])
    gaps = np.diff([moved[index] for index in order])
    assert (gaps >= 15 - 1e-6).all()
    assert min(moved) >= -1e-9
    assert max(moved) <= 300 + 1e-9


def test_labels_that_are_apart_stay_where_they_are():
    assert pushed_apart([10.0, 80.0, 40.0], 15, 300) == [10.0, 80.0, 40.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_ticks_of_a_row_plot_lie_on_its_axis(values):
    scale = Scale.over(values)
    assert all(-1e-6 <= scale.share(tick) <= 1 + 1e-6 for tick in scale.ticks())
    assert len(scale.ticks()) <= 7


# Curves


def test_bands_are_students_intervals(hostile):
    shown = gather(Run(hostile)).tasks[0]
    curve = shown.curves["regret"][0]
    table = Run(hostile).table("measurements").to_pandas()
    cells = Run(hostile).table("cells").to_pandas()
    own = cells[(cells.label == ATTACK) & (cells.title == shown.title)].cell_id
    values = table[table.cell_id.isin(own) & (table["at"] == curve.at[2])]["value"]
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert (curve.low[2], curve.high[2]) == pytest.approx((low, high), rel=1e-9)


def test_cells_that_failed_give_no_curve(hostile):
    first = gather(Run(hostile)).tasks[0]
    assert "toy/method-3" not in {curve.label for curve in first.curves["regret"]}


# Theory


def _horizons(tmp_path, tasks):
    return gather(Run(make_run(tmp_path, Shape(tasks=tasks, methods=2, points=5, seeds=3))))


def test_the_bounds_of_all_horizons_are_one_line_that_is_a_power_law(tmp_path):
    tasks = _horizons(tmp_path, 4).tasks
    (line,) = theory_lines(tasks[3], "regret", tasks)
    at, values = np.array(line.at), np.array(line.values)
    assert set(at) >= {1000.0, 2000.0, 3000.0, 4000.0}
    assert values == pytest.approx(14 * np.sqrt(10 * at))
    assert is_power_law(line)


def test_a_line_ends_where_its_own_task_does(tmp_path):
    tasks = _horizons(tmp_path, 4).tasks
    (line,) = theory_lines(tasks[1], "regret", tasks)
    assert max(line.at) == 2000.0


def test_the_bound_is_vacuous_until_it_meets_the_horizon(tmp_path):
    # 14 √(10 n) = n at n = 1960: between the horizons 1000 and 2000.
    tasks = _horizons(tmp_path, 4).tasks
    (line,) = theory_lines(tasks[3], "regret", tasks)
    assert line.vacuous_until == pytest.approx(1960)


def test_a_bound_of_another_horizon_is_left_out_where_the_horizon_changes_the_curve(tmp_path):
    from dataclasses import replace

    tasks = list(_horizons(tmp_path, 3).tasks)
    other = tasks[0].curves["regret"]
    tasks[0] = replace(
        tasks[0], curves={"regret": [replace(curve, mean=2 * curve.mean) for curve in other]}
    )
    (line,) = theory_lines(tasks[2], "regret", tasks)
    assert 1000.0 not in line.at
    assert {2000.0, 3000.0} <= set(line.at)


def test_a_bound_at_points_of_the_axis_is_drawn_through_them(tmp_path):
    from dataclasses import replace

    task = _horizons(tmp_path, 1).tasks[0]
    points = [
        BoundPoint("regret", "toy/method-0", "exact", "", at, 2 * at, False, None, "closed form")
        for at in (10.0, 500.0)
    ]
    (line,) = theory_lines(replace(task, bounds=points), "regret", [task])
    assert (line.at, line.values) == ((10.0, 500.0), (20.0, 1000.0))


# Fronts


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_a_front_is_what_nothing_dominates(points):
    rows = [{"wall_s": cost, "mean": mean} for cost, mean in points]
    front = on_front(rows, "wall_s", "lower")
    assert any(front)
    for own, is_front in zip(points, front, strict=True):
        dominated = any(
            other[0] <= own[0] and other[1] <= own[1] and other != own for other in points
        )
        assert is_front == (not dominated)


# Claims


def _claim(**said):
    row = dict.fromkeys(("source", "note", "seeds_to_decide", "ci_low", "ci_high"))
    row |= {"name": "c", "form": "value", "estimate": 2.0, "threshold": 1.0, "n": 5}
    row |= {"verdict": "held", "expect": "held", "statement": "regret at most 1: 2"}
    return row | said


@pytest.mark.parametrize(
    ("verdict", "expect", "where"),
    [
        ("held", "held", "good"),
        ("failed", "failed", "good"),
        ("failed", "held", "bad"),
        ("held", "failed", "bad"),
        ("undecided", "held", "open"),
        ("not judged (cut)", "held", "none"),
    ],
)
def test_the_mark_says_whether_it_is_as_expected(verdict, expect, where):
    assert standing(_claim(verdict=verdict, expect=expect)) == where


def test_what_is_not_as_expected_comes_first_and_good_controls_are_folded():
    rows = [
        _claim(name="good"),
        _claim(name="control", verdict="failed", expect="failed"),
        _claim(name="open", verdict="undecided"),
        _claim(name="bad", verdict="failed"),
    ]
    section = claims_section(rows)
    places = [section.index(f"<b>{name}</b>") for name in ("bad", "open", "good", "control")]
    assert places == sorted(places)
    assert section.index("<details") < places[3]


def test_all_as_expected_is_one_line():
    assert "2 claims, all as expected" in counts_line([_claim(), _claim()])


def test_a_suite_without_claims_has_no_counts():
    assert counts_line([]) is None
    assert claims_section([]) is None


@pytest.mark.parametrize(
    ("statement", "is_right"), [("x at most 1: 2", True), ("x at least 1: 2", False)]
)
def test_the_forbidden_part_is_on_the_side_where_the_claim_fails(statement, is_right):
    section = claims_section([_claim(statement=statement)])
    start = re.search(r'<rect x="([\d.]+)%"', section)
    assert (float(start[1]) >= 49) == is_right


def test_a_rate_is_forbidden_on_both_sides():
    said = "slope within 0.45 … 0.55: 0.5"
    section = claims_section([_claim(form="trend", threshold=0.45, estimate=0.5, statement=said)])
    assert section.count('class="forbidden"') == 2
    assert section.count('class="ref"') == 2


def test_what_must_agree_with_a_number_is_drawn_about_it_and_forbids_nothing():
    said = "mean agrees with 0.5, resolution 0.1: 0.52, 0.48 … 0.56"
    row = _claim(threshold=0.5, estimate=0.52, ci_low=0.48, ci_high=0.56, statement=said)
    section = claims_section([row])
    assert section.count('class="ref"') == 1
    assert 'class="forbidden"' not in section
    assert "the number to agree with" in section


def test_both_ends_of_a_span_stand_apart_though_they_are_near_in_ratio():
    said = "norm within 2.9468 … 2.9528: 2.9498, 2.9492 … 2.9505"
    row = _claim(threshold=2.9468, estimate=2.9498, ci_low=2.9492, ci_high=2.9505, statement=said)
    section = claims_section([row])
    ends = [float(x) for x in re.findall(r'x="([\d.]+)%"[^>]*class="forbidden"', section)]
    assert section.count('class="forbidden"') == 2
    assert max(ends) > 70


# Commands, failures, logs


def test_a_label_is_one_word_of_the_shell(page):
    import shlex
    from html import unescape

    command = re.search(r"<pre>(harness run [^<]*--method[^<]*)</pre>", page)[1]
    words = shlex.split(unescape(command))
    assert words[words.index("--method") + 1] == ATTACK


def test_the_command_of_a_cell_is_one_that_the_command_line_knows(hostile):
    from harness.cli.run import run

    run_page = gather(Run(hostile))
    whole = run_page.tasks[0].groups[0].table["cell_id"][0].as_py()
    words = commands_of(run_page).cell(cell_id(whole)).split()
    parsed = run.make_context("run", words[2:], resilient_parsing=True)
    assert whole.hex().startswith(parsed.params["cell"])
    assert parsed.params["inline"]


def test_a_failure_shows_the_end_of_its_log(hostile):
    log = hostile / "logs" / "worker-0.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("\n".join(f"line {number}" for number in range(50)))
    section = failures_section(gather(Run(hostile)))
    assert "line 49" in section
    assert "line 3\n" not in section


def test_a_log_outside_of_the_run_is_not_read(hostile, tmp_path):
    from dataclasses import replace

    secret = tmp_path / "secret"
    secret.write_text("password")
    run_page = gather(Run(hostile))
    failure = {**run_page.failures[0], "log": str(secret)}
    assert "password" not in failures_section(replace(run_page, failures=[failure]))


# What is not there


def test_without_the_extra_the_page_says_what_adds_figures(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "can_render", lambda: False)
    site = build([Run(hostile)], tmp_path)
    text = site.index.read_text(encoding="utf-8")
    assert not site.has_plots
    assert "algo-harness[report]" in text
    assert 'class="plot"' in text
    assert "<figure" not in text


def test_figures_without_the_extra_are_refused_with_the_command(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(render, "can_render", lambda: False)
    with pytest.raises(UsageError, match="algo-harness"):
        build([Run(hostile)], tmp_path, figures=True)


def test_a_damaged_table_is_named_and_the_rest_is_shown(tmp_path):
    path = make_run(tmp_path / "runs", Shape(**SMALL))
    (path / "measurements.parquet").write_bytes(b"PAR1 torn")
    text = build([Run(path)], tmp_path / "report").index.read_text(encoding="utf-8")
    assert "measurements.parquet is damaged" in text
    assert text.count("data-label=") == 8


def test_a_run_without_a_record_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"run\.json"):
        build([Run(tmp_path)], tmp_path / "report")


def test_a_run_that_is_not_finished_says_so_first(tmp_path):
    path = make_run(tmp_path / "runs", Shape(**SMALL, state="interrupted"))
    text = build([Run(path)], tmp_path / "report").index.read_text(encoding="utf-8")
    assert text.index("interrupted: no verdict is final") < text.index('id="claims"')


# Several runs


def test_runs_of_one_suite_share_a_page_and_what_moved_is_shown_run_by_run(tmp_path):
    old = make_run(tmp_path / "runs", Shape(**SMALL))
    new = make_run(tmp_path / "runs", Shape(**SMALL, shift=0.5), day=1, commit="a41d07b")
    site = build([Run(old), Run(new)], tmp_path / "report")
    text = site.index.read_text(encoding="utf-8")
    history = text[text.index("Across commits") : text.index("The same in every run")]
    assert history.index("a41d07b") < history.index("3f9c2e1")
    assert history.count("<tbody") == 1  # only the first method moved
    assert read_run_json(new).commit in text


def test_another_suite_has_a_page_of_its_own(tmp_path):
    one = make_run(tmp_path / "runs", Shape(**SMALL))
    two = make_run(tmp_path / "runs", Shape(**SMALL, suite="another"))
    site = build([Run(one), Run(two)], tmp_path / "report")
    assert [path.name for path in site.pages] == ["index.html", "another.html"]
    assert 'href="another.html"' in site.index.read_text(encoding="utf-8")


# Plugins

PLUGIN = """
from harness import hookimpl

@hookimpl
def harness_report_sections(folder):
    return [{"title": "Notes & more", "html": f"<p>about <i>{folder.name}</i></p>"}]
"""


def test_a_plugin_adds_a_section(tmp_path, monkeypatch):
    (tmp_path / "noting.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry([EntryPoint("noting", "noting", "harness")])
    path = make_run(tmp_path / "runs", Shape(**SMALL))
    site = build([Run(path)], tmp_path / "report", registry=registry)
    text = site.index.read_text(encoding="utf-8")
    assert f"<h2>Notes &amp; more</h2><p>about <i>{path.name}</i></p>" in text


# Numbers


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(999.6e-6, "1.0 ms"), (0.42e-3, "420 µs"), (0.9996, "1.0 s"), (59.9, "1 min 0 s")],
)
def test_a_time_is_never_rounded_to_a_thousand_of_its_unit(seconds, written):
    assert numbers.duration(seconds) == written


# The library


@pytest.mark.skipif(not render.can_render(), reason="needs vl-convert-python")
def test_processes_side_by_side_answer_in_the_order_they_were_asked():
    specs = [
        {"data": {"values": [{"a": 1}]}, "mark": "point", "width": 100 + number, "height": 20}
        for number in range(26)
    ]
    drawn = draw_all(specs)
    assert [re.search(r"h(1\d\d)v20", each)[1] for each in drawn] == [
        str(100 + number) for number in range(26)
    ]


needs_plots = pytest.mark.skipif(not render.can_render(), reason="needs vl-convert-python")


@needs_plots
def test_a_drawing_keeps_the_colours_as_variables(page):
    assert 'stroke="var(--s1)"' in page


@needs_plots
def test_figures_for_papers_are_in_three_formats_with_real_colours(tmp_path):
    path = make_run(tmp_path / "runs", Shape(tasks=1, methods=3, points=4, seeds=3))
    site = build([Run(path)], tmp_path / "report", figures=True)
    first = {file.suffix: file.read_bytes() for file in site.figures if "regret" in file.name}
    assert first[".png"].startswith(b"\x89PNG")
    assert first[".pdf"].startswith(b"%PDF")
    assert b"var(--" not in first[".svg"]
    assert b"#1f63c6" in first[".svg"]


def test_the_light_theme_for_papers_is_the_pages():
    styles = (Path(render.__file__).parent / "assets" / "page.css").read_text(encoding="utf-8")
    light = styles[: styles.index('data-theme="dark"')]
    said = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", light))
    assert {name: said[name] for name in render.LIGHT} == render.LIGHT


def _luminance(color):
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    weights = (0.2126, 0.7152, 0.0722)
    return sum(weight * part for weight, part in zip(weights, linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "least"),
    [("ink", 4.5), ("ink-2", 4.5), ("link", 4.5), ("good", 4.5), ("bad", 4.5), ("open-text", 4.5)]
    + [("open", 3.0)]
    + [(f"s{number}", 3.0) for number in range(8)],
)
def test_text_and_marks_stand_out_from_the_page(theme, name, least):
    styles = (Path(render.__file__).parent / "assets" / "page.css").read_text(encoding="utf-8")
    start = styles.index('data-theme="dark"') if theme == "dark" else 0
    said = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", styles[start : start + 900]))
    pair = sorted([_luminance(said["--page"]), _luminance(said[f"--{name}"])])
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= least


def test_the_first_page_of_several_suites_tells_how_all_of_them_stand(hostile, tmp_path):
    other = shutil.copytree(hostile, tmp_path / "runs" / "other" / hostile.name)
    record = read_run_json(other)
    write_run_json(other, replace(record, suite=f"other {ATTACK}"))
    site = build([Run(hostile), Run(other)], tmp_path / "site")
    first, second = (each.read_text(encoding="utf-8") for each in site.pages)
    (told,) = re.findall(
        r'<section><h2>All suites</h2>.*?</section>|<section id="suites">.*?</section>', first
    )
    assert told.count('class="suite"') == 2
    assert f'href="{site.pages[1].name}"' in told
    names = [claim["name"] for claim in Run(hostile).claim_rows()]
    assert names
    assert told.count("<li>") == 2 * len(names)
    assert 'id="suites"' not in second
    _Elements(first)
