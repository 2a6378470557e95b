"""The difference of two runs' test_nll, from -ln P of each test example under both."""

import json
import math
from pathlib import Path

import numpy as np

from phistar.pipeline.record.runs import Run
from phistar.pipeline.store import champions
from phistar.pipeline.store.store import Store

NORMAL = 1.96  # standard errors each way that hold 95 % of a normal distribution


def beside_champion(run: Run, known: list[Run], root: Path) -> dict | None:
    """The difference of a run to the champion of its recipe, which is A.

    Args:
        run: a run with results.
        known: all runs.
        root: project root.

    Returns:
        As `paired`, and version, that of the champion, and sentence, all of it in
        words. None if there is none, if it is this export, or if the two cannot be
        compared.
    """
    champion = champions.champion(run.recipe, root)
    if champion is None:
        return None
    origin = champions.read_origin(champion)
    if origin["export"] == run.keys.get("export"):
        return None
    of_it = [one for one in known if one.run_id == origin["run_id"]]
    found = beside(run, of_it[0], root) if of_it else None
    if found is None:
        return None
    found |= {"version": int(champion.name)}
    return found | {"sentence": sentence(found)}


def beside(run: Run, other: Run, root: Path) -> dict | None:
    """The difference of two runs, the other as A, this one as B; see `paired`.

    Returns:
        None if they cannot be compared: other test data, or a result is no longer in
        the store.
    """
    store, stages = Store(Path(root) / "mlruns"), ("ingest", "evaluate")
    folders = []
    for one in (other, run):
        keys = [one.keys.get(stage, "") for stage in stages]
        found = [
            store.get(*of) if of[1] else None for of in zip(stages, keys, strict=True)
        ]
        if None in found:
            return None
        folders.append(dict(zip(stages, found, strict=True)))
    tasks = [one.params.get("task.name") for one in (other, run)]
    if tasks[0] != tasks[1] or test_digest(folders[0]) != test_digest(folders[1]):
        return None
    return paired(folders, only_seeds=False)


def sentence(beside: dict) -> str:
    """The difference to a champion, as `beside_champion` has it, in words."""
    error, size = beside["standard_error"], f"{abs(beside['difference']):.4f}"
    spread = "" if error is None else f" ± {error:.4f}"
    known = "" if error is None else " (one standard error)"
    side = "more" if beside["difference"] > 0 else "less"
    words = {"A": "Worse than", "B": "Better than", "tie": "Not told apart from"}
    return (
        f"{words[beside['verdict']]} the champion, version {beside['version']}: "
        f"{size}{spread} nats a label {side}{known}, on the same {beside['n']:,} "
        "examples of test."
    )


def require_same_test(folders: list[dict], tasks: list[str]) -> None:
    """Refuse runs whose test_nll are means over different examples.

    Raises:
        ValueError: with both tasks and digests.
    """
    digests = [test_digest(folder) for folder in folders]
    if tasks[0] != tasks[1] or digests[0] != digests[1]:
        raise ValueError(
            "runs can be compared on the same test data only. Received: "
            + ", ".join(
                f"task {task} and test data {digest[:12]}"
                for task, digest in zip(tasks, digests, strict=True)
            )
            + ". Expected runs of one task, with equal keys of `ingest`."
        )


def test_digest(folders: dict[str, Path]) -> str:
    """The digest of the test split that a run has read, as encoded."""
    return read(folders["ingest"] / "digest.json")["test"]


def paired(folders: list[dict], only_seeds: bool) -> dict:
    """The difference of test_nll, example by example, B less A.

    An example is a row, an image, or a text. Over texts, and over rows with weights,
    test_nll is a ratio of sums, r = sum d_i / sum n_i. Its standard error is that of
    the ratio estimator, from the residuals d_i - r n_i.

    Args:
        folders: of A and of B: stage -> folder of its result.
        only_seeds: True if nothing but seeds differs.

    Returns:
        difference and standard_error, nats per label; n, the examples; only_seeds;
        verdict: "A" or "B", the better one, or "tie". It is a tie if 0 is within 1.96
        standard errors. So it is if only the seeds differ, since no recipe is better
        for its seed, and with one example, which has no standard error.

    Source: W. G. Cochran, Sampling Techniques, 3rd edition, 1977, chapter 6.
    """
    a, b = (np.load(f["evaluate"] / "test_nll.npy").astype("float64") for f in folders)
    labels = np.ones(len(a))  # per example; a text has its tokens
    offsets = folders[0]["ingest"] / "test" / "labels_offsets.npy"
    if offsets.exists():
        labels = np.diff(np.load(offsets))
    weights = folders[0]["ingest"] / "test" / "weights.npy"
    if weights.exists():  # a row of weight 2 counts as two
        w = np.load(weights)
        a, b, labels = a * w, b * w, labels * w
    difference = (b - a).sum() / labels.sum()
    residual, n = b - a - difference * labels, len(a)
    error = None
    if n > 1:
        error = float(math.sqrt((residual**2).sum() * n / (n - 1)) / labels.sum())
    # `not >`, so that NaN is a tie
    tie = only_seeds or error is None or not abs(difference) > NORMAL * error
    return {
        "difference": float(difference),
        "standard_error": error,
        "n": n,
        "verdict": "tie" if tie else "A" if difference > 0 else "B",
        "only_seeds": only_seeds,
    }


def read(path: Path) -> dict:
    """The content of a JSON file."""
    return json.loads(Path(path).read_text("utf-8"))
