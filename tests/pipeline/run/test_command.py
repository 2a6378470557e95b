"""One execution is one MLflow run: whole, cached, rebuilt, stopped, continued."""

import math
import os
import shutil
import signal
import statistics
import subprocess
import sys

import pytest

from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.record.journal import read_all
from phistar.pipeline.record.sent import read_state
from phistar.pipeline.tracking import target
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
LONG = ("train.steps=6000", "train.eval_every=600", "train.batch_size=4")


@pytest.fixture(scope="module")
def repeated(trained):
    """(root, first Done, second Done): the same command twice."""
    root, first = trained
    second = phistar("run", "breast_cancer", *SHORT, root=root)
    assert second.status == 0, second.stderr
    return root, first, second


@pytest.fixture(scope="module")
def cached(trained, tmp_path_factory):
    """(root, Done): the same command, where all stages are and no record is."""
    root = copy_store(trained[0], tmp_path_factory.mktemp("cached"), *STAGES)
    done = here("run", "breast_cancer", *SHORT, root=root, mlflow=True)
    assert done.status == 0, done.stderr
    return root, done


@pytest.fixture(scope="module")
def runs(repeated):
    """MLflow's runs of `trained`."""
    return mlflow_runs(repeated[0])


def curve(run, name):
    """[(step, value)] in the order of steps."""
    return sorted((step, value) for step, _, value in run["metrics"][name])


def test_run_shows_parameters_curves_metrics_and_files(trained, runs):
    root, done = trained
    run = runs[done.answer["run_id"]]
    assert run["status"] == "FINISHED"
    assert run["name"] == "linear · steps 80 · eval every 10"
    assert run["params"]["train.steps"] == "80"
    assert run["params"]["task.positive"] == "malignant"
    assert run["tags"]["train.total_steps"] == "80"  # found on the way
    assert [step for step, _ in curve(run, "train/loss")] == list(range(10, 81, 10))
    metrics = done.answer["metrics"]
    for name, value in metrics.items():
        if name.startswith("test_"):
            shown = name.replace("_", "/", 1)
            assert curve(run, shown) == [(0, pytest.approx(value))]
    assert {"test/nll_uniform", "test/nll_prior", "test/nll_low"} <= set(run["metrics"])
    assert curve(run, "valid/nll_best") == [(0, pytest.approx(metrics["valid_nll"]))]
    assert any(name.startswith("system/") for name in run["metrics"])
    assert len(run["metrics"]) <= 30
    figures = {f"figures/{name}.{end}" for name in FIGURES for end in ("png", "svg")}
    assert figures | {"learning_curves.png"} <= set(run["files"])
    assert {f"stages/{stage}/manifest.json" for stage in STAGES} <= set(run["files"])
    assert {"config.yaml", "log.txt", "model_summary.txt"} <= set(run["files"])
    assert len(run["data"]) == 3
    for stage, outcome in done.answer["stages"].items():
        assert run["tags"][f"key.{stage}"] == outcome["key"]
    assert run["tags"]["version.keras"]
    assert not [tag for tag in run["tags"] if tag.startswith("cached_from")]


def test_checks_that_hardly_vary_are_tags(trained, runs):
    run = runs[trained[1].answer["run_id"]]
    found = {tag: v for tag, v in run["tags"].items() if tag.startswith("parity.")}
    assert {"parity.test_nll", "parity.log_prob", "parity.mlflow"} <= found.keys()
    assert all(float(value) <= 1e-4 for value in found.values())
    assert not [name for name in run["metrics"] if "difference" in name]


def test_config_of_mlflow_can_be_run(trained, runs, tmp_path):
    root, done = trained
    run_id = read_state(root, done.answer["run_id"])["mlflow_run_id"]
    client = target.Target(root).client
    path = client.download_artifacts(run_id, "config.yaml", str(tmp_path))
    done = here("plan", path, root=root)
    assert {row["status"] for row in done.answer["stages"]} == {"cached"}


def test_log_is_what_the_user_saw(trained):
    root, done = trained
    log = root / "mlruns" / "runs" / f"{done.answer['run_id']}.log.txt"
    command, *lines = log.read_text("utf-8").splitlines()
    assert command.startswith("$ phistar run breast_cancer")
    assert lines and set(lines) <= set(done.stderr.splitlines())


def test_curve_on_valid_has_one_point_per_evaluation(trained, runs):
    run = runs[trained[1].answer["run_id"]]
    assert [step for step, _ in curve(run, "valid/nll")] == list(range(10, 81, 10))


def test_repeat_makes_no_run_and_points_to_the_first(repeated, runs):
    root, first, second = repeated
    assert second.statuses == dict.fromkeys(STAGES, "cached")
    assert second.digests == first.digests
    for name in ("metrics", "export", "experiment", "run_id", "url"):
        assert second.answer[name] == first.answer[name]
    assert len(read_all(root)) == len(runs) == 1
    (said,) = [line for line in second.stderr.splitlines() if "nothing new" in line]
    assert first.answer["run_id"][:8] in said


def test_run_from_the_store_shows_the_same_curves_metrics_and_files(
    cached, trained, runs
):
    root, done = cached
    assert done.statuses == dict.fromkeys(STAGES, "cached")
    (new,), old = mlflow_runs(root).values(), runs[trained[1].answer["run_id"]]
    assert new["status"] == "FINISHED"
    own = {name for name in old["metrics"] if not name.startswith("system/")}
    assert own <= set(new["metrics"])
    for name in own:
        assert curve(new, name) == curve(old, name)
    for part in ("params", "files", "data"):
        assert new[part] == old[part]


def test_run_from_the_store_says_whose_work_it_shows(cached, trained):
    (run,) = mlflow_runs(cached[0]).values()
    for stage in STAGES:
        assert run["tags"][f"cached_from.{stage}"] == trained[1].answer["run_id"]


def test_deleted_database_is_rebuilt_from_the_journals(repeated, runs, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(repeated[0], root)
    for path in (root / "mlruns").glob("mlflow.db*"):
        path.unlink()
    shutil.rmtree(root / "mlruns" / "artifacts")
    words = [
        sys.executable,
        "-m",
        "phistar.pipeline.tracking.ui",
        "sync",
        "--root",
        str(root),
    ]
    subprocess.run(words, cwd=CODE, check=True, capture_output=True)
    assert mlflow_runs(root) == runs


def test_two_processes_do_each_stage_once(project, tmp_path):
    root = copy_store(project, tmp_path)
    # the last two stages are begun under the same lock
    words = ("run", "breast_cancer", *SHORT, "--to", "train")
    both = [start(*words, root=root) for _ in range(2)]
    both = [end(process) for process in both]
    assert [done.status for done in both] == [0, 0], both
    for stage in STAGES[:3]:
        assert sorted(done.statuses[stage] for done in both) == ["cached", "ran"]
    assert both[0].digests == both[1].digests
    found = mlflow_runs(root)
    assert {run["status"] for run in found.values()} == {"SCHEDULED"}
    # each did a part, or one did all and the other repeats it
    assert set(found) == {done.answer["run_id"] for done in both}
    curves = [curve(run, "train/loss") for run in found.values()]
    assert curves[0] == curves[-1]
    assert not leftovers(root)


def stop(process, signal_number):
    """Send a signal to a command's group, as a terminal does, once it trains."""
    for line in process.stderr:
        if line.startswith("train step 600/"):
            break
    os.killpg(process.pid, signal_number)
    return end(process)


def test_stopped_run_is_continued_and_ends_as_one(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest", "build")
    command = ["run", "breast_cancer", *LONG]

    done = stop(start(*command, "--isolate", root=root), signal.SIGINT)
    assert done.status == done.answer["status"] == 130
    assert "interrupted. The same command continues" in done.stderr
    assert "Traceback" not in done.stderr
    ((run_id, run),) = mlflow_runs(root).items()
    assert run["status"] == "KILLED"
    assert not list((root / "mlruns").glob("stages/train/[!.]*"))
    # a slow machine may have come to a checkpoint, which is kept
    assert all((path / "checkpoints").is_dir() for path in leftovers(root))

    done = stop(start(*command, root=root), signal.SIGTERM)
    assert done.status == done.answer["status"] == 143
    assert "terminated. The same command continues" in done.stderr
    assert "Traceback" not in done.stderr
    assert {i: r["status"] for i, r in mlflow_runs(root).items()} == {run_id: "KILLED"}
    assert (root / "mlruns" / "runs" / f"{run_id}.train.failed").is_file()

    done = here(*command, root=root, mlflow=True)
    assert done.status == 0, done.stderr
    assert done.answer["run_id"] == run_id
    ((_, run),) = mlflow_runs(root).items()
    assert run["status"] == "FINISHED"
    # three attempts at training: each step is shown once
    steps = [step for step, _, _ in run["metrics"]["train/loss"]]
    assert sorted(steps) == list(range(600, 6001, 600))
    assert "test/nll" in run["metrics"] and "parity.log_prob" in run["tags"]
    assert "continued" in run["tags"]["phistar.reason"]
    ((_, entries),) = read_all(root)
    ends = [entry["status"] for entry in entries if entry["kind"] == "end"]
    assert ends == ["KILLED", "KILLED", "FINISHED"]


def test_seeds_are_runs_under_one_parent_with_mean_and_sd(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    done = here("run", "breast_cancer", *SHORT, "--seeds", 2, root=root, mlflow=True)
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
    assert curve(parent, "test/nll") == [(0, pytest.approx(statistics.mean(values)))]
    assert curve(parent, "test/nll_sd") == [
        (0, pytest.approx(abs(values[0] - values[1]) / math.sqrt(2)))
    ]
    assert done.answer["metrics"]["test_nll"] == pytest.approx(statistics.mean(values))

    again = here("run", "breast_cancer", *SHORT, "--seeds", 2, root=root)
    assert again.answer["run_id"] == done.answer["run_id"]
    assert [r["run_id"] for r in again.answer["runs"]] == [
        r["run_id"] for r in children
    ]
    assert again.answer["metrics"] == done.answer["metrics"]
    assert len(read_all(root)) == len(mlflow_runs(root)) == 3
    # one more seed is another parent, with children of its own
    more = here("run", "breast_cancer", *SHORT, "--seeds", 1, root=root, mlflow=True)
    assert more.answer["run_id"] not in runs
    assert len(mlflow_runs(root)) == 5


def test_run_does_not_continue_a_stopped_run_over_seeds(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    words = ("run", "breast_cancer", *SHORT)
    several = here(*words, "--seeds", 1, "--to", "train", root=root, mlflow=True)
    assert several.status == 0
    one = here(*words, root=root, mlflow=True)
    assert one.answer["run_id"] not in (
        several.answer["run_id"],
        several.answer["runs"][0]["run_id"],
    )
    runs = mlflow_runs(root)
    assert runs[several.answer["run_id"]]["status"] == "SCHEDULED"
    assert runs[one.answer["run_id"]]["status"] == "FINISHED"
