"""kill -9 at random instants of every stage: the same command again ends as if
nothing was.

`make test` kills one recipe once; `make kills` kills 50 times (PHISTAR_KILLS in all,
over the recipes and the stages in turn: 25 from a multiple of 5 on have each stage of
each recipe).
"""

import os
import random
import signal
import sqlite3
import time
from collections import Counter

import pytest

from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.record.journal import read
from phistar.pipeline.store.manifest import damage
from tests.helpers.commands import end, here, phistar, start

RECIPES = {
    "breast_cancer": ("train.steps=4000", "train.eval_every=200"),
    "digits": ("train.epochs=4", "build.width=8", "build.mlp_dim=16"),
    "fashion_mnist": (
        "train.epochs=null",
        "train.steps=60",
        "train.eval_every=20",
        "build.width=4",
        "build.mlp_dim=16",
    ),
    "kjv_quick": (
        "ingest.valid_fraction=0.01",
        "ingest.test_fraction=0.01",
        "build.num_layers=1",
        "build.model_dim=16",
        "build.mlp_dim=16",
        "build.dropout=0.2",
        "train.steps=60",
        "train.eval_every=20",
        "train.warmup_steps=10",
        "train.average=2",
    ),
    "libreoffice_en_de_quick": (
        "ingest.source=parallel",
        "ingest.valid_fraction=0.1",
        "ingest.test_fraction=0.1",
        "task.vocab_size=280",
        "build.num_layers=1",
        "build.model_dim=16",
        "build.mlp_dim=16",
        "build.dropout=0.2",
        "train.precision=float32",
        "train.batch_tokens=256",
        "train.steps=60",
        "train.eval_every=20",
        "train.warmup_steps=10",
        "train.average=2",
    ),
}
POINTS = {  # evaluations
    "breast_cancer": 20,
    "digits": 4,
    "fashion_mnist": 3,
    "kjv_quick": 3,
    "libreoffice_en_de_quick": 3,
}
AIMED = ("train", "export", "ingest", "evaluate", "build")
KILLS = int(os.environ.get("PHISTAR_KILLS", 1))
DRAWN = KILLS > 1  # the first falls into a training, so no figures are from before it
fell = Counter()  # stage -> kills while it was running


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Recipe -> its words on the command line, its files among them."""
    folder, chance = tmp_path_factory.mktemp("pairs"), random.Random(0)
    parts = ["row", "column", "sheet", "cell", "print", "open"]
    rows = [chance.choices(parts, k=chance.randrange(2, 8)) for _ in range(600)]
    for name, turn in (("source", 1), ("target", -1)):
        text = "".join(" ".join(row[::turn]) + "\n" for row in rows)
        (folder / f"{name}.txt").write_text(text)
    files = [f"ingest.{n}_path={folder}/{n}.txt" for n in ("source", "target")]

    def of(recipe):
        given = RECIPES[recipe]
        return [*given, *files] if "ingest.source=parallel" in given else given

    return of


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, words):
    """Recipe -> Done of a run that nobody killed, made once."""
    made = {}

    def run(recipe):
        if recipe not in made:
            root = tmp_path_factory.mktemp(recipe)
            if recipe == "fashion_mnist":  # prepared once for all, in its usual place
                assert phistar("ingest", recipe, root=root / "prepare").status == 0
            made[recipe] = here("run", recipe, *words(recipe), root=root, drawn=DRAWN)
            assert made[recipe].status == 0, made[recipe].stderr
        return made[recipe]

    return run


@pytest.mark.parametrize("kill", range(KILLS))
def test_killed_run_ends_equal_to_the_uninterrupted_one(
    kill, uninterrupted, words, tmp_path
):
    # as many recipes as stages: each turn begins with another stage
    turn, number = divmod(kill, len(RECIPES))
    stage = AIMED[(kill + turn) % len(AIMED)]
    # few kills share a run to compare with
    recipe = list(RECIPES)[0 if len(RECIPES) > KILLS else number]
    typed, whole = ("run", recipe, *words(recipe)), uninterrupted(recipe)
    seconds, chance = whole.answer["stages"][stage]["seconds"], random.Random(kill)
    # most of a short training is its start: most kills are to fall into its steps
    points = chance.randrange(POINTS[recipe]) if stage == "train" else 0
    if points:
        seconds /= POINTS[recipe]
    process = start(*typed, root=tmp_path)
    while process.poll() is None:
        if stage in stages_of(tmp_path) and points_of(tmp_path) >= points:
            break
        time.sleep(0.002)  # build takes a tenth of a second
    time.sleep(chance.uniform(0, 1) * seconds)
    os.killpg(process.pid, signal.SIGKILL)
    end(process)
    fell.update(s for s, status in stages_of(tmp_path).items() if status == "running")

    stages = tmp_path / "mlruns" / "stages"
    for folder in stages.glob("*/[!.]*"):
        assert damage(folder) is None, f"a partial artifact: {folder}"
    done = here(*typed, root=tmp_path, mlflow=True, drawn=DRAWN)
    assert done.status == 0, done.stderr
    assert done.digests == whole.digests
    assert not list(stages.glob("*/.*.tmp-*")), "a temporary folder is left"
    runs, series = mlflow_of(tmp_path)
    # killed after its end, the first run was whole, and this is a second one
    assert [status for _, status in runs] == ["FINISHED"] * len(runs)
    assert len(runs) == 1 or all(stage == "cached" for stage in done.statuses.values())
    for run_id, _ in runs:
        steps = [step for run, step in series if run == run_id]
        assert len(steps) == len(set(steps)), "a step is there twice"
        assert len(steps) == POINTS[recipe], "a step is missing"


@pytest.mark.skipif(KILLS < 40, reason="a few kills do not reach every stage")
def test_kills_fell_into_every_stage():
    assert set(fell) == set(STAGES), fell


def stages_of(root):
    """Stage -> "running", or "ran", of those that have begun.

    The record comes to the disk with the training, so the folders are looked at.
    """
    folders = sorted(
        root.glob("mlruns/stages/*/*"), key=lambda path: path.name[0] != "."
    )
    return {
        path.parent.name: "running" if ".tmp-" in path.name else "ran"
        for path in folders
        if ".tmp-" in path.name or path.name[0] != "."
    }


def points_of(root):
    """Evaluations of a training that is under way."""
    journals = root.glob("mlruns/stages/train/.*.tmp-*/journal.jsonl")
    return sum(e["kind"] == "metrics" for path in journals for e in read(path)[0])


def mlflow_of(root):
    """((run, status) of every run, (run, step) of every point of valid_nll)."""
    with sqlite3.connect(root / "mlruns" / "mlflow.db") as database:
        runs = database.execute("select run_uuid, status from runs").fetchall()
        series = database.execute(
            "select run_uuid, step from metrics where key = 'valid/nll'"
        ).fetchall()
    return runs, series
