"""A sweep of three small trials, killed once on its way: one diverges, the best is
tested.
"""

import json
import os
import re
import signal

import pytest

from phistar.pipeline.config.load import load
from phistar.pipeline.process.workers import Here
from phistar.pipeline.record.journal import read_all
from phistar.pipeline.record.naming import BETWEEN
from phistar.pipeline.record.scores import read_json
from phistar.pipeline.record.sent import read_state
from phistar.pipeline.tracking.address import TRAINING, results_page
from tests.helpers.browser import browser, find, keep, served, show, text, wait
from tests.helpers.commands import (
    copy_store,
    end,
    here,
    leftovers,
    mlflow_runs,
    start,
    until,
)
from tests.helpers.commands import phistar as command

SHORT = ("train.steps=40", "train.eval_every=10")
RATES = ("0.02", "1e30", "0.1")  # the second diverges
WORDS = ("sweep", "breast_cancer", *SHORT, f"train.learning_rate={','.join(RATES)}")


@pytest.fixture(scope="module")
def swept(project, tmp_path_factory):
    """(root, Done) of a sweep whose process was killed after its first trial."""
    root = copy_store(project, tmp_path_factory.mktemp("swept"))
    words = *WORDS, "--workers", str(min(2, Here().slots))
    process = start(*words, root=root)
    until(lambda: process.poll() is not None or trainings(root))
    os.killpg(process.pid, signal.SIGKILL)
    end(process)
    done = command(*words, root=root)
    assert done.status == 0, done.stderr
    return root, done


def trainings(root):
    """The trainings in the store."""
    return list(root.glob("mlruns/stages/train/[!.]*"))


@pytest.fixture(scope="module")
def shown(swept):
    """MLflow's runs of the sweep."""
    return mlflow_runs(swept[0])


def test_every_point_has_one_trial_and_the_best_on_valid_is_chosen(swept):
    _, done = swept
    trials = done.answer["trials"]
    rates = [trial["values"]["train.learning_rate"] for trial in trials]
    assert rates == list(RATES)
    assert done.answer["counts"] == {"finished": 2, "failed": 1}
    nll = [trial["valid_nll"] for trial in trials if trial["valid_nll"] is not None]
    assert done.answer["best"]["valid_nll"] == min(nll)
    assert all(t["low"] < t["valid_nll"] < t["high"] for t in (trials[0], trials[2]))


def test_a_trial_that_diverges_is_recorded_with_its_reason(swept, shown):
    root, done = swept
    failed = done.answer["trials"][1]
    assert failed["state"] == "failed" and "not finite" in failed["reason"]
    run = shown[failed["run_id"]]
    assert run["status"] == "FAILED" and "not finite" in run["tags"]["phistar.reason"]


def test_each_stage_is_made_once_and_test_is_looked_at_once(swept):
    root, _ = swept
    found = {p.name: len(list(p.glob("[!.]*"))) for p in root.glob("mlruns/stages/*")}
    assert found == {"ingest": 1, "build": 1, "train": 2, "evaluate": 1, "export": 1}
    assert not leftovers(root)
    ran = [
        (entry["stage"], entry["key"])
        for _, entries in read_all(root)
        for entry in entries
        if entry["kind"] == "stage" and entry["status"] == "ran"
    ]
    assert len(ran) == len(set(ran)), "finished work was repeated"


def test_a_trial_is_the_run_that_can_be_typed(swept, tmp_path):
    root, done = swept
    alone = here(
        "run",
        "breast_cancer",
        *SHORT,
        "train.learning_rate=0.1",
        "--to",
        "train",
        root=tmp_path,
    )
    made = read_json(
        root
        / "mlruns/stages/train"
        / alone.answer["stages"]["train"]["key"]
        / "manifest.json"
    )
    assert made["digest"] == alone.digests["train"]
    valid = read_json(root / "mlruns/stages/train" / made["key"] / "valid.json")
    assert valid["valid_nll"] == done.answer["trials"][2]["valid_nll"]


def test_mlflow_has_one_parent_with_its_trials_and_artifacts(swept, shown):
    _, done = swept
    parent = shown[done.answer["run_id"]]
    assert parent["status"] == "FINISHED"
    files = {"report.html", "best.yaml", "parallel_coordinates.png", "importance.png"}
    assert files <= set(parent["files"])
    trials = {trial["run_id"] for trial in done.answer["trials"]}
    assert set(shown) == trials | {done.answer["run_id"]}
    for run_id in trials:
        assert shown[run_id]["tags"]["mlflow.parentRunId"] == done.answer["run_id"]
    names = [shown[t["run_id"]]["name"] for t in done.answer["trials"]]
    assert names == [f"trial {n} · lr {float(r):g}" for n, r in enumerate(RATES)]
    best = shown[done.answer["best"]["run_id"]]
    assert best["status"] == "FINISHED" and "test/nll" in best["metrics"]
    nll = [value for _, _, value in parent["metrics"]["test/nll"]]
    assert nll == [done.answer["metrics"]["test_nll"]]
    assert parent["params"]["train.learning_rate"] == ",".join(RATES)
    for trial in (done.answer["trials"][0], done.answer["trials"][2]):
        points = shown[trial["run_id"]]["metrics"]["valid/nll_best"]
        assert [(step, v) for step, _, v in points] == [(0, trial["valid_nll"])]


def test_the_report_says_how_many_were_looked_at_beside_both_nll(swept):
    _, done = swept
    with open(done.answer["page"]) as file:
        page = file.read()
    best, metrics = done.answer["best"], done.answer["metrics"]
    said = done.answer["sentence"]
    assert "The best of 3 trials (2 finished, 1 failed)" in said and said in page
    assert f"{best['valid_nll']:.4f}" in said and f"{metrics['test_nll']:.4f}" in said
    assert page.count("<img ") == 2 and not re.search(r'(src|href)="(?!data:|#)', page)
    for rate in RATES:
        assert f"<td>{rate}</td>" in page


def test_the_best_config_is_a_recipe_whose_run_is_there_already(swept, tmp_path):
    root, done = swept
    again = here("plan", done.answer["recipe"], root=root)
    assert {row["status"] for row in again.answer["stages"]} == {"cached"}
    rate = float(done.answer["best"]["values"]["train.learning_rate"])
    config = load(done.answer["recipe"], [], tmp_path)
    assert config.sections["train"]["learning_rate"] == rate


def test_the_same_command_again_does_nothing(swept):
    root, done = swept
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    again = here(*WORDS, root=root)
    assert again.answer == json.loads(json.dumps(done.answer))
    assert "nothing new" in again.stderr
    after = {
        path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()
    }
    own = {p: t for p, t in after.items() if p.name not in (".lock",)}
    assert {p: before.get(p) for p in own} == own


def test_runs_has_the_keys_that_differ_and_intervals(swept):
    root, done = swept
    found = here("runs", "breast_cancer", root=root).answer["runs"]
    ranked = [run for run in found if run["group"] == "present"]
    assert [run["valid_nll"] for run in ranked] == sorted(
        r["valid_nll"] for r in ranked
    )
    best = done.answer["best"]["values"]["train.learning_rate"]
    assert ranked[0]["differs"] == {"train.learning_rate": float(best)}
    rates = {run["differs"]["train.learning_rate"] for run in ranked}
    assert rates == {float(RATES[0]), float(RATES[2])}
    out = here("runs", "breast_cancer", root=root, json=False).stdout
    assert f"lr {best}" in out and f"{ranked[0]['valid_nll_low']:.4f} to " in out
    assert max(map(len, out.splitlines())) <= 80
    (best,) = here("runs", "breast_cancer", "--by", "time", root=root).answer["runs"][
        :1
    ]
    assert best["valid_nll"] in {run["valid_nll"] for run in ranked}
    refused = here("runs", "breast_cancer", "--by", "test_nll", root=root)
    assert refused.status == 2 and "--by test_nll" in refused.answer["error"]


@pytest.mark.slow
def test_mlflow_shows_the_sweep_with_its_pictures_and_the_table_of_runs(
    swept, tmp_path
):
    root, done = swept
    state = read_state(root, done.answer["run_id"])
    with served(root) as server, browser(tmp_path, server) as driver:
        place = f"{server}/#/experiments/{state['experiment_id']}"
        parent = f"{place}/runs/{state['mlflow_run_id']}/artifacts?{TRAINING}"
        show(driver, parent, height=1400)
        wait(driver, lambda: f"sweep of lr{BETWEEN}3 trials" in text(driver))
        find(driver, "//*[normalize-space(text())='parallel_coordinates.png']").click()
        drawn = "return Math.max(0, ...[...document.images].map(i => i.naturalWidth))"
        wait(driver, lambda: driver.execute_script(drawn) > 400)
        keep(driver, "sweep-parallel-coordinates")
        find(driver, "//*[normalize-space(text())='report.html']").click()
        driver.switch_to.frame(find(driver, "//iframe"))
        wait(driver, lambda: done.answer["sentence"] in text(driver))
        for trial in done.answer["trials"]:
            assert trial["values"]["train.learning_rate"] in text(driver)
        driver.switch_to.default_content()
        keep(driver, "sweep-report")
        show(driver, results_page(server, state["experiment_id"]))
        names = [
            f"trial {n}{BETWEEN}lr {float(rate):g}" for n, rate in enumerate(RATES)
        ]
        wait(driver, lambda: all(name in text(driver) for name in names))
        keep(driver, "sweep-runs")
