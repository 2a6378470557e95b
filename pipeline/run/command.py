"""Run a recipe: once, or once per seed under one parent."""

import json
from pathlib import Path

from components.serving import clean
from pipeline.process.terminal import note
from pipeline.run import preflight
from pipeline.run.execution import execution
from pipeline.run.metrics import number, summary
from pipeline.run.process import require_backend, require_devices
from pipeline.run.stages import (
    NAMES,
    require_rows,
    require_upstream,
    run_stages,
    weights_fingerprint,
)
from pipeline.store.store import Store

SEEDS = ("ingest.seed", "build.seed", "train.seed")


def run_once(
    config,
    root,
    command,
    *,
    parent=None,
    follower=None,
    check=False,
    first=NAMES[0],
    **how,
):
    """One execution.

    Args:
        config: Config.
        root: project root.
        command: list of str, what the user typed.
        parent, follower: of the execution that this one belongs to.
        check: preflight in any case, not only before long training.
        first: stages before it must be in the store.
        **how: last, force, isolate, as `run_stages` takes them.

    Returns:
        dict: experiment, run_id, url, stages, metrics, export; the last two are
        None if the run stops before them.

    Raises:
        Failure: of the stage that failed.
    """
    store = Store(Path(root) / "mlruns")
    if not parent:
        require(config, store, first)
    complete = how.get("last", NAMES[-1]) == NAMES[-1]
    with execution(root, config, command, complete, parent, follower) as (record, feed):

        def before_train(artifacts, key, parts):
            long = preflight.is_long(parts, store, artifacts)
            if check or long:
                preflight.check(config, store, artifacts, key, record.run_id)
            if complete and not long and not how.get("isolate"):
                clean.start()  # export will want it in a few seconds

        stages = run_stages(
            config,
            store,
            record,
            before_train=before_train,
            report=note_stage if not parent else lambda name, outcome: None,
            **how,
        )
    metrics = export = None
    if "evaluate" in stages:
        metrics = json.loads(
            (Path(stages["evaluate"]["path"]) / "metrics.json").read_text()
        )
    if "export" in stages:
        export = str(Path(stages["export"]["path"]) / "saved_model")
    return {
        "experiment": config.name,
        "run_id": record.run_id,
        "url": feed.address(),
        "stages": stages,
        "metrics": metrics,
        "export": export,
    }


def require(config, store, first):
    """Refuse what cannot be run before any work, and before a run is opened.

    Args:
        config: Config.
        store: Store.
        first: the stages before it must be there.

    Raises:
        Failure: the first thing that is missing.
    """
    require_backend(config.sections["train"]["backend"])
    require_devices(config.sections["train"]["devices"])
    weights_fingerprint(config)
    require_upstream(config, store, first)
    require_rows(config, store)


def run_seeds(load, seeds, root, command, *, first=NAMES[0], **how):
    """The same recipe once per seed of split, weights and training.

    Args:
        load: function of a list of overrides -> Config.
        seeds: int, how many: 0 ... seeds-1.
        root, command, first, **how: as `run_once` takes them.

    Returns:
        dict: experiment, run_id and url of the parent, metrics (means, and
        `<metric>_sd`), runs (what `run_once` returns for each seed).
    """
    config, runs = load([]), []
    children = [load([f"{key}={seed}" for key in SEEDS]) for seed in range(seeds)]
    for seeded in children:
        require(seeded, Store(Path(root) / "mlruns"), first)
    complete = how.get("last", NAMES[-1]) == NAMES[-1]
    with execution(root, config, command, complete, seeds=seeds) as (record, feed):
        for seed, seeded in enumerate(children):
            runs.append(
                run_once(
                    seeded, root, command, parent=record.run_id, follower=feed, **how
                )
            )
            if runs[-1]["metrics"]:
                headline = number(runs[-1]["metrics"]["test_nll"])
                note(f"seed {seed}  test_nll {headline}")
        metrics = None
        if runs[0]["metrics"]:
            metrics = summary([run["metrics"] for run in runs])
            record.append("metrics", step=0, values=metrics)
    return {
        "experiment": config.name,
        "run_id": record.run_id,
        "url": feed.address(),
        "metrics": metrics,
        "runs": runs,
    }


def note_stage(name, outcome):
    """One line per stage on stderr."""
    took = f"{outcome['seconds']:.1f} s" if outcome["status"] == "ran" else ""
    note(f"{name:<9} {outcome['status']:<7} {took:>8}  {outcome['path']}")
