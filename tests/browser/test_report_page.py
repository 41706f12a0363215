"""The report page in a real browser: picker, sorting, filter, figures, themes, no request."""

import json
import shutil
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from harness.report import render
from harness.report.build import build
from harness.runner.results import Run

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
    shape = made.Shape(
        tasks=3, methods=23, points=8, seeds=4, labels=(ATTACK,), failing=4, published=True
    )
    run = made.make_run(folder / "runs", shape)
    return build([Run(run)], folder / "report").index.as_uri()


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
    assert "--cell" in opened.text


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
