"""Run a recipe once per seed, under one parent; the trainings may be on a cluster."""

import contextlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phistar.pipeline.config.load import Config
from phistar.pipeline.process.errors import FAILED, Failure
from phistar.pipeline.process.terminal import note, working
from phistar.pipeline.process.workers import Handle, Worker, worker_at
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.naming import SEEDS, run_name
from phistar.pipeline.record.place import Place
from phistar.pipeline.run.command import require, run_once
from phistar.pipeline.run.execution import Execution, execution
from phistar.pipeline.run.metrics import number, summary
from phistar.pipeline.run.plan import plan
from phistar.pipeline.run.sources import forget
from phistar.pipeline.run.stages import NAMES
from phistar.pipeline.store.store import Store

TRAIN = NAMES.index("train")
POLL_SECONDS = 0.1


def run_seeds(
    load: Callable,
    seeds: int,
    root: Path,
    command: list[str],
    *,
    first: str = NAMES[0],
    on: str | None = None,
    **how: Any,
) -> dict:
    """Run a recipe once per seed of split, weights and training.

    Args:
        load: list of overrides -> Config.
        seeds: the seeds are 0 ... seeds-1.
        root: project root.
        command: the words that the user typed.
        first: as `run_once` takes it.
        on: address of a Ray cluster that trains several seeds at a time; None: they
            are trained here, one after the other.
        **how: as `run_once` takes them.

    Returns:
        experiment, run_id and url of the parent; metrics (means, and `<metric>_sd`);
        runs, what `run_once` returns for each seed.

    Raises:
        Failure: of a seed that has failed; or no cluster.
    """
    forget()
    config, answers, metrics = load([]), [], None
    children = [load([f"{key}={seed}" for key in SEEDS]) for seed in range(seeds)]
    store, last = Store(Path(root) / "mlruns"), how.get("last", NAMES[-1])
    for seeded in children:
        require(seeded, store, first)
    complete = last == NAMES[-1]
    with (
        contextlib.ExitStack() as left,
        execution(root, config, command, complete, seeds=seeds) as current,
    ):
        places = {}
        if on is not None and NAMES.index(last) >= TRAIN:
            worker = left.enter_context(contextlib.closing(worker_at(on, Path(root))))
            places = trained(worker, current, children, store)
        for seed, seeded in enumerate(children):
            under = {} if seed in places else {"under": current}
            with working(f"seed {seed}"):
                run = run_once(
                    *(seeded, root, command), place=places.get(seed), **under, **how
                )
            answers.append(run)
            if measured := run["metrics"]:
                note(f"seed {seed}  test_nll {number(measured['test_nll'])}")
        if answers[0]["metrics"]:
            metrics = summary([run["metrics"] for run in answers])
            current.record.append("metrics", step=0, values=metrics)
    shown = {"run_id": current.run_id, "url": current.address()}
    known = iter(current.children)  # by now
    for seed, run in enumerate(answers):
        if seed not in places:
            child = next(known)
            run |= {"run_id": child.run_id, "url": child.address()}
    about = {"experiment": config.name} | shown
    return about | {"metrics": metrics, "runs": answers}


def trained(
    worker: Worker, current: Execution, configs: list[Config], store: Store
) -> dict[int, Place]:
    """Train the seeds whose training is not in the store, several at a time.

    Args:
        worker: the place where they are trained.
        current: the parent.
        configs: one for each seed.
        store: the results of all stages.

    Returns:
        seed -> Place, of those that were trained; their records go on here.

    Raises:
        Failure: of a seed that has failed; the others are stopped, with checkpoints.
    """
    missing = [
        seed
        for seed, config in enumerate(configs)
        if plan(config, store)[TRAIN]["status"] != "cached"
    ]
    places = {
        seed: Place(
            uuid.uuid4().hex,
            run_name(configs[seed], current.record.run_id),
            current.record.run_id,
            preflight=seed == missing[0],
        )
        for seed in missing
    }
    if missing:
        current.open()  # MLflow needs the parent first
    root, waiting = store.root.parent, list(missing)
    running: dict[int, Handle] = {}
    try:
        with working("seeds") as shown:
            while waiting or running:
                while waiting and len(running) < worker.slots:
                    seed = waiting.pop(0)
                    current.follower.add(places[seed].run_id)
                    words = ["run", *configs[seed].typed, "--to", "train"]
                    running[seed] = worker.start(
                        [*words, "--root", str(root)],
                        places[seed].environment(),
                        Path.cwd(),
                        log_of(root, places[seed]),
                    )
                ended = len(missing) - len(waiting) - len(running)
                shown.show(ended, len(missing), {"running": len(running)})
                for seed, handle in list(running.items()):
                    if (status := handle.poll()) is not None:
                        del running[seed]
                        require_trained(root, seed, places[seed], status)
                        note(f"seed {seed}  trained")
                time.sleep(POLL_SECONDS)
    except BaseException:
        for handle in running.values():
            handle.terminate()
        while any(handle.poll() is None for handle in running.values()):
            time.sleep(POLL_SECONDS)
        raise
    return places


def log_of(root: Path, place: Place) -> Path:
    """The file with what the process of a seed has said."""
    return Record(root, place.run_id).path.with_suffix(".process.txt")


def require_trained(root: Path, seed: int, place: Place, status: int) -> None:
    """Refuse to go on without the training of a seed.

    Raises:
        Failure: with the reason in its record.
    """
    if not status:
        return
    entries = Record(root, place.run_id).entries()
    end = entries[-1] if entries else {}
    reason = " ".join(filter(None, [end.get("reason"), end.get("advice")]))
    reason = reason or f"its process ended with status {status}"
    log = log_of(root, place)
    raise Failure(f"seed {seed}: {reason} Its log: {log}", max(status, FAILED))
