"""Sweeps: beside scikit-learn swept alike, the cost of a trial, two workers beside one.

    python bench/sweep.py peers [--recipe breast_cancer] [--trials 30] [--folds 5]
    python bench/sweep.py overhead [--trials 8]
    python bench/sweep.py workers [--trials 8] [--repeats 3]

peers: a recipe is swept, and so is scikit-learn, by as many proposals of the same
sampler, on the same folds, encoded alike. Each one's best by the mean valid_nll is
fitted to the recipe's own train split, and scored on test once.
overhead: time of a trial, from its start to its end, less that of its steps and
evaluations; the first trial is left out.
workers: time of a sweep with two workers and with one, in turn.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
from timing import interleaved, interval, machine

from phistar.pipeline.cli.printing import table
from phistar.pipeline.record.journal import read
from phistar.pipeline.record.runs import runs

SPACES = {
    "breast_cancer": (
        *("train.learning_rate=log:0.003..1", "train.weight_decay=log:1e-4..0.3"),
        "train.batch_size=16,32,64",
    ),
    "nycflights": (
        *("train.learning_rate=log:3e-4..1e-2", "build.mlp_dim=log:64..512"),
        *("build.num_layers=1..3", "build.dropout=0..0.4", "train.epochs=3"),
    ),
}
CHEAP = ("sweep", "breast_cancer", "train.steps=800", "train.eval_every=80")


def main():
    """Print one of the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="?", choices=("peers", "overhead", "workers"))
    parser.add_argument("--recipe", choices=list(SPACES), default="breast_cancer")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--root", type=Path, help="project (default: a temporary one)")
    given = parser.parse_args()
    print(machine())
    parts = {"peers": peers, "overhead": overhead, "workers": workers}
    for name in [given.part] if given.part else parts:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](given, given.root or Path(folder))


def phistar(*words, root):
    """The answer of a command in a process of its own, and its seconds."""
    began = time.monotonic()
    command = [sys.executable, "-m", "phistar", *words, "--root", str(root), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), time.monotonic() - began


def peers(given, root):
    """valid_nll over folds and test_nll of the best, ours beside scikit-learn's."""
    trials, folds, recipe = given.trials or 30, given.folds, given.recipe
    words = ["sweep", recipe, *SPACES[recipe], "--trials", str(trials)]
    ours, seconds = phistar(*words, "--folds", str(folds), root=root)
    measured = ours["metrics"]
    rows = [["", "valid_nll, mean of folds", "test_nll", "seconds"]]
    rows.append(row("phistar", ours["best"]["valid_nll"], measured, seconds))
    places = [
        ingested(recipe, root, f"ingest.fold=[{k},{folds}]") for k in range(folds)
    ]
    own = ingested(recipe, root)
    for name, build in models(recipe).items():
        began = time.monotonic()
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
        for _ in range(trials):
            trial = study.ask()
            model = build(trial)
            nll = [scored(model, place, "valid")["test_nll"] for place in places]
            study.tell(trial, statistics.mean(nll))
        model = build(optuna.trial.FixedTrial(study.best_params))
        seconds = time.monotonic() - began
        rows.append(row(name, study.best_value, scored(model, own, "test"), seconds))
    print(f"{recipe}, {trials} trials, {folds} folds, seed 0")
    print(f"best: {ours['best']['name']}")
    print("\n".join(table(rows)))


def row(name, valid_nll, measured, seconds):
    """A row of the table."""
    ends = [measured[f"test_nll_{end}"] for end in ("low", "high")]
    tested = f"{measured['test_nll']:.4f} [{ends[0]:.4f}, {ends[1]:.4f}]"
    return [name, f"{valid_nll:.4f}", tested, f"{seconds:.0f}"]


def ingested(recipe, root, *words):
    """The folder of the arrays of a recipe."""
    answer, _ = phistar("ingest", recipe, *words, root=root)
    return Path(answer["stages"]["ingest"]["path"])


def models(recipe):
    """Name -> function of a trial -> classifier with the keys that it proposes."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    def logistic(trial):
        return LogisticRegression(
            C=trial.suggest_float("C", 1e-3, 1e3, log=True), max_iter=5000
        )

    def boosting(trial):
        return HistGradientBoostingClassifier(
            learning_rate=trial.suggest_float("learning_rate", 0.02, 0.5, log=True),
            max_iter=trial.suggest_int("max_iter", 50, 400, log=True),
            max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 7, 127, log=True),
            l2_regularization=trial.suggest_float("l2", 1e-3, 10, log=True),
            early_stopping=False,
            random_state=0,
        )

    found = {"LogisticRegression": logistic, "HistGradientBoosting": boosting}
    return found if recipe == "nycflights" else {"LogisticRegression": logistic}


def scored(model, folder, split):
    """test_nll with its interval of a model that is fitted to train, on a split."""
    from phistar.components.metrics import nll

    arrays = {
        name: [np.load(folder / name / f"{part}.npy") for part in ("inputs", "labels")]
        for name in ("train", split)
    }
    model.fit(*arrays["train"])
    inputs, labels = arrays[split]
    column = np.searchsorted(model.classes_, labels)
    log_prob = model.predict_log_proba(inputs)[np.arange(len(labels)), column]
    return {f"test_{name}": value for name, value in nll(log_prob).items()}


def overhead(given, root):
    """Seconds of a trial beside those of its training."""
    trials = given.trials or 8
    words = [*CHEAP, "train.learning_rate=log:0.01..0.3", "--trials", str(trials)]
    answer, _ = phistar(*words, root=root)
    known = {run.run_id: run for run in runs(root)}
    found = []
    for trial in answer["trials"][1:]:
        key = known[trial["run_id"]].keys["train"]
        found.append((trial["seconds"], bare(root / "mlruns/stages/train" / key)))
    whole, training = (statistics.median(part) for part in zip(*found, strict=True))
    more = [seconds - own for seconds, own in found]
    print(
        f"breast_cancer, {len(found)} trials after the first: median {whole:.1f} s, of "
        f"which training {training:.2f} s; overhead {statistics.median(more):.1f} s, "
        f"at most {max(more):.1f} s"
    )


def bare(folder):
    """Seconds of the steps and evaluations of a training, from its journal."""
    tags, count, last = {}, 0, 0
    for entry in read(folder / "journal.jsonl")[0]:
        if entry["kind"] == "tags":
            tags |= entry["values"]
        if entry["kind"] == "metrics":
            count, last = count + 1, max(last, entry["step"])
    step, evaluation = (
        float(tags[f"{name}_milliseconds"]) / 1e3 for name in ("step", "evaluation")
    )
    return last * step + count * evaluation


def workers(given, root):
    """Seconds of a sweep with two workers beside those with one."""
    trials, turn = given.trials or 8, iter(range(10**6))
    words = [*CHEAP, "train.learning_rate=log:0.01..0.3", "--trials", str(trials)]

    def measure(count):
        place = root / str(next(turn))
        phistar("build", "breast_cancer", root=place)  # MLflow's tables are made here
        answer, seconds = phistar(*words, "--workers", str(count), root=place)
        return seconds - last(place, answer)

    pairs = interleaved(lambda: measure(1), lambda: measure(2), given.repeats)
    low, median, high, coverage = interval([one / two for one, two in pairs])
    shown = ", ".join(f"{one:.0f} and {two:.0f} s" for one, two in pairs)
    print(
        f"breast_cancer, {trials} trials, one worker and two: {shown}; two are "
        f"{median:.2f} times as fast, median in [{low:.2f}, {high:.2f}] "
        f"({coverage:.0%}, {len(pairs)} pairs)"
    )


def last(root, answer):
    """Seconds of the best trial's evaluate and export, which one process does."""
    entries = read(root / "mlruns/runs" / f"{answer['best']['run_id']}.jsonl")[0]
    stages = [e for e in entries if e["kind"] == "stage" and e["status"] == "ran"]
    return sum(e["seconds"] for e in stages if e["stage"] in ("evaluate", "export"))


if __name__ == "__main__":
    main()
