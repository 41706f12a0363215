"""The report page in a real browser: picker, sorting, filter, figures, themes, no request."""

import json
import shutil
import sys
from dataclasses import replace
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from harness.report import render
from harness.report.build import build
from harness.runner.results import Run
from harness.store.record import read_run_json, write_run_json

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(find_spec("selenium") is None, reason="needs selenium"),
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="needs chromium, chromium-driver"
    ),
    pytest.mark.skipif(not render.can_render(), reason="needs vl-convert-python"),
]

_MADE = Path(__file__).parents[2] / "benchmarks" / "report_size.py"
ATTACK = "<script>alert(1)</script>"
SUITE = """suite: synthetic
description: Made for measuring synthetic.
entries: [{task: synthetic/task, methods: [toy/method-1]}]
claims:
  - {name: the prior-free bound, metric: regret, where: {label: toy/method-1}, at_most: 100}
"""
METRIC = {"name": "regret", "unit": "reward", "direction": "lower", "axis": "round"}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}


def _made():
    spec = spec_from_file_location("report_size", _MADE)
    module = module_from_spec(spec)
    sys.modules["report_size"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    made = _made()
    folder = tmp_path_factory.mktemp("browser")
    shape = {"tasks": 3, "methods": 23, "points": 8, "seeds": 30, "labels": (ATTACK,)}
    old = made.make_run(folder / "runs", made.Shape(**shape))
    run = made.make_run(
        folder / "runs",
        made.Shape(**shape, failing=30, published=True, shift=0.5),
        day=1,
        commit="a41d07b",
    )
    told = {"suite_text": SUITE, "metrics": {"synthetic/task": [METRIC]}}
    write_run_json(run, replace(read_run_json(run), **told))
    return build([Run(old), Run(run)], folder / "report").index.as_uri()


@pytest.fixture(scope="module")
def chromium():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium, address):
    """The page opened anew; afterwards nothing was logged and nothing was asked for."""
    for log in ("browser", "performance"):
        chromium.get_log(log)
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", DESK)
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    chromium.get("about:blank")
    chromium.get(address)
    chromium.execute_script("sessionStorage.clear()")
    yield chromium
    assert chromium.get_log("browser") == []
    assert _asked(chromium) - {address} == set()


def _asked(driver):
    """What the page asked for, its own address included; not what the browser itself asks."""
    found = set()
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"].partition("#")[0]
            if not url.startswith("data:"):
                found.add(url)
    return found


def _labels(page):
    """Labels of the board that is seen, from top to bottom."""
    return page.execute_script(
        "return [...document.querySelectorAll('tr[data-label]')]"
        ".filter(row => row.offsetParent !== null).map(row => row.dataset.label)"
    )


def _one(page, css):
    from selenium.webdriver.common.by import By

    return page.find_element(By.CSS_SELECTOR, css)


def _until(page, condition):
    from selenium.webdriver.support.wait import WebDriverWait

    return WebDriverWait(page, 20).until(lambda driver: driver.execute_script(condition))


def _choose(page, css, value):
    page.execute_script(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('change', {bubbles: true}))",
        css,
        value,
    )


def _value(page, label, column):
    return page.execute_script(
        "const row = [...document.querySelectorAll('tr[data-label]')].find(row =>"
        " row.offsetParent !== null && row.dataset.label === arguments[0]);"
        "return row.querySelector(arguments[1]).textContent",
        label,
        column,
    )


def test_the_watch_notices_a_page_that_asks_for_something(chromium, tmp_path):
    (tmp_path / "scratch.html").write_text('<img src="picture.png">')
    chromium.get((tmp_path / "scratch.html").as_uri())
    assert (tmp_path / "picture.png").as_uri() in _asked(chromium)
    assert chromium.get_log("browser") != []


def test_a_hostile_name_is_text_and_runs_nothing(page):
    assert _labels(page)[0] == ATTACK
    assert page.execute_script("return document.querySelectorAll('td script').length") == 0


def test_one_board_of_twenty_rows_is_seen_until_all_are_asked_for(page):
    assert len(_labels(page)) == 20
    page.execute_script("document.querySelector('.task.chosen button.all').click()")
    assert len(_labels(page)) == 24


def test_a_second_press_turns_the_order_and_what_has_no_value_stays_last(page):
    page.execute_script("document.querySelector('.task.chosen button.all').click()")
    press = (
        "[...document.querySelectorAll('.task.chosen th button')]"
        ".find(b => b.textContent === 'Regret').click()"
    )
    page.execute_script(press)
    ascending = _labels(page)
    page.execute_script(press)
    descending = _labels(page)
    assert ascending[-1] == descending[-1] == "toy/method-22"  # all of its cells failed
    assert ascending[:-1] == descending[:-1][::-1]
    head = "return document.querySelector('.task.chosen th[aria-sort]').getAttribute('aria-sort')"
    assert page.execute_script(head) == "descending"


def test_the_filter_keeps_what_contains_the_word_and_says_how_many(page):
    _one(page, "#find").send_keys("method-1")
    kept = _labels(page)
    assert kept
    assert all("method-1" in label for label in kept)
    assert _one(page, "#said").text == f"{len(kept)} of 24 methods"


def test_slash_goes_to_the_search_and_escape_clears_it(page):
    body = _one(page, "body")
    body.send_keys("/")
    assert page.switch_to.active_element.get_attribute("id") == "find"
    page.switch_to.active_element.send_keys("method-7")
    assert _labels(page) == ["toy/method-7"]
    page.switch_to.active_element.send_keys("\ue00c")
    assert len(_labels(page)) > 20
    assert _one(page, "#find").get_attribute("value") == ""


def test_the_address_leads_to_the_task_that_was_seen(page, address):
    _choose(page, "#task", "synthetic/task horizon=3000")
    shown = page.current_url
    assert "task=synthetic%2Ftask+horizon%3D3000" in shown
    seen = _value(page, "toy/method-2", ".e")
    page.get("about:blank")
    page.get(shown)
    assert _value(page, "toy/method-2", ".e") == seen
    assert _one(page, "#task").get_attribute("value") == "synthetic/task horizon=3000"


def test_the_search_narrows_the_tasks_and_shows_the_first(page):
    _one(page, "#search-task").send_keys("2000")
    assert page.execute_script("return document.querySelector('#task').options.length") == 1
    title = "return document.querySelector('.task.chosen').dataset.task"
    assert page.execute_script(title) == "synthetic/task horizon=2000"


def test_a_row_leads_to_its_cells_and_their_command(page):
    page.execute_script("document.querySelector('.task.chosen td.m a').click()")
    opened = _one(page, ".task.chosen .cells details[open]")
    assert ATTACK in opened.text
    assert "--method" in opened.text


def _cells(page):
    """Ids of the cells that are seen, from top to bottom."""
    return page.execute_script(
        "return [...document.querySelectorAll('.cells details[open] button.cell')]"
        ".map(each => each.dataset.cell)"
    )


def test_every_cell_is_reached_and_the_last_one_opens_to_its_command(page):
    page.execute_script("document.querySelector('.task.chosen td.m a').click()")
    _until(page, "return document.querySelectorAll('.cells details[open] button.cell').length")
    seen = _cells(page)
    while _one(page, ".pager .later").is_enabled():
        page.execute_script("document.querySelector('.pager .later').click()")
        seen += _cells(page)
    assert len(seen) == len(set(seen)) == 30
    button = page.find_elements("css selector", ".cells details[open] button.cell")[-1]
    page.execute_script("arguments[0].click()", button)
    facts = _one(page, ".cells tr.facts").text
    assert f"--cell {seen[-1]} --inline --fresh" in facts
    assert "made-up" in facts  # the machine
    assert page.current_url.endswith(f"#cell={seen[-1]}")
    focused = page.switch_to.active_element
    assert focused.get_attribute("data-cell") == seen[-1]
    assert focused.get_attribute("aria-expanded") == "true"


def test_the_address_of_a_cell_leads_to_it_and_its_seed_too(page, address):
    page.execute_script("document.querySelector('.task.chosen td.m a').click()")
    _until(page, "return document.querySelectorAll('.cells details[open] button.cell').length")
    page.execute_script("document.querySelector('.pager .last').click()")
    last = _cells(page)[-1]
    page.get("about:blank")
    page.get(f"{address}#cell={last}")
    assert f"--cell {last} " in _one(page, ".cells tr.facts").text
    _one(page, ".cells details[open] .pager .seed").send_keys("3")
    facts = _one(page, ".cells tr.facts")
    assert "Seed 3 " in facts.text.replace("\n", " ")
    assert last not in facts.text


def test_a_claim_opens_to_its_groups_and_they_lead_to_curve_and_cells(page):
    claim = "document.querySelector('#claims-good + .inner details')"
    assert page.execute_script(f"return {claim}.open") is False
    summary = page.execute_script(f"return {claim}.querySelector('summary')")
    summary.send_keys("\ue007")  # Enter
    rows = page.execute_script(
        f"return [...{claim}.querySelectorAll('.groups tbody tr')].map(row => row.innerText)"
    )
    assert len(rows) == 3
    assert all("toy/method-1 on synthetic/task" in row for row in rows)
    assert ["failed" in row for row in rows] == [True, False, False]  # what failed comes first
    links = page.execute_script(
        f"return [...{claim}.querySelectorAll('.groups tbody tr:first-child a')].map(a => a.hash)"
    )
    assert links == ["#figure-t2-regret", "#t2-m1"]
    page.execute_script(f"{claim}.querySelector('a[href=\"#t2-m1\"]').click()")
    assert _one(page, "#t2-m1").is_displayed()
    assert _one(page, "#task").get_attribute("value") == "synthetic/task horizon=3000"


def test_what_changed_is_said_with_interval_p_value_and_verdict(page):
    first = _one(page, "#changes table.changes tbody tr").text.replace("\n", " ")
    assert first.startswith("worse")
    assert ATTACK in first
    assert " %" in first
    assert "<.001" in first


def test_a_curve_is_drawn_before_any_script_and_comes_alive_when_touched(page):
    drawn = "return document.querySelectorAll('.task.chosen figure svg path').length"
    assert page.execute_script(drawn) > 20
    assert page.execute_script("return typeof window.vegaEmbed") == "undefined"
    page.execute_script("document.querySelector('.task.chosen .canvas').focus()")
    _until(page, "return document.querySelector('.task.chosen .canvas .vega-embed svg') !== null")
    assert page.execute_script("return typeof window.vegaEmbed") == "function"


def test_the_theme_is_the_systems_and_the_switch_is_remembered(page, address):
    ground = "return getComputedStyle(document.body).backgroundColor"
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert page.execute_script(ground) == "rgb(19, 22, 26)"
    _one(page, "#theme").click()
    assert page.execute_script(ground) == "rgb(255, 255, 255)"
    page.get(address)
    assert page.execute_script(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_is_wider_than_a_phone(page, media):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media})
    assert page.execute_script("return document.documentElement.scrollWidth") == 390


def test_on_a_phone_rows_are_cards_and_still_a_table(page):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    row = _one(page, ".task.chosen tr[data-label]")
    assert row.value_of_css_property("display") == "grid"
    assert row.get_attribute("role") == "row"
    tall = page.execute_script(
        "return [...document.querySelectorAll('.tools select, .tools input, .counts a')]"
        ".map(each => each.getBoundingClientRect().height)"
    )
    assert min(tall) >= 44


OUTSIDE = """
const clip = arguments[0].getBoundingClientRect();
return [...arguments[0].querySelectorAll(arguments[1])].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && (box.left < clip.left - 1 || box.right > clip.right + 1
    || box.top < clip.top - 1 || box.bottom > clip.bottom + 1);
}).map(each => each.textContent);
"""


def test_on_a_phone_no_link_of_the_navigation_is_cut_off(page):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    nav = _one(page, "nav")
    assert len(nav.find_elements("css selector", "a")) == 5
    assert page.execute_script(OUTSIDE, nav, "a") == []
    assert nav.get_property("scrollWidth") <= nav.get_property("clientWidth")


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_no_label_of_a_figure_is_cut_off_by_its_canvas(page, size):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    _choose(page, "#task", "synthetic/task horizon=3000")
    canvas = _one(page, ".task.chosen .canvas")
    words = page.execute_script(
        "return [...arguments[0].querySelectorAll('text')].map(each => each.textContent)", canvas
    )
    assert any(word.startswith("guarantee") for word in words)
    assert page.execute_script(OUTSIDE, canvas, "svg text") == []


def test_on_a_phone_a_cell_and_its_command_are_not_cut_off(page):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.execute_script("document.querySelector('.task.chosen td.m a').click()")
    _until(page, "return document.querySelectorAll('.cells details[open] button.cell').length")
    page.execute_script("document.querySelector('.cells details[open] button.cell').click()")
    box = _one(page, ".cells details[open] .scroll")
    assert box.find_element("css selector", "tr.facts pre").is_displayed()
    assert box.get_property("scrollWidth") <= box.get_property("clientWidth")


@pytest.mark.parametrize("table", ["table.changes", "table.groups", "table.runs"])
def test_on_a_phone_no_table_is_wider_than_its_place(page, table):
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.execute_script(
        "document.querySelectorAll('#claims details, #changes details, .history details')"
        ".forEach(each => each.open = true)"
    )
    found = _one(page, table)
    row = found.find_element("xpath", "./tbody/tr[last()]")
    assert row.value_of_css_property("display") == "grid"
    assert row.get_attribute("role") == "row"
    box = found.find_element("xpath", "..")
    assert box.get_property("scrollWidth") <= box.get_property("clientWidth")


def test_everything_that_takes_the_focus_has_a_name(page):
    parts = "#claims details, #changes details, .task.chosen .cells > :nth-child(2)"
    page.execute_script(
        "document.querySelectorAll(arguments[0]).forEach(each => each.open = true)", parts
    )
    _until(page, "return document.querySelector('.pager') !== null")
    tree = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored")
        and any(
            each["name"] == "focusable" and each["value"].get("value")
            for each in node.get("properties", ())
        )
        and not node.get("name", {}).get("value")
        and node["role"]["value"] != "RootWebArea"
    ]
    assert nameless == []


def test_print_opens_what_is_folded_and_drops_the_tools(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not _one(page, ".tools").is_displayed()
    controls = _one(page, "details.controls table")
    assert controls.size["height"] > 20


def test_keys_alone_reach_the_sort_buttons_with_a_visible_focus(page):
    page.execute_script("document.querySelector('.task.chosen th button').focus()")
    button = page.switch_to.active_element
    button.send_keys("\ue007")  # Enter
    assert _labels(page)[-1] != ATTACK
    style = button.value_of_css_property("outline-style")
    assert style == "solid"


def test_without_a_script_every_board_is_there(page, address):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.get(address + "?plain")
        text = page.execute_cdp_cmd("DOM.getDocument", {"depth": 0})
        found = page.execute_cdp_cmd(
            "DOM.querySelectorAll", {"nodeId": text["root"]["nodeId"], "selector": "article.task"}
        )
        boxes = [
            page.execute_cdp_cmd("DOM.getBoxModel", {"nodeId": node})["model"]["height"]
            for node in found["nodeIds"]
        ]
        assert len(boxes) == 3
        assert min(boxes) > 400
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        page.get(address)
        page.get_log("performance")
