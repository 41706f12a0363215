"""``compare``, ``history``, ``query`` and the formats of ``leaderboard``, as a user runs them."""

import csv
import io
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from compared import noisy, run_of, write_run
from measured import Run

from harness.cli.main import main
from harness.store.parquet import write_table

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def harness(capsys, monkeypatch, tmp_path):
    """The command in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("HARNESS_RESULTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return int(ended.value.code or 0), told.out, told.err

    return run


@pytest.fixture
def runs(tmp_path):
    """Two runs: one method got worse, one better, one stayed; one has an unfriendly name."""
    base = {"up": noisy(1, 40), "down": noisy(2, 40), SCRIPT: noisy(3, 40), "gone": noisy(4, 40)}
    other = {
        "up": base["up"] * 1.2,
        "down": base["down"] * 0.8,
        SCRIPT: base[SCRIPT] * 1.0005,
        "new|pipe": noisy(5, 40),
    }
    write_run(tmp_path, run_of(base), "one", commit="a" * 40)
    write_run(tmp_path, run_of(other), "two", commit="b" * 40, hours=1)
    return tmp_path


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_a_regression_is_exit_1_and_on_top(harness, runs):
    code, out, _ = harness("compare", "one", "two")
    assert code == 1
    rows = [line for line in out.splitlines() if line.startswith("    ")]
    words = [line.split()[1] for line in rows if line.split()[0] in "✗?✓≈"]
    assert words == ["worse", "better", "equivalent"]
    assert "+20 %" in out
    assert "exit 1: 1 regression" in out
    assert "one side only" in out
    assert "one: gone on" in out


def test_without_a_regression_the_exit_is_0(harness, runs):
    assert harness("compare", "two", "two")[0] == 0
    assert harness("compare", "one", "two", "--threshold", "30%")[0] == 0


def test_a_leaderboard_is_known_by_what_is_in_it_not_by_its_name(harness, runs, tmp_path):
    board = next(tmp_path.glob("*/one/leaderboard.parquet"))
    copy = tmp_path / "mine.parquet"
    copy.write_bytes(board.read_bytes())
    assert harness("compare", str(copy), "two")[0] == 1
    copy.write_bytes(board.with_name("measurements.parquet").read_bytes())
    code, _, err = harness("compare", str(copy), "two")
    assert (code, "is the table measurements of a run, not its leaderboard" in err) == (5, True)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    code, _, err = harness("compare", str(tmp_path / "other.csv"), "two")
    assert (code, "it has no column task" in err) == (2, True)


def test_a_comparison_of_nothing_has_not_passed(harness, tmp_path):
    early, late = Run(), Run()
    early.add("a", noisy(1, 3))
    late.add("a", noisy(1, 5), seeds=range(10, 15))
    write_run(tmp_path, early, "early")
    write_run(tmp_path, late, "late", hours=1)
    code, out, _ = harness("compare", "early", "late")
    assert code == 2
    assert "exit 2: nothing in common to compare" in out
    assert "late: seeds 10 to 14 of 1 group" in out


def test_undecided_is_exit_1_only_when_strict(harness, tmp_path):
    write_run(tmp_path, run_of({"a": noisy(1, 9)}), "x")
    write_run(tmp_path, run_of({"a": noisy(2, 9)}), "y")
    assert harness("compare", "x", "y")[0] == 0
    code, out, _ = harness("compare", "x", "y", "--strict")
    assert (code, "1 undecided (--strict)" in out) == (1, True)


def test_json_has_every_row_with_its_numbers(harness, runs):
    code, out, _ = harness("compare", "one", "two", "--format", "json")
    told = json.loads(out, parse_constant=lambda name: pytest.fail(name))
    assert told["exit_code"] == code == 1
    rows = {row["label"]: row for row in told["rows"]}
    assert rows["up"]["change"] == pytest.approx(0.2)
    assert rows["up"]["low"] == rows["up"]["high"] == pytest.approx(0.2)  # one factor, no spread
    assert {each["label"] for each in told["one_sided"]} == {"gone", "new|pipe"}


def test_markdown_folds_equivalent_rows_and_escapes_names(harness, runs):
    _, out, _ = harness("compare", "one", "two", "--format", "md")
    assert SCRIPT not in out
    folded = out[out.index("<details>") : out.index("</details>")]
    assert "&lt;script&gt;" in folded
    assert "new\\|pipe" in out
    table = [line for line in out.splitlines() if line.startswith("| ")]
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_the_page_runs_nothing_and_asks_for_nothing(harness, runs):
    _, out, _ = harness("compare", "one", "two", "--format", "html")
    page = Tags(out)
    assert "script" not in page.tags
    assert page.addresses == []
    assert page.tags.count("tr") == 3 + page.tags.count("thead")
    assert "&lt;script&gt;" in out


def test_three_sides_are_told_apart(harness, runs):
    _, out, _ = harness("compare", "one", "two", "one")
    assert "against two" in out
    assert "against one" in out


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_printed_leaderboard_is_a_side(harness, runs, form):
    path = runs / f"board.{form}"
    path.write_text(harness("leaderboard", "one", "--format", form)[1])
    code, out, _ = harness("compare", str(path), "two", "--metric", "regret")
    assert (code, "not paired" in out, "Welch" in out) == (1, True, True)


def test_damage_is_named_and_the_rest_is_used(harness, runs):
    path = runs / "by-hand" / "two" / "measurements.parquet"
    path.write_bytes(path.read_bytes()[:100])
    code, out, _ = harness("compare", "one", "two", "--metric", "regret")
    assert f"{path} is damaged" in out
    assert code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("compare", "one"), "two sides are needed"),
        (("compare", "one", "nowhere"), "no run is called 'nowhere'"),
        (("compare", "one", "two", "--metric", "regert"), "nearest: regret"),
        (("compare", "one", "two", "--threshold", "lots"), "--threshold takes a share"),
        (("compare", "one", "two", "--threshold=-1%"), "--threshold takes a share"),
        (("history", "bandits/bernoulli", "sideways", "regret"), "no run has the method"),
        (("query", "select nothing from nowhere"), "the query has a fault"),
        (("query", "select 1; select 2"), "one query at a time, got 2 statements"),
        (("query", "copy cells to 'cells.csv'"), "results are read, not written"),
        (("query", "create table mine as select 1"), "results are read, not written"),
    ],
)
def test_what_the_user_got_wrong_is_exit_2_and_said(harness, runs, arguments, told):
    if arguments[0] == "query":
        pytest.importorskip("duckdb")
    code, _, err = harness(*arguments)
    assert (code, told in err) == (2, True), err


def test_history_marks_the_step(harness, runs):
    code, out, _ = harness("history", "bandits/bernoulli", "up", "regret")
    lines = [line for line in out.splitlines() if "●" in line]
    assert code == 0
    assert ["+20 %" in line for line in lines] == [False, True]
    told = json.loads(harness("history", "bandits/bernoulli", "up", "regret", "--json")[1])
    assert [each["is_change"] for each in told[0]["moments"]] == [False, True]


def test_a_query_reads_all_runs_by_name(harness, runs):
    pytest.importorskip("duckdb")
    sql = "select run, label, avg(value) as mean from measured group by all order by all"
    code, out, _ = harness("query", sql, "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["run"], row["label"]) for row in rows if row["label"] == "up"] == [
        ("one", "up"),
        ("two", "up"),
    ]
    means = {row["run"]: row["mean"] for row in rows if row["label"] == "up"}
    assert means["one"] == pytest.approx(noisy(1, 40).mean())


def test_a_query_goes_without_damaged_files_and_names_them(harness, runs):
    pytest.importorskip("duckdb")
    path = runs / "by-hand" / "two" / "measurements.parquet"
    path.write_bytes(path.read_bytes()[:100])
    code, out, err = harness("query", "select count(*) as n from measurements", "--format", "csv")
    assert (code, out) == (0, "n\n160\n")
    assert f"{path} is damaged" in err


def test_without_duckdb_the_command_that_installs_it_is_said(harness, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    code, _, err = harness("query", "select 1")
    assert (code, "pip install 'algo-harness[query]'" in err) == (2, True)


def test_a_leaderboards_csv_and_json_say_the_same(harness, runs):
    rows = json.loads(harness("leaderboard", "one", "--format", "json")[1])
    lines = list(csv.DictReader(io.StringIO(harness("leaderboard", "one", "--format", "csv")[1])))
    assert len(rows) == len(lines) > 0
    for row, line in zip(rows, lines, strict=True):
        assert float(line["mean"]) == row["mean"]
        assert line["label"] == row["label"]


def test_latex_escapes_what_tex_would_read(harness, tmp_path):
    write_run(tmp_path, run_of({"a_b & 50% {x} \\y": noisy(1, 9)}), "one")
    _, out, _ = harness("leaderboard", "one", "--format", "latex", "--metric", "regret")
    assert r"a\_b \& 50\% \{x\} \textbackslash{}y" in out
    assert out.count(r"\begin{tabular}") == out.count(r"\end{tabular}") == 1


def test_html_and_markdown_boards_escape_names(harness, runs):
    page = Tags(harness("leaderboard", "one", "--format", "html")[1])
    assert "script" not in page.tags
    assert page.addresses == []
    assert SCRIPT not in harness("leaderboard", "one", "--format", "md")[1]


@pytest.mark.parametrize("form", ["md", "csv", "latex", "html"])
def test_aggregates_are_written_in_every_format_with_their_ranks(harness, tmp_path, form):
    run = Run()
    for task in ("t/one", "t/two"):
        for label, mean in (("a_best", 1.0), ("b", 10.0), ("c", 10.0)):
            run.add(label, noisy(len(label + task), 20, mean, 0.1), task=task)
    write_run(tmp_path, run, "one")
    asked = ("leaderboard", "one", "--aggregate", "--metric", "regret", "--format")
    told = harness(*asked, form)[1]
    ranks = {
        each["label"]: (each["rank_low"], each["rank_high"])
        for each in json.loads(harness(*asked, "json")[1])[0]["methods"]
    }
    assert ranks == {"a_best": (1, 1), "b": (2, 3), "c": (2, 3)}
    name = r"a\_best" if form == "latex" else "a_best"
    row = next(line for line in told.splitlines() if name in line)
    assert "2" not in row.split(name)[0].replace("2 tasks", "")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(told)))
        means = [row for row in rows if row["statistic"] == "interquartile mean"]
        assert [(row["rank_low"], row["rank_high"]) for row in means] == [("1", "1")] + [
            ("2", "3")
        ] * 2
        assert {row["statistic"] for row in rows} == {
            "interquartile mean", "profile", "probability of improvement"}  # fmt: skip
    else:
        assert "2–3" in told or "2--3" in told
        assert "performance profile" in told
        assert "probability of improvement" in told


def test_boards_for_papers_have_ratios_times_and_the_level_of_their_intervals(harness, tmp_path):
    run = run_of({"a": noisy(1, 12), "b": noisy(2, 12)})
    folder = write_run(tmp_path, run, "one", level=0.9916)
    board = pq.read_table(folder / "leaderboard.parquet", memory_map=False)
    place = board.column_names.index("ratio_to_lower")
    ratios = pa.array([2.5] * len(board), pa.float64())
    write_table(folder / "leaderboard.parquet", board.set_column(place, board.field(place), ratios))
    told = harness("leaderboard", "one", "--metric", "regret", "--format", "md")[1]
    head, _, first, *_ = (line for line in told.splitlines() if line.startswith("|"))
    assert [part.strip() for part in head.strip("|").split("|")][-3:] == [
        "× lower bound",
        "time",
        "n",
    ]
    assert first.split("|")[-4].strip() == "2.5"
    assert "95 % intervals over all looks (99.16 % each)" in told


def test_aggregates_tell_what_was_left_out(harness, tmp_path):
    run = run_of({"a": noisy(1, 20), "b": noisy(2, 20, 12.0)})
    run.add("a", noisy(3, 20), task_params={"arms": 2})
    write_run(tmp_path, run, "one")
    code, out, _ = harness("leaderboard", "one", "--aggregate", "--metric", "regret")
    assert code == 0
    assert "interquartile mean" in out
    assert "no value of b" in out
    told = json.loads(
        harness("leaderboard", "one", "--aggregate", "--metric", "regret", "--format", "json")[1]
    )
    assert [each["label"] for each in told[0]["methods"]] == ["a", "b"]


def test_a_reader_that_goes_away_does_not_change_the_exit_code(tmp_path):
    base = {"a": noisy(1, 40)}
    write_run(tmp_path, run_of(base), "old")
    write_run(tmp_path, run_of({"a": base["a"] * 1.5}), "new")
    program = "from harness.cli.main import main; main()"
    command = [sys.executable, "-c", program, "compare", "old", "new", "--results", str(tmp_path)]
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        told = process.communicate(timeout=60)[1]
    assert (process.returncode, told) == (1, b"")  # a regression, and no traceback
