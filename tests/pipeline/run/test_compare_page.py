"""MLflow's compare page, as a browser shows it: two binary runs side by side.

COMPARE_PAGE_PNG=<path>.png keeps two pictures: the page, which the README shows, and
<path>-curves.png, where its metrics lead.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.record.sent import read_state
from pipeline.run.compare import compare
from tests.helpers.commands import copy_store, here

CODE = Path(__file__).resolve().parents[3]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --window-size=1300,1500"
)
FLOORS = ("test_nll_uniform", "test_nll_prior")
FEWEST_POINTS = 5
ASSISTANT = "[data-component-id='mlflow.assistant.chat_panel.close']"


class Runs(NamedTuple):
    """Two runs to compare, all that the tests below know of them."""

    root: Path
    ids: tuple[str, str]  # our run ids
    parameter: str  # what differs
    values: tuple[str, str]
    curve: str  # a metric by step


@pytest.fixture(scope="module")
def runs(project, tmp_path_factory) -> Runs:
    root = copy_store(project, tmp_path_factory.mktemp("compare"))
    losses = ("logistic", "hinge")
    ids = tuple(run_id(root, f"train.loss={loss}") for loss in losses)
    return Runs(root, ids, "train.loss", losses, "valid_nll")


def run_id(root, *overrides) -> str:
    """Our id of a run of `breast_cancer`, to its metrics; `phistar ui` sends it."""
    done = here("run", "breast_cancer", *overrides, "--to", "evaluate", root=root)
    assert done.status == 0, done.stderr
    return done.answer["run_id"]


class Page(NamedTuple):
    """MLflow's server over the runs, and where they are in it."""

    server: str
    experiment: str
    ids: tuple[str, str]  # MLflow's run ids
    address: str  # as `phistar compare` prints it, but for the server


@pytest.fixture(scope="module")
def page(runs):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from pipeline.tracking import ui; ui.ui({str(runs.root)!r}, {port})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CODE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
        start_new_session=True,
    )
    server = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 240
        while not answers(f"{server}/health"):
            assert process.poll() is None, "MLflow's server ended"
            assert time.monotonic() < end, "MLflow's server does not answer"
            time.sleep(0.2)
        states = [read_state(runs.root, run_id) for run_id in runs.ids]
        ids = tuple(state["mlflow_run_id"] for state in states)
        _, _, place = compare(runs.ids, runs.root)["url"].partition("/#/")
        yield Page(server, states[0]["experiment_id"], ids, f"{server}/#/{place}")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    for program in ("chromium", "chromedriver"):
        assert shutil.which(program), "apt-get install chromium chromium-driver"
    options = webdriver.ChromeOptions()
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.binary_location = shutil.which("chromium")
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    default = tmp_path_factory.mktemp("pictures") / "compare.png"
    return Path(os.environ.get("COMPARE_PAGE_PNG", default)).resolve()


def wait(browser, condition, seconds: float = 60):
    """The first true value of `condition()`."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds, 0.1).until(lambda _: condition())


def find(browser, xpath: str):
    """The one element, as soon as it is there."""
    return wait(browser, lambda: browser.find_elements("xpath", xpath))[0]


def open_compare_page(browser, page) -> None:
    browser.get("about:blank")  # else only the part after # changes, and nothing loads
    browser.get(page.address)
    find(browser, "//h2[contains(., 'Comparing 2 Runs')]")
    # A beta panel covers a quarter of the window at a first visit, and the page keeps
    # the width it had beside it.
    for panel in browser.find_elements("css selector", ASSISTANT):
        panel.click()
        wait(browser, lambda: not browser.find_elements("css selector", ASSISTANT))
        browser.refresh()
        find(browser, "//h2[contains(., 'Comparing 2 Runs')]")
        assert not browser.find_elements("css selector", ASSISTANT)


def parameter(browser, name: str) -> list[str]:
    """A row of the table of parameters, without its name."""
    line = find(browser, f"//tr[th[normalize-space()='{name}']]")
    return [cell.text for cell in line.find_elements("xpath", "./td")]


# The metrics are two grids side by side, names and values, that hold only the rows in
# sight. Both are scrolled, until the named row is in both and they stand alike: the
# cells of a row then lie at the same height.
METRIC = """
const inner = '.ReactVirtualized__Grid__innerScrollContainer > div';
const cells = [...document.querySelectorAll(inner)];
const named = cells.find(cell => cell.innerText.trim() === arguments[0]);
const grids = [...document.querySelectorAll('.ReactVirtualized__Grid')].slice(-2);
const alike = grids[0].scrollTop === grids[1].scrollTop;
const row = named ? cells.filter(cell => cell.style.top === named.style.top) : [];
const box = grids[0].getBoundingClientRect();
const top = cell => Math.round(cell.getBoundingClientRect().top);
const seen = row.every(cell => top(cell) >= box.top - 1 && top(cell) < box.bottom - 40);
if (alike && row.length === 3 && seen && new Set(row.map(top)).size === 1) {
    return row.filter(cell => cell !== named).map(cell => cell.innerText.trim());
}
if (alike) {
    const end = grids[0].scrollHeight - grids[0].clientHeight;
    window.metricsAt = grids[0].scrollTop >= end - 1 ? 0 : grids[0].scrollTop + 90;
}
grids.forEach(grid => { grid.scrollTop = window.metricsAt || 0; });
return null;
"""


def metric(browser, name: str) -> list[str]:
    """A row of the table of metrics, without its name."""
    return wait(browser, lambda: browser.execute_script(METRIC, name))


def known_metrics(page, run_id: str) -> dict:
    """MLflow's API on a run."""
    address = f"{page.server}/api/2.0/mlflow/runs/get?run_id={run_id}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        metrics = json.loads(answer.read())["run"]["data"]["metrics"]
    return {metric["key"]: metric["value"] for metric in metrics}


def test_compare_page_shows_what_differs_and_both_floors(browser, page, runs, picture):
    open_compare_page(browser, page)
    find(browser, "//*[contains(@class, 'js-plotly-plot')]//*[name()='svg']")
    assert parameter(browser, runs.parameter) == list(runs.values)
    # Only what differs, and no times: else the metrics lie below the picture.
    find(browser, "//*[@aria-label='Parameters - Show diff only']").click()
    same = "//tr[th[normalize-space()='task.name']]"
    wait(browser, lambda: not browser.find_elements("xpath", same))
    find(browser, "//*[@role='button'][contains(., 'Run details')]").click()
    assert parameter(browser, runs.parameter) == list(runs.values)
    for floor in FLOORS:
        expected = [known_metrics(page, run_id)[floor] for run_id in page.ids]
        shown = [float(cell) for cell in metric(browser, floor)]
        assert shown == pytest.approx(expected, abs=6e-3)  # the page shows 3 digits
    time.sleep(0.5)  # the section folds slowly
    assert browser.save_screenshot(str(picture))


def test_compare_page_leads_to_the_curves(browser, page, runs, picture):
    open_compare_page(browser, page)
    metric(browser, runs.curve)
    find(browser, f"//a[normalize-space()='{runs.curve}']").click()
    find(browser, "//*[@data-testid='show-point-toggle']").click()

    def points() -> list[int]:
        """Points drawn, by curve; each curve has a paler one without points."""
        return browser.execute_script(
            "return [...document.querySelectorAll('.scatterlayer .trace')]"
            ".map(trace => trace.querySelectorAll('path.point').length)"
            ".filter(count => count > 0)"
        )

    wait(browser, lambda: len(points()) == 2 and min(points()) >= FEWEST_POINTS)
    assert browser.save_screenshot(
        str(picture.with_name(f"{picture.stem}-curves{picture.suffix}"))
    )
