"""Long sweeps: killed at random, pruned and revived, over folds.

make cluster        PHISTAR_TRIALS and PHISTAR_KILLS make the killed one shorter
"""

import os
import random
import signal
import time

import numpy as np
import psutil
import pytest

from phistar.pipeline.process.workers import Here
from phistar.pipeline.record.journal import read_all
from phistar.pipeline.record.scores import read_json
from phistar.pipeline.sweep.setting import Sweep
from phistar.pipeline.sweep.space import space
from phistar.pipeline.sweep.study import COMPLETE, Study
from phistar.pipeline.sweep.trials import Running
from tests.helpers import commands
from tests.helpers.commands import copy_store, here, leftovers, mlflow_runs, until

TRIALS = int(os.environ.get("PHISTAR_TRIALS", 60))
KILLS = int(os.environ.get("PHISTAR_KILLS", 20))
LIMIT = 3600  # s, of one sweep
TINY = ("build.width=4", "build.num_blocks=2", "build.mlp_dim=8", "train.epochs=2")
DIGITS = (
    *("sweep", "digits", *TINY, "train.learning_rate=log:1e-4..1e-1"),
    *("train.batch_size=16..64", "train.weight_decay=0..0.1", "--trials", str(TRIALS)),
)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A longer limit for a command."""
    monkeypatch.setattr(commands, "LIMIT", LIMIT)


def same(answer):
    """An answer without what differs from one execution to another."""
    own = ("run_id", "seconds")
    trials = [
        {k: v for k, v in trial.items() if k not in own} for trial in answer["trials"]
    ]
    best = {k: v for k, v in answer["best"].items() if k not in own}
    return trials, best, answer["counts"], answer["importance"], answer["metrics"]


def page(root):
    """MLflow's runs without ids and times: name -> status, params, last values."""
    return {
        run["name"]: (
            run["status"],
            run["params"],
            {
                name: sorted((step, value) for step, _, value in points)
                for name, points in run["metrics"].items()
                if not name.startswith("system/")
            },
            set(run["files"]),
        )
        for run in mlflow_runs(root).values()
    }


def kill(process, chance):
    """End a sweep by SIGKILL, every other time with the processes of its trials."""
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    if chance.random() < 0.5:
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
    process.communicate()


def trainings(root):
    """Number of trainings in the store."""
    return len(list(root.glob("mlruns/stages/train/[0-9a-f]*")))


def test_a_sweep_killed_at_random_ends_as_one_that_was_not(project, tmp_path):
    whole = copy_store(project, tmp_path / "whole")
    broken = copy_store(project, tmp_path / "broken")
    began = time.monotonic()
    unbroken = commands.phistar(*DIGITS, root=whole)
    assert unbroken.status == 0, unbroken.stderr
    seconds, chance = time.monotonic() - began, random.Random(0)
    fell = 0
    for number in range(KILLS):
        process = commands.start(*DIGITS, root=broken)
        # so many trainings have ended; and then at any time of the next one
        done = int((TRIALS - 2) * (number + chance.random()) / KILLS)
        while process.poll() is None and trainings(broken) < done:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, seconds / TRIALS))
        if process.poll() is not None:
            break
        kill(process, chance)
        fell += 1
    print(f"{fell} kills")
    done = commands.phistar(*DIGITS, root=broken)
    assert done.status == 0, done.stderr
    assert fell == KILLS, "the sweep had ended before"
    assert same(done.answer) == same(unbroken.answer)
    assert page(broken) == page(whole)
    assert not leftovers(broken)
    ran = [
        (entry["stage"], entry["key"])
        for _, entries in read_all(broken)
        for entry in entries
        if entry["kind"] == "stage" and entry["status"] == "ran"
    ]
    assert len(ran) == len(set(ran)), "finished work was repeated"


def test_a_pruned_trial_that_is_revived_ends_as_one_never_pruned(tmp_path):
    root, fixed = tmp_path / "swept", ["train.steps=60000", "train.eval_every=2000"]
    found = space([*fixed, "train.learning_rate=0.05..0.1"])
    study = Study(root / "mlruns" / "sweeps" / "breast_cancer" / "x", found, 0)
    for _ in range(5):  # finished trials that are out of reach
        trial = study.propose(99)
        for step in range(30):
            study.report(trial, step, 0.0)
        study.tell(trial, COMPLETE, 0.0)
    how = "breast_cancer", found, root, study, Here(), None, True, lambda run_id: None
    running = Running(Sweep(*how), study.propose(99))
    outcome = until(running.step, LIMIT)
    study.close()
    assert outcome.about["reason"].startswith("pruned at evaluation 3")
    stopped = list(root.glob("mlruns/stages/train/.*.tmp-*/checkpoints"))
    assert stopped, "it had ended before: more steps are needed"
    words = "run", "breast_cancer", *found.overrides(running.trial.params)
    revived = here(*words, "--to", "train", root=root)
    whole = here(*words, "--to", "train", root=tmp_path / "whole")
    assert revived.digests == whole.digests
    (pruned,) = [e for r, e in read_all(root) if r.run_id == study.run_of(5)]
    assert pruned[-1]["reason"] == outcome.about["reason"]
    assert f"phistar {' '.join(words)}" in pruned[-1]["advice"]


def test_a_trial_over_folds_is_their_mean_and_each_row_is_valid_once(project, tmp_path):
    root = copy_store(project, tmp_path)
    short = "train.steps=80", "train.eval_every=20"
    words = "sweep", "breast_cancer", *short, "train.learning_rate=0.05,0.1"
    done = commands.phistar(*words, "--folds", "3", root=root)
    assert done.status == 0, done.stderr
    runs, answer = mlflow_runs(root), done.answer
    trial = answer["best"]["number"]
    above = answer["trials"][trial]["run_id"]
    folds = [r for r in runs.values() if r["tags"].get("mlflow.parentRunId") == above]
    assert sorted(run["name"] for run in folds) == ["fold 0", "fold 1", "fold 2"]
    kept = [
        root / "mlruns" / "stages" / "train" / run["tags"]["key.train"] for run in folds
    ]
    values = [read_json(folder / "valid.json") for folder in kept]
    mean = np.mean([value["valid_nll"] for value in values])
    assert answer["best"]["valid_nll"] == pytest.approx(mean)
    rows = np.concatenate([np.load(folder / "valid_nll.npz")["nll"] for folder in kept])
    data = [
        root / "mlruns" / "stages" / "ingest" / r["tags"]["key.ingest"] for r in folds
    ]
    counts = read_json(data[0] / "source.json")["splits"]
    assert len(rows) == counts["train"]["rows"] + counts["valid"]["rows"]
    # test is the same; it is encoded by what is known of each fold's train
    assert len({(folder / "test" / "raw.npy").read_bytes() for folder in data}) == 1
    half = 1.959964 * rows.std(ddof=1) / len(rows) ** 0.5
    low, high = (answer["best"][end] for end in ("low", "high"))
    assert (low, high) == pytest.approx((rows.mean() - half, rows.mean() + half))
    # the best keys are trained once more, on the recipe's own split
    best = runs[answer["best"]["run_id"]]
    assert best["params"].get("ingest.fold") is None and best["status"] == "FINISHED"
    listed = here("runs", "breast_cancer", root=root).answer["runs"]
    groups = [run["group"] for run in listed]
    assert groups == ["present", "folds", "folds", "sweeps"]
