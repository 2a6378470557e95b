"""`phistar compare A B`: the differences of two runs, and of their results.

    causes     keys of the config, functions, libraries, data: as plan names them,
               from the parts of the stages' keys
    results    metrics side by side; the difference of test_nll with its standard
               error, from -ln P of each test example under both; the first step at
               which the learning curves part

Nothing is run, and neither keras nor mlflow is imported.
"""

import json
import math
from pathlib import Path
from urllib.parse import quote

import numpy as np

from pipeline.record.runs import Run, find, result
from pipeline.run.metrics import HEADLINE
from pipeline.run.stages import NAMES
from pipeline.store import keys
from pipeline.store.store import Store
from pipeline.tracking import address

CURVES = ("train_loss", "valid_nll")
ROUNDING = 1e-6  # relative; runs of one machine agree to the last bit
SEEDS = ("build.seed", "train.seed")  # no recipe is better for its seed
NORMAL = 1.96  # standard errors each way that hold 95 % of a normal distribution


def compare(words: tuple[str, str], root: Path) -> dict:
    """Compare two runs that were tested on the same data.

    Args:
        words: (A, B), as `runs.find` takes them.
        root: project root.

    Returns:
        Plain data: a, b, config, functions, libraries, data, metrics, nll, parting,
        url.

    Raises:
        ValueError: no such run; other test data, or another task.
    """
    store = Store(Path(root) / "mlruns")
    runs = [find(word, root, "evaluate") for word in words]
    read_from = NAMES[: NAMES.index("evaluate") + 1]
    parts = [parts_of(run, read_from, store) for run in runs]
    folders = [{stage: result(run, stage, root) for stage in read_from} for run in runs]
    config = {
        name: [part["arguments"].get(name) for part in parts]
        for name in sorted({*parts[0]["arguments"], *parts[1]["arguments"]})
    }
    require_same_test(folders, config["task.name"])
    differing = {name: {"a": a, "b": b} for name, (a, b) in config.items() if a != b}
    metrics = [read(folder["evaluate"] / "metrics.json") for folder in folders]
    functions, libraries, source = (
        changes(group, *parts) for group in ("code", "libraries", "source")
    )
    data = data_of(folders)
    same = all(split["a"] == split["b"] for split in data.values())
    same = same and not (functions or libraries or source)
    only_seeds = set() < differing.keys() <= set(SEEDS) and same
    about = [{"run_id": r.run_id, "name": r.name, "recipe": r.recipe} for r in runs]
    return {
        "a": about[0],
        "b": about[1],
        "config": differing,
        "functions": functions,
        "libraries": libraries,
        "data": data | {"source": source},
        "metrics": {
            name: {"a": metrics[0][name], "b": metrics[1][name]}
            for name in (f"test_{short}" for short in HEADLINE)
            if name in metrics[0] and name in metrics[1]
        },
        "nll": paired(folders, only_seeds),
        "parting": parting(*(read(f["train"] / "history.json") for f in folders)),
        "url": compare_address(root, runs),
    }


def parts_of(run: Run, stages: tuple[str, ...], store: Store) -> dict:
    """The parts of the keys of some stages of a run, together."""
    together = {group: {} for group in ("arguments", "source", "code", "libraries")}
    for stage in stages:
        manifest = store.manifest(stage, run.keys[stage])
        for group in together if manifest else ():
            together[group] |= manifest["parts"][group]
    return together


def require_same_test(folders: list[dict], tasks: list[str]) -> None:
    """Refuse runs whose test_nll are means over different examples.

    Raises:
        ValueError: with both tasks and digests.
    """
    digests = [read(f["ingest"] / "digest.json")["test"] for f in folders]
    if tasks[0] != tasks[1] or digests[0] != digests[1]:
        raise ValueError(
            "runs can be compared on the same test data only. Received: "
            + ", ".join(
                f"task {task} and test data {digest[:12]}"
                for task, digest in zip(tasks, digests, strict=True)
            )
            + ". Expected runs of one task, with equal keys of `ingest`."
        )


def data_of(folders: list[dict]) -> dict[str, dict]:
    """Split -> {"a", "b"}, its digests in both runs."""
    a, b = (read(folder["ingest"] / "digest.json") for folder in folders)
    return {split: {"a": a[split], "b": b[split]} for split in a if split != "all"}


def changes(group: str, a: dict, b: dict) -> list[str]:
    """The differences in one group of the parts, in words."""
    groups = ("arguments", "inputs", "source", "code", "libraries")
    nothing = dict.fromkeys(groups, {})
    return keys.differences(nothing | {group: a[group]}, nothing | {group: b[group]})


def paired(folders: list[dict], only_seeds: bool) -> dict:
    """The difference of test_nll, example by example, B less A.

    An example is a row, an image, or a text. Over texts test_nll is a ratio of sums,
    r = sum d_i / sum n_i. Its standard error is that of the ratio estimator, from the
    residuals d_i - r n_i.

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


def parting(a: dict, b: dict) -> dict | None:
    """The first step at which two learning curves part.

    Args:
        a: history: step, train_loss, valid_nll.
        b: history of the other run.

    Returns:
        step and curve with the values there; None if the curves are the same at every
        step that both have.
    """
    for step in sorted({*a["step"]} & {*b["step"]}):
        for curve in CURVES:
            one, other = (h[curve][h["step"].index(step)] for h in (a, b))
            if not math.isclose(one, other, rel_tol=ROUNDING):
                return {"step": step, "curve": curve, "a": one, "b": other}
    return None


def compare_address(root: Path, runs: list[Run]) -> str:
    """MLflow's page that shows both; its first page while it does not have them."""
    server, sent = address.server(root), [address.sent_to(root, r.run_id) for r in runs]
    if None in sent:
        return address.first_page(server)
    ids = json.dumps([run for _, run in sent])
    experiments = json.dumps(sorted({experiment for experiment, _ in sent}))
    query = f"runs={quote(ids)}", f"experiments={quote(experiments)}"
    return address.page(server, "compare-runs", *query)


def read(path: Path) -> dict:
    """The content of a JSON file."""
    return json.loads(Path(path).read_text("utf-8"))
