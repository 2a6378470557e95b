"""Run a recipe: once, or once per seed under one parent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.serving import clean
from pipeline.config.load import Config
from pipeline.process.terminal import duration, is_live, note, paint, titled, working
from pipeline.record.journal import Record
from pipeline.run import preflight
from pipeline.run.execution import execution
from pipeline.run.metrics import number, summary
from pipeline.run.process import require_backend, require_devices
from pipeline.run.sources import fingerprint
from pipeline.run.stages import NAMES, require_inputs, run_stages
from pipeline.store.store import Store
from pipeline.tracking.follower import Follower

SEEDS = ("ingest.seed", "build.seed", "train.seed")


def run_once(
    config: Config,
    root: Path,
    command: list[str],
    *,
    under: tuple[Record, Follower] | None = None,
    check: bool = False,
    first: str = NAMES[0],
    **how: Any,
) -> dict:
    """Run one execution.

    Args:
        config: the resolved config.
        root: project root.
        command: the words that the user typed.
        under: the execution that this one belongs to.
        check: True runs the preflight in any case, not only before long training.
        first: stages before it must be in the store.
        **how: last, force, isolate, as `run_stages` takes them.

    Returns:
        experiment, run_id, url, stages, metrics, verdict (of evaluate), export; the
        last three are None if the run stops before them.

    Raises:
        Failure: of the stage that failed.
    """
    store = Store(Path(root) / "mlruns")
    if not under:
        require(config, store, first)
    complete = how.get("last", NAMES[-1]) == NAMES[-1]
    with execution(root, config, command, complete, under) as (record, feed):

        def before_train(artifacts: dict[str, Path], key: str, parts: dict) -> None:
            long = preflight.is_long(parts, store, artifacts)
            if check or long:
                preflight.check(config, store, artifacts, key, record.run_id)
            if complete and not long and not how.get("isolate"):
                clean.start()  # export needs it in a few seconds

        stages = run_stages(
            config,
            store,
            record,
            before_train=before_train,
            report=note_stage,
            **how,
        )
    metrics = verdict = export = None
    if "evaluate" in stages:
        file = Path(stages["evaluate"]["path"], "metrics.json")
        metrics = json.loads(file.read_text("utf-8"))
        file = file.with_name("verdict.json")
        verdict = json.loads(file.read_text("utf-8")) if file.exists() else None
    if "export" in stages:
        export = str(Path(stages["export"]["path"], "saved_model"))
    about = {"experiment": config.name, "run_id": record.run_id, "url": feed.address()}
    about |= {"stages": stages, "metrics": metrics, "verdict": verdict}
    return about | {"export": export}


def require(config: Config, store: Store, first: str) -> None:
    """Refuse what cannot be run before any work, and before a run is opened.

    Args:
        config: the resolved config.
        store: the results of all stages.
        first: stages before it must be in the store.

    Raises:
        Failure or ValueError: the first thing that is missing.
    """
    require_backend(config.sections["train"]["backend"])
    require_devices(config.sections["train"]["devices"])
    fingerprint("build", config)
    require_inputs(config, store, first)


def run_seeds(
    load: Callable,
    seeds: int,
    root: Path,
    command: list[str],
    *,
    first: str = NAMES[0],
    **how: Any,
) -> dict:
    """Run a recipe once per seed of split, weights and training.

    Args:
        load: list of overrides -> Config.
        seeds: the seeds are 0 ... seeds-1.
        root: project root.
        command: the words that the user typed.
        first: as `run_once` takes it.
        **how: as `run_once` takes them.

    Returns:
        experiment, run_id and url of the parent; metrics (means, and `<metric>_sd`);
        runs, what `run_once` returns for each seed.
    """
    config, runs, metrics = load([]), [], None
    children = [load([f"{key}={seed}" for key in SEEDS]) for seed in range(seeds)]
    for seeded in children:
        require(seeded, Store(Path(root) / "mlruns"), first)
    complete = how.get("last", NAMES[-1]) == NAMES[-1]
    with execution(root, config, command, complete, seeds=seeds) as (record, feed):
        for seed, seeded in enumerate(children):
            with working(f"seed {seed}"):
                run = run_once(seeded, root, command, under=(record, feed), **how)
            runs.append(run)
            if runs[-1]["metrics"]:
                note(f"seed {seed}  test_nll {number(runs[-1]['metrics']['test_nll'])}")
        if runs[0]["metrics"]:
            metrics = summary([run["metrics"] for run in runs])
            record.append("metrics", step=0, values=metrics)
    about = {"experiment": config.name, "run_id": record.run_id, "url": feed.address()}
    return about | {"metrics": metrics, "runs": runs}


def note_stage(name: str, outcome: dict) -> None:
    """Write one line about a stage to stderr, when it starts and when it has ended.

    A terminal shows the work itself, and the key in place of the long path.
    """
    live, status, title = is_live(), outcome["status"], titled(name)
    if status == "running":
        if not live:
            note(f"{title:<9} started")
        return
    took = duration(outcome["seconds"]) if status == "ran" else ""
    place = paint(outcome["key"][:12], "dim") if live else outcome["path"]
    status = paint(f"{status:<7}", "green" if status == "ran" else "dim")
    note(f"{paint(f'{title:<9}', 'bold')} {status} {took:>11}  {place}")
