"""``harness report`` on the command line."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.errors import UsageError

_MADE = Path(__file__).parents[2] / "benchmarks" / "report_size.py"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    import sys

    spec = spec_from_file_location("report_size", _MADE)
    made = module_from_spec(spec)
    sys.modules["report_size"] = made
    spec.loader.exec_module(made)
    folder = tmp_path_factory.mktemp("results")
    shape = made.Shape(tasks=1, methods=3, points=4, seeds=3)
    made.make_run(folder, shape)
    made.make_run(folder, shape, day=1, commit="a41d07b")
    return folder


def _report(results, *arguments):
    command = ["report", *arguments, "--results", str(results)]
    return CliRunner().invoke(cli, command, catch_exceptions=False, standalone_mode=False)


def test_the_latest_run_is_reported_unless_one_is_named(results, tmp_path):
    _report(results, "-o", str(tmp_path))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "20261125-2031-a41d07b" in text
    assert "3f9c2e1" not in text


def test_runs_by_id_stand_side_by_side(results, tmp_path):
    _report(results, "20261124-2031-3f9c2e1", "20261125-2031-a41d07b", "-o", str(tmp_path))
    assert "The same in every run" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_the_path_of_the_page_is_printed(results, tmp_path):
    said = _report(results, "synthetic", "-o", str(tmp_path / "made" / "here"))
    assert str(tmp_path / "made" / "here" / "index.html") in said.output


def test_open_opens_the_page_that_was_written(results, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(click, "launch", lambda url: opened.append(url))
    _report(results, "-o", str(tmp_path), "--open")
    assert opened == [(tmp_path / "index.html").as_uri()]


def test_a_run_that_is_not_there_is_named_and_nothing_is_written(results, tmp_path):
    with pytest.raises(UsageError, match="nosuch"):
        _report(results, "nosuch", "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_page_made_twice_is_the_same_but_for_the_time(results, tmp_path):
    from datetime import UTC, datetime

    from harness.report.build import build
    from harness.runner import load

    now = datetime(2026, 11, 24, tzinfo=UTC)
    pages = [
        build([load(results=results)], tmp_path / name, now=now).index.read_bytes()
        for name in ("one", "two")
    ]
    assert pages[0] == pages[1]
