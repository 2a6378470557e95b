"""Both binary losses beside scikit-learn's, on the same rows, over split seeds.

    python bench/baselines.py [--seeds 20] [--root DIR]

For each seed, `breast_cancer` runs with either loss. scikit-learn's LogisticRegression
and LinearSVC(loss="hinge"), with their default regularisation, are fitted on the same
arrays. The SVM's margins are scaled as ours are, by one scale fitted on valid. C=0.1 is
shown beside the SVM's default, C=1.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from timing import machine

from phistar.pipeline.cli.printing import table
from phistar.pipeline.config.load import load
from phistar.pipeline.run.seeds import run_seeds


def main():
    """Print mean and standard deviation of accuracy and test_nll per model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--root", type=Path, help="project (default: a temporary one)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(given.root or Path(folder), given.seeds)
    print(machine())
    print(f"breast_cancer, {given.seeds} split seeds, mean ± sd on test")
    print("\n".join(table(rows)))


def compare(root, seeds):
    """The rows of the table."""
    scores = {}
    for loss in ("logistic", "hinge"):

        def recipe(more, loss=loss):
            return load("breast_cancer", [f"train.loss={loss}", *more], root)

        command = ["phistar", "run", "breast_cancer", f"train.loss={loss}"]
        answer = run_seeds(recipe, seeds, root, command, last="evaluate")
        scores[f"phistar {loss}"] = [
            (run["metrics"]["test_accuracy"], run["metrics"]["test_nll"])
            for run in answer["runs"]
        ]
    datasets = [Path(run["stages"]["ingest"]["path"]) for run in answer["runs"]]
    for name, fit in peers().items():
        scores[name] = [fit(*splits(folder)) for folder in datasets]
    rows = [["", "test_accuracy", "test_nll"]]
    for name, values in scores.items():
        columns = list(zip(*values, strict=True))
        rows.append([name, *map(mean_sd, columns)])
    return rows


def splits(folder):
    """(inputs, labels) of train, valid and test, as a list."""
    return [
        tuple(np.load(folder / split / f"{part}.npy") for part in ("inputs", "labels"))
        for split in ("train", "valid", "test")
    ]


def peers():
    """Name -> function of the splits -> (accuracy, test_nll)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    from phistar.components.metrics import fit_scale

    def score(model, valid, test, calibrate):
        scale = 1.0
        if calibrate:
            scale = fit_scale(valid[1] * model.decision_function(valid[0]))
        margin = test[1] * model.decision_function(test[0])
        return (margin > 0).mean(), np.logaddexp(0, -scale * margin).mean()

    def logistic(train, valid, test):
        return score(LogisticRegression(max_iter=5000).fit(*train), valid, test, False)

    def svm(C):
        def fit(train, valid, test):
            model = LinearSVC(loss="hinge", C=C, max_iter=1_000_000, random_state=0)
            return score(model.fit(*train), valid, test, True)

        return fit

    return {
        "LogisticRegression": logistic,
        "LinearSVC C=1": svm(1.0),
        "LinearSVC C=0.1": svm(0.1),
    }


def mean_sd(values):
    """Mean ± standard deviation (n - 1)."""
    return f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"


if __name__ == "__main__":
    main()
