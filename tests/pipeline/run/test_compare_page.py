"""MLflow's pages of real runs, as a browser shows them at 1440 and at 400 pixels.

MLFLOW_PICTURES=<folder> keeps a picture of each page; the docs show them.
"""

import json
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

from phistar.pipeline.record.sent import read_state
from phistar.pipeline.run.compare import compare
from phistar.pipeline.tracking.address import TRAINING, results_page
from tests.helpers.browser import browser as started
from tests.helpers.browser import find, keep, served, show, text, wait
from tests.helpers.commands import copy_store, here

FLOORS = ("test/nll_uniform", "test/nll_prior")
FEWEST_POINTS = 5
# MLflow puts on a narrow page below each other what is side by side on a wide one, and
# draws the schema of a model, below its description, only where it is in sight.
HEIGHTS = {1440: 1200, 400: 1800}
REGISTRY_HEIGHTS = {1440: 2400, 400: 5000}
# the page of a comparison is opened at both; of others the narrow ones are slow tests
WIDTHS = [1440, pytest.param(400, marks=pytest.mark.slow)]


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
    done = here("run", "breast_cancer", "train.learning_rate=1e30", root=root)
    assert done.status == 1
    return Runs(root, ids, "train.loss", losses, "valid/nll")


def run_id(root, *overrides) -> str:
    """Our id of a run of `breast_cancer`; `phistar ui` sends it."""
    done = here("run", "breast_cancer", *overrides, root=root)
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
    with served(runs.root) as server:
        states = [read_state(runs.root, run_id) for run_id in runs.ids]
        ids = tuple(state["mlflow_run_id"] for state in states)
        _, _, place = compare(runs.ids, runs.root)["url"].partition("/#/")
        yield Page(server, states[0]["experiment_id"], ids, f"{server}/#/{place}")


@pytest.fixture(scope="module")
def browser(page, tmp_path_factory):
    with started(tmp_path_factory.mktemp("chromium"), page.server) as driver:
        yield driver


def open_compare_page(browser, page, width: int = 1440) -> None:
    show(browser, page.address, width, 1500)
    find(browser, "//h2[contains(., 'Comparing 2 Runs')]")


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


def test_compare_page_shows_what_differs_and_both_floors(browser, page, runs):
    open_compare_page(browser, page)
    find(browser, "//*[contains(@class, 'js-plotly-plot')]//*[name()='svg']")
    # the first axis is a metric that runs of any loss can be compared by
    axes = "//*[contains(@class, 'axis-title')]"
    names = [e.text for e in browser.find_elements("xpath", axes)]
    assert "valid/nll" in names, names
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
    keep(browser, "compare-1440")


def test_compare_page_opens_on_a_phone(browser, page, runs):
    open_compare_page(browser, page, 400)
    for words in ("linear", "linear · hinge"):
        wait(browser, lambda words=words: words in text(browser))
    keep(browser, "compare-400")


def test_compare_page_leads_to_the_curves(browser, page, runs):
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
    keep(browser, "curves-1440")


def failed_run(page) -> str:
    """MLflow's id of the run that failed."""
    request = urllib.request.Request(
        f"{page.server}/api/2.0/mlflow/runs/search",
        json.dumps(
            {
                "experiment_ids": [page.experiment],
                "filter": "attributes.status = 'FAILED'",
            }
        ).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        (run,) = json.loads(answer.read())["runs"]
    return run["info"]["run_id"]


CUT = (
    "runs",
    "charts",
    "run",
    "models",
)  # on a phone their tables are far below, or cut off
# page -> its place below the server, and texts that are seen there
PAGES = {
    "experiments": ("experiments?{w}", ["breast_cancer", "Is the tumour malignant?"]),
    "runs": ("{results}", ["linear", "linear · hinge", "linear · lr 1e+30"]),
    "charts": ("{results}&compareRunsMode=CHART", ["valid/nll", "train/loss"]),
    "run": ("experiments/{e}/runs/{run}?{w}", ["Is the tumour malignant?", "n = 115"]),
    "failed": (
        "experiments/{e}/runs/{failed}?{w}",
        ["the loss is not finite", "Lower train.learning_rate"],
    ),
    "artifacts": (
        "experiments/{e}/runs/{run}/artifacts?{w}",
        ["config.yaml", "log.txt", "model_summary.txt", "figures"],
    ),
    "models": ("experiments/{e}/models?{w}", ["breast_cancer · linear", "v1"]),
    "registry": (
        "models/breast_cancer/versions/1?{w}",
        ["Outputs (5)", "Intended use"],
    ),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page_shows_what_a_reader_looks_for(browser, page, name, width):
    place, expected = PAGES[name]
    results = results_page("", page.experiment).removeprefix("/#/")
    ids = {"e": page.experiment, "run": page.ids[0], "failed": failed_run(page)}
    place = place.format(w=TRAINING, results=results, **ids)
    heights = REGISTRY_HEIGHTS if name == "registry" else HEIGHTS
    show(browser, f"{page.server}/#/{place}", width, heights[width])
    if width == 400 and name in CUT:
        expected = ["Is the tumour malignant?"]
    for words in expected:
        wait(browser, lambda words=words: words in text(browser))
    keep(browser, f"{name}-{width}")


@pytest.mark.parametrize("width", WIDTHS)
def test_report_opens_among_the_artifacts(browser, page, width):
    place = f"experiments/{page.experiment}/runs/{page.ids[0]}/artifacts?{TRAINING}"
    show(browser, f"{page.server}/#/{place}", width, HEIGHTS[width])
    find(browser, "//*[normalize-space(text())='report.html']").click()
    browser.switch_to.frame(find(browser, "//iframe"))
    wait(browser, lambda: "What ran" in text(browser))
    assert "Better than guessing by" in text(browser)
    browser.switch_to.default_content()
    keep(browser, f"report-{width}")


def test_runs_table_shows_results_best_on_valid_first(browser, page):
    show(browser, results_page(page.server, page.experiment))
    heads = "//*[@role='columnheader']"

    def seen() -> list[str]:
        return [e.text.strip() for e in browser.find_elements("xpath", heads)]

    wait(browser, lambda: "test/nll" in seen() and "valid/nll_best" in seen())
    best = [known_metrics(page, run_id)["valid/nll_best"] for run_id in page.ids]
    names = ["linear", "linear · hinge"]
    first, second = (name for _, name in sorted(zip(best, names, strict=True)))
    shown = text(browser).splitlines()
    assert shown.index(first) < shown.index(second) < shown.index("linear · lr 1e+30")


@pytest.mark.parametrize("width", WIDTHS)
def test_data_sets_of_a_run_open(browser, page, width):
    place = f"experiments/{page.experiment}/runs/{page.ids[0]}?{TRAINING}"
    show(browser, f"{page.server}/#/{place}", width, HEIGHTS[width])
    link = find(browser, "//span[starts-with(., 'breast_cancer · train')]")
    browser.execute_script("arguments[0].scrollIntoView()", link)
    link.click()
    # on a phone MLflow draws the values at the right outside of the window
    drawer = "return document.body.textContent"
    for words in ("rows: 396", "benign: 249", "malignant: 147", "scikit-learn"):
        wait(browser, lambda words=words: words in browser.execute_script(drawer))
    keep(browser, f"data-{width}")
