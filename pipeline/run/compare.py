"""`phistar compare A B`: the differences of two runs, and of their results.

    causes     keys of the config, functions, libraries, data: as plan names them,
               from the parts of the stages' keys
    results    metrics side by side; the difference of test_nll with its standard
               error, from -ln P of each test example under both; the first step at
               which the learning curves part

No stage is run, and neither keras nor mlflow is imported. The same comparison is also
written as a page, see compare_page.py.
"""

import json
import math
from pathlib import Path
from urllib.parse import quote

from phistar.pipeline.record.runs import Run, find, result
from phistar.pipeline.record.scores import read_verdict
from phistar.pipeline.run.compare_page import write
from phistar.pipeline.run.metrics import HEADLINE
from phistar.pipeline.run.paired import paired, read, require_same_test
from phistar.pipeline.run.stages import NAMES
from phistar.pipeline.store import keys
from phistar.pipeline.store.store import Store
from phistar.pipeline.tracking import address

CURVES = ("train_loss", "valid_nll")
ROUNDING = 1e-6  # relative; runs of one machine agree to the last bit
SEEDS = ("build.seed", "train.seed")  # no recipe is better for its seed


def compare(words: tuple[str, str], root: Path) -> dict:
    """Compare two runs that were tested on the same data.

    Args:
        words: (A, B), as `runs.find` takes them.
        root: project root.

    Returns:
        Plain data: a, b (run_id, name, recipe, verdict, sentence), nll, config,
        functions, libraries, data, metrics, parting, steps_in_common, pages, url.
        `pages` are the files of the same comparison as a page, one for each run.

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
    histories = [read(folder["train"] / "history.json") for folder in folders]
    answer = {
        "a": about(runs[0], folders[0]["evaluate"]),
        "b": about(runs[1], folders[1]["evaluate"]),
        "nll": paired(folders, only_seeds),
        "config": differing,
        "functions": functions,
        "libraries": libraries,
        "data": data | {"source": source},
        "metrics": {
            name: {"a": metrics[0][name], "b": metrics[1][name]}
            for name in (f"test_{short}" for short in HEADLINE)
            if name in metrics[0] and name in metrics[1]
        },
        "parting": parting(*histories),
        "steps_in_common": len({*histories[0]["step"]} & {*histories[1]["step"]}),
        "url": compare_address(root, runs),
    }
    return answer | {"pages": write(answer, histories, root)}


def about(run: Run, evaluated: Path) -> dict:
    """The names of a run, and the verdict on it, None if it has none."""
    verdict = read_verdict(evaluated) or {}
    names = {"run_id": run.run_id, "name": run.name, "recipe": run.recipe}
    return names | {name: verdict.get(name) for name in ("verdict", "sentence")}


def parts_of(run: Run, stages: tuple[str, ...], store: Store) -> dict:
    """The parts of the keys of some stages of a run, together."""
    together = {group: {} for group in ("arguments", "source", "code", "libraries")}
    for stage in stages:
        manifest = store.manifest(stage, run.keys[stage])
        for group in together if manifest else ():
            together[group] |= manifest["parts"][group]
    return together


def data_of(folders: list[dict]) -> dict[str, dict]:
    """Split -> {"a", "b"}, its digests in both runs."""
    a, b = (read(folder["ingest"] / "digest.json") for folder in folders)
    return {split: {"a": a[split], "b": b[split]} for split in a if split != "all"}


def changes(group: str, a: dict, b: dict) -> list[str]:
    """The differences in one group of the parts, in words."""
    groups = ("arguments", "inputs", "source", "code", "libraries")
    nothing = dict.fromkeys(groups, {})
    return keys.differences(nothing | {group: a[group]}, nothing | {group: b[group]})


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
