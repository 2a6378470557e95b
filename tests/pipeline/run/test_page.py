"""The page of a run: evaluate's page, and what this run did."""

from pathlib import Path

import pytest

from phistar.pipeline.run import page
from tests.helpers import records
from tests.helpers.commands import copy_store, here
from tests.helpers.pages import Page

COMMAND = "phistar run <b>breast_cancer</b> train.loss=hinge"
EVALUATED = """<!doctype html><html><head><title>t</title></head><body>
<h1>t</h1>
<!-- question -->
<nav><a href="#results">Results</a></nav>
<section id="results"><h2>Results</h2></section>
<!-- run -->
</body></html>
"""


def evaluate(log, folder):
    records.evaluate(log, folder)
    (folder / "report.html").write_text(EVALUATED)


@pytest.fixture
def record(tmp_path):
    """A record that has come past evaluate, whose words are HTML."""
    record = records.start(
        tmp_path,
        params={"ingest.path": "<script>", "train.steps": 80},
        tags={"version.keras": "3.15.1", "num_cpus": "2"},
        question="Is the tumour malignant? <i>",
    )
    records.stage(record, "train", lambda log, folder: records.train(log))
    records.stage(record, "evaluate", evaluate)
    record.append("resume", command=COMMAND)
    return record


def test_facts_of_the_run_are_in_a_copy_of_the_page(record):
    path = page.write(record)
    assert path == record.root / "mlruns" / "runs" / f"{record.run_id}.report.html"
    found = Page(path.read_text("utf-8"))
    for mark in ("<!-- run -->", "<!-- question -->"):
        assert mark not in path.read_text("utf-8")
    for word in (record.run_id, COMMAND, "keras 3.15.1", "train.steps", "<script>"):
        assert word in found.text
    assert "Is the tumour malignant? <i>" in found.text
    assert "script" not in {name for name, _ in found.elements}
    links = [given["href"][1:] for name, given in found.elements if name == "a"]
    ids = [given["id"] for name, given in found.elements if name == "section"]
    assert links == ids == ["results", "what-ran"]
    stages = [row[:3] for row in found.table("stage")]
    assert stages == [["train", "ran", "1.0"], ["evaluate", "ran", "1.0"]]


def test_evaluates_own_page_is_not_changed(record):
    page.write(record)
    folder = record.root / "mlruns" / "stages" / "evaluate" / records.KEY
    assert (folder / "report.html").read_text() == EVALUATED


def test_a_run_that_fails_after_evaluate_has_its_page(record):
    failed = record.path.with_suffix(".export.failed")
    record.stage("export", records.KEY, "failed", failed)
    found = Page(page.write(record).read_text("utf-8"))
    assert found.table("stage")[-1][:2] == ["export", "failed"]


def test_a_run_without_evaluation_has_no_page(tmp_path):
    record = records.start(tmp_path)
    records.stage(record, "train", lambda log, folder: records.train(log))
    assert page.write(record) is None
    assert not list(record.path.parent.glob("*.html"))


def test_a_real_run_has_its_page(trained):
    root, done = trained
    path = root / "mlruns" / "runs" / f"{done.answer['run_id']}.report.html"
    found = Page(path.read_text("utf-8"))
    assert f"{done.answer['metrics']['test_nll']:.4f}" in found.text
    stages = {row[0]: row[1:] for row in found.table("stage")}
    assert {name: row[0] for name, row in stages.items()} == done.statuses | {
        "export": "ran"
    }
    for name, stage in done.answer["stages"].items():
        assert stages[name][2] == stage["key"]


def test_ingest_ends_with_the_data_card(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest")
    done = here("ingest", "breast_cancer", root=root, json=False)
    assert done.status == 0, done.stderr
    shown = done.stdout.splitlines()
    assert shown.index("Rows and duplicates") < shown.index("Labels")
    assert any(line.split() == ["guessing", "evenly", "0.6931"] for line in shown)
    (where,) = [line for line in shown if line.startswith("as a page: ")]
    found = Page(Path(where.removeprefix("as a page: ")).read_text("utf-8"))
    rows = {row[0]: row[1:] for row in found.table("split", "rows")}
    assert sum(int(row[0]) for row in rows.values()) == 569
