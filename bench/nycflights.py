"""The recipe nycflights beside scikit-learn, on the same rows and columns.

    python bench/nycflights.py [--seeds 3] [--root DIR]

For each split seed, LogisticRegression and HistGradientBoostingClassifier, with their
defaults, are fitted on the arrays that the recipe was trained on, and scored on its
test split.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import machine

from phistar.pipeline.cli.printing import table
from phistar.pipeline.config.load import load
from phistar.pipeline.run.seeds import run_seeds


def main():
    """Print test_nll, AUROC and seconds of training per model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--root", type=Path, help="project (default: a temporary one)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(given.root or Path(folder), given.seeds)
    print(machine())
    print(f"nycflights, {given.seeds} split seeds, mean (± sd) on test")
    print("\n".join(table(rows)))


def compare(root, seeds):
    """The rows of the table."""
    answer = run_seeds(
        lambda more: load("nycflights", more, root),
        seeds,
        root,
        ["phistar", "run", "nycflights"],
        last="evaluate",
    )
    scores = {"phistar": []}
    for run in answer["runs"]:
        measured = [run["metrics"][f"test_{name}"] for name in ("nll", "auroc")]
        scores["phistar"].append([*measured, run["stages"]["train"]["seconds"]])
        dataset = Path(run["stages"]["ingest"]["path"])
        for name, model in peers().items():
            scores.setdefault(name, []).append(score(model, dataset))
    rows = [["", "test_nll", "test_auroc", "seconds"]]
    for name, values in scores.items():
        columns = [mean_sd(column) for column in zip(*values, strict=True)]
        rows.append([name, *columns])
    return rows


def peers():
    """Name -> model, not fitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    return {
        "LogisticRegression": LogisticRegression(max_iter=1000),
        "HistGradientBoosting": HistGradientBoostingClassifier(random_state=0),
    }


def score(model, dataset):
    """Fit a model on train.  -> (test_nll, test_auroc, seconds of fitting)."""
    from sklearn.metrics import log_loss, roc_auc_score

    (train, labels), (test, test_labels) = (
        [np.load(dataset / split / f"{part}.npy") for part in ("inputs", "labels")]
        for split in ("train", "test")
    )
    started = time.perf_counter()
    model.fit(train, labels)
    seconds = time.perf_counter() - started
    probability = model.predict_proba(test)[:, 1]  # of the label +1
    return (
        log_loss(test_labels, probability),
        roc_auc_score(test_labels, probability),
        seconds,
    )


def mean_sd(values):
    """Mean ± standard deviation (n - 1)."""
    mean = f"{statistics.mean(values):.4g}"
    return f"{mean} ± {statistics.stdev(values):.2g}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
