"""One execution is one MLflow run: whole, cached, rebuilt, stopped, continued."""

import math
import os
import shutil
import signal
import statistics
import subprocess
import sys

import pytest

from pipeline.cli.arguments import STAGES
from pipeline.config.load import load
from pipeline.record.journal import read_all
from pipeline.record.naming import run_name
from tests.helpers.commands import (
    CODE,
    SHORT,
    copy_store,
    end,
    here,
    leftovers,
    mlflow_runs,
    phistar,
    start,
)

FIGURES = (
    "confusion_matrix",
    "learning_curves",
    "margin",
    "precision_recall",
    "reliability",
    "roc",
)
# seconds, to be stopped in the middle; too few examples for a preflight
LONG = ("train.steps=10000", "train.eval_every=1000", "train.batch_size=4")


@pytest.fixture(scope="module")
def cached(trained):
    """(root, first Done, second Done): the same command twice."""
    root, first = trained
    second = phistar("run", "breast_cancer", *SHORT, root=root)
    assert second.status == 0, second.stderr
    return root, first, second


@pytest.fixture(scope="module")
def runs(cached):
    """MLflow's runs of the two."""
    return mlflow_runs(cached[0])


def curve(run, name):
    """[(step, value)] in the order of steps."""
    return sorted((step, value) for step, _, value in run["metrics"][name])


def test_run_shows_parameters_curves_metrics_and_files(trained, runs):
    root, done = trained
    run = runs[done.answer["run_id"]]
    assert run["status"] == "FINISHED"
    assert run["params"]["train.steps"] == "80"
    assert run["params"]["task.positive"] == "malignant"
    assert run["params"]["train.total_steps"] == "80"  # found on the way
    assert [step for step, _ in curve(run, "train_loss")] == list(range(10, 81, 10))
    for name, value in done.answer["metrics"].items():
        if name.startswith("test_"):
            assert curve(run, name) == [(0, pytest.approx(value))]
    assert {"test_nll_uniform", "test_nll_prior", "test_nll_low"} <= set(run["metrics"])
    assert any(name.startswith("system/") for name in run["metrics"])
    figures = {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "svg")}
    assert figures <= set(run["files"])
    assert {f"stages/{stage}/manifest.json" for stage in STAGES} <= set(run["files"])
    assert len(run["data"]) == 1
    for stage, outcome in done.answer["stages"].items():
        assert run["tags"][f"key.{stage}"] == outcome["key"]
    assert run["tags"]["version.keras"]
    assert not [tag for tag in run["tags"] if tag.startswith("cached_from")]


def test_name_is_the_recipe_and_the_overrides():
    typed = "phistar run digits train.epochs=2 --root a=b --force train build.seed=1"
    config = load("digits", [], CODE)
    name = run_name(config, typed.split(), None)
    assert name == "digits train.epochs=2 build.seed=1"


def test_curve_on_valid_has_one_point_per_evaluation(trained, runs):
    run = runs[trained[1].answer["run_id"]]
    assert [step for step, _ in curve(run, "valid_nll")] == list(range(10, 81, 10))


def test_cached_run_answers_the_same(cached):
    _, first, second = cached
    assert second.statuses == dict.fromkeys(STAGES, "cached")
    assert second.digests == first.digests
    for name in ("metrics", "export", "experiment"):
        assert second.answer[name] == first.answer[name]
    assert second.answer["run_id"] != first.answer["run_id"]


def test_cached_run_shows_the_same_curves_metrics_and_files(cached, runs):
    _, first, second = cached
    old, new = (runs[done.answer["run_id"]] for done in (first, second))
    assert new["status"] == "FINISHED"
    own = {name for name in old["metrics"] if not name.startswith("system/")}
    assert own <= set(new["metrics"])
    for name in own:
        assert curve(new, name) == curve(old, name)
    for part in ("params", "files", "data"):
        assert new[part] == old[part]


def test_cached_run_says_whose_work_it_shows(cached, runs):
    _, first, second = cached
    tags = runs[second.answer["run_id"]]["tags"]
    for stage in STAGES:
        assert tags[f"cached_from.{stage}"] == first.answer["run_id"]


def test_deleted_database_is_rebuilt_from_the_journals(cached, runs, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(cached[0], root)
    for path in (root / "mlruns").glob("mlflow.db*"):
        path.unlink()
    shutil.rmtree(root / "mlruns" / "artifacts")
    words = [sys.executable, "-m", "pipeline.tracking.ui", "sync", "--root", str(root)]
    subprocess.run(words, cwd=CODE, check=True, capture_output=True)
    assert mlflow_runs(root) == runs


def test_two_processes_do_each_stage_once(project, tmp_path):
    root = copy_store(project, tmp_path)
    both = [start("run", "breast_cancer", *SHORT, root=root) for _ in range(2)]
    both = [end(process) for process in both]
    assert [done.status for done in both] == [0, 0], both
    for stage in STAGES:
        assert sorted(done.statuses[stage] for done in both) == ["cached", "ran"]
    assert both[0].digests == both[1].digests
    assert both[0].answer["run_id"] != both[1].answer["run_id"]
    found = mlflow_runs(root)
    assert [run["status"] for run in found.values()] == ["FINISHED"] * 2
    one, other = found.values()
    assert curve(one, "train_loss") == curve(other, "train_loss")
    assert not leftovers(root)


def stop(process, signal_number):
    """Send a signal to a command's group, as a terminal does, once it trains."""
    for line in process.stderr:
        if line.startswith("train step 1000/"):
            break
    os.killpg(process.pid, signal_number)
    return end(process)


def test_stopped_run_is_continued_and_ends_as_one(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest", "build")
    command = ["run", "breast_cancer", *LONG]

    done = stop(start(*command, "--isolate", root=root), signal.SIGINT)
    assert done.status == done.answer["status"] == 130
    assert "Traceback" not in done.stderr
    ((run_id, run),) = mlflow_runs(root).items()
    assert run["status"] == "KILLED"
    assert not list((root / "mlruns").glob("stages/train/[!.]*"))
    # a slow machine may have come to a checkpoint, which is kept
    assert all((path / "checkpoints").is_dir() for path in leftovers(root))

    done = stop(start(*command, root=root), signal.SIGTERM)
    assert done.status == done.answer["status"] == 143
    assert "Traceback" not in done.stderr
    assert {i: r["status"] for i, r in mlflow_runs(root).items()} == {run_id: "KILLED"}
    assert (root / "mlruns" / "runs" / f"{run_id}.train.failed").is_file()

    done = phistar(*command, root=root)
    assert done.status == 0, done.stderr
    assert done.answer["run_id"] == run_id
    ((_, run),) = mlflow_runs(root).items()
    assert run["status"] == "FINISHED"
    # three attempts at training: each step is shown once
    steps = [step for step, _, _ in run["metrics"]["train_loss"]]
    assert sorted(steps) == list(range(1000, 10001, 1000))
    assert {"test_nll", "export_log_prob_difference"} <= set(run["metrics"])
    ((_, entries),) = read_all(root)
    ends = [entry["status"] for entry in entries if entry["kind"] == "end"]
    assert ends == ["KILLED", "KILLED", "FINISHED"]


def test_seeds_are_runs_under_one_parent_with_mean_and_sd(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    done = here("run", "breast_cancer", *SHORT, "--seeds", 2, root=root)
    assert done.status == 0, done.stderr
    children = done.answer["runs"]
    # the recipe's seeds are 0
    assert set(stage["status"] for stage in children[0]["stages"].values()) == {
        "cached"
    }
    assert children[1]["stages"]["ingest"]["status"] == "ran"
    values = [child["metrics"]["test_nll"] for child in children]
    assert values[0] != values[1]
    runs = mlflow_runs(root)
    assert set(runs) == {done.answer["run_id"], *(c["run_id"] for c in children)}
    for child in children:
        run = runs[child["run_id"]]
        assert run["tags"]["mlflow.parentRunId"] == done.answer["run_id"]
        assert run["status"] == "FINISHED"
        assert run["params"]["train.seed"] == str(children.index(child))
    parent = runs[done.answer["run_id"]]
    assert parent["status"] == "FINISHED"
    assert curve(parent, "test_nll") == [(0, pytest.approx(statistics.mean(values)))]
    assert curve(parent, "test_nll_sd") == [
        (0, pytest.approx(abs(values[0] - values[1]) / math.sqrt(2)))
    ]
    assert done.answer["metrics"]["test_nll"] == pytest.approx(statistics.mean(values))


def test_run_does_not_continue_a_stopped_run_over_seeds(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    words = ("run", "breast_cancer", *SHORT)
    several = here(*words, "--seeds", 1, "--to", "train", root=root)
    assert several.status == 0
    one = here(*words, root=root)
    assert one.answer["run_id"] not in (
        several.answer["run_id"],
        several.answer["runs"][0]["run_id"],
    )
    runs = mlflow_runs(root)
    assert runs[several.answer["run_id"]]["status"] == "SCHEDULED"
    assert runs[one.answer["run_id"]]["status"] == "FINISHED"
