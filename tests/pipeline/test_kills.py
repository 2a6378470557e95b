"""kill -9 at random instants of a run: the same command again ends as if nothing was.

`make test` kills twice; `make kills` kills 40 times (PHISTAR_KILLS in all, over the
recipes in turn).
"""

import os
import random
import signal
import sqlite3
import time

import pytest

from pipeline.manifest import damage
from tests.pipeline.commands import end, phistar, start

RECIPES = {
    "breast_cancer": ("breast_cancer", "train.steps=400", "train.eval_every=20"),
    "digits": ("digits", "train.epochs=4", "build.width=8", "build.mlp_dim=16"),
}
KILLS = int(os.environ.get("PHISTAR_KILLS", 2))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Recipe -> (digests, seconds) of a run that nobody killed, made once."""
    made = {}

    def run(recipe):
        if recipe not in made:
            root = tmp_path_factory.mktemp(recipe)
            begin = time.monotonic()
            done = phistar("run", *RECIPES[recipe], root=root)
            assert done.status == 0, done.stderr
            made[recipe] = done.digests, time.monotonic() - begin
        return made[recipe]

    return run


@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_run_ends_equal_to_the_uninterrupted_one(kill, uninterrupted, tmp_path):
    recipe = list(RECIPES)[kill % len(RECIPES)]
    digests, seconds = uninterrupted(recipe)
    # start-up does nothing that a kill could harm
    wait = random.Random(kill).uniform(0.2, 1.0) * seconds
    process = start("run", *RECIPES[recipe], root=tmp_path)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGKILL)
    end(process)

    stages = tmp_path / "mlruns" / "stages"
    for folder in stages.glob("*/[!.]*"):
        assert damage(folder) is None, f"a partial artifact: {folder}"
    done = phistar("run", *RECIPES[recipe], root=tmp_path)
    assert done.status == 0, done.stderr
    assert done.digests == digests
    assert not list(stages.glob("*/.*.tmp-*")), "a temporary folder is left"
    runs, series = mlflow_of(tmp_path)
    # killed after its end, the first run was whole, and this is a second one
    assert [status for _, status in runs] == ["FINISHED"] * len(runs)
    assert len(runs) == 1 or all(stage == "cached" for stage in done.statuses.values())
    for run_id, _ in runs:
        steps = [step for run, step in series if run == run_id]
        assert len(steps) == len(set(steps)), "a step is there twice"
        assert len(steps) == expected_points(recipe), "a step is missing"


def mlflow_of(root):
    """((run, status) of every run, (run, step) of every point of valid_nll)."""
    with sqlite3.connect(root / "mlruns" / "mlflow.db") as database:
        runs = database.execute("select run_uuid, status from runs").fetchall()
        series = database.execute(
            "select run_uuid, step from metrics where key = 'valid_nll'"
        ).fetchall()
    return runs, series


def expected_points(recipe):
    """Evaluations of the recipe: 400 / 20, or one per pass."""
    return 20 if recipe == "breast_cancer" else 4
