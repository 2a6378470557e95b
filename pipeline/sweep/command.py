"""`phistar sweep`: trials of a recipe, of which the best on valid is tested.

Everything that was done is on disk: the trials in the study, their trainings in the
store, their records beside those of other runs. So the same command goes on.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from optuna.trial import FrozenTrial

from phistar.pipeline.config.load import Config, ConfigError, load
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.process.terminal import Progress, duration, note, working
from phistar.pipeline.process.workers import Here, worker_at
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.naming import BETWEEN, WORDS
from phistar.pipeline.record.place import Place
from phistar.pipeline.record.runs import read
from phistar.pipeline.run.cached import work
from phistar.pipeline.run.command import require
from phistar.pipeline.run.execution import Execution, execution
from phistar.pipeline.run.stages import NAMES, STAGES
from phistar.pipeline.store import keys
from phistar.pipeline.store.store import Store
from phistar.pipeline.sweep import report
from phistar.pipeline.sweep.checks import checked, require_end, require_workers
from phistar.pipeline.sweep.setting import Sweep
from phistar.pipeline.sweep.space import Space, space
from phistar.pipeline.sweep.study import COMPLETE, FAIL, PRUNED, REASON, RUNNING, Study
from phistar.pipeline.sweep.trials import Outcome, Running

POLL_SECONDS = 0.1
HOPELESS = 5  # first trials: if all of them fail, the others are not tried


def sweep(
    recipe: str,
    words: list[str],
    root: Path,
    command: list[str],
    *,
    trials: int | None = None,
    workers: int | None = None,
    prune: bool = False,
    folds: int | None = None,
    seed: int = 0,
    on: str | None = None,
) -> dict:
    """Run the trials that are missing, and then the best one to its end.

    Args:
        recipe: name or file.
        words: key=values, see space.py.
        root: project root.
        command: the words that the user typed.
        trials: number of them; None for all points of a grid.
        workers: processes at a time; by default one here, all that there is room for on
            a cluster.
        prune: end trials early that are worse than the median.
        folds: a trial is the mean over so many folds of train and valid.
        seed: of the proposals.
        on: address of a Ray cluster; None: this machine.

    Returns:
        The answer, see `report.answer`.

    Raises:
        ValueError: a mistake of the caller, before any work.
        Failure: no trial has finished, or the best one cannot be tested.
    """
    found = space(words)
    require_end(trials, found)
    if workers and on is None:
        require_workers(workers, Here().slots, None)
    config, found = checked(recipe, found, root, folds)
    store = Store(Path(root) / "mlruns")
    require(config, store, NAMES[0])
    if found.is_grid():
        trials = min(trials or len(found.grid()), len(found.grid()))
    how = {"folds": folds, "prune": prune, "seed": seed}
    key = key_of(config, found, how)
    study = Study(store.root / "sweeps" / config.name / key, found, seed)
    with contextlib.closing(study):
        common = Sweep(
            recipe,
            found,
            Path(root),
            study,
            Here(),
            folds,
            prune,
            lambda run_id: None,
        )
        if answer := report.done(common, trials):
            note(f"nothing new: the sweep {key[:8]} has all of this already")
            return answer
        base = base_config(recipe, found, root) or config
        shown = {d.key: d.text() for d in found.dimensions}
        name = name_of(found, trials)
        place = Place(study.run_id, name, None, {"sweep": key}, shown)
        with (
            contextlib.closing(worker_at(on, Path(root))) as worker,
            execution(Path(root), base, command, place=place) as current,
        ):
            workers = workers or (worker.slots if on else 1)
            require_workers(workers, worker.slots, on)
            common = common._replace(send=sender(current), worker=worker)
            loop(common, trials, workers)
            best = best_of(common)
            run_id = finish(common, best)
            answer = report.write(common, current, best, run_id)
        return report.keep(common, answer | {"url": current.address()})


def key_of(config: Config, found: Space, how: dict) -> str:
    """The name of a sweep: equal ones have the same trials.

    More trials are the same sweep: it goes on. Code, libraries and data are in it as
    they are in the keys of the stages.

    Args:
        config: of the first values.
        found: the space.
        how: folds, prune and seed.
    """
    parts = {stage.name: work(stage, config, {}).parts for stage in STAGES[:3]}
    spread = {d.key: d.text() for d in found.dimensions}
    return keys.key({"stages": parts, "space": spread, **how})


def base_config(recipe: str, found: Space, root: Path) -> Config | None:
    """The config without the keys that vary; None if they must be given."""
    with contextlib.suppress(ConfigError):
        return load(recipe, list(found.fixed), root)
    return None


def name_of(found: Space, trials: int) -> str:
    """The name of a sweep in MLflow's list."""
    words = [WORDS.get(k, k.partition(".")[2].replace("_", " ")) for k in found.keys]
    return BETWEEN.join([f"sweep of {', '.join(words)}", f"{trials} trials"])


def sender(current: Execution) -> Callable[[str], None]:
    """A function that lets the follower of the sweep send another record, once."""
    known = set()

    def send(run_id: str) -> None:
        if run_id not in known:
            known.add(run_id)
            current.follower.add(run_id)

    return send


def loop(common: Sweep, count: int, workers: int) -> None:
    """Run the trials that are missing.

    Raises:
        Failure: the first ones have all failed.
    """
    study = common.study
    for trial in study.trials():  # what a killed sweep may not have sent
        for fold in (None, *range(common.folds or 0)):
            run_id = study.run_of(trial.number, fold)
            if Record(common.root, run_id).path.exists():
                common.send(run_id)
    waiting = [trial for trial in study.trials() if trial.state == RUNNING]
    running: list[Running] = []
    with working("sweep") as shown, stopping(running):
        while True:
            while len(running) < workers:
                trial = waiting.pop(0) if waiting else study.propose(count)
                if trial is None:
                    break
                running.append(Running(common, trial))
            show(shown, common, count, running)
            if not running:
                return
            for one in list(running):
                if outcome := one.step():
                    running.remove(one)
                    study.tell(one.trial, outcome.state, outcome.value, **outcome.about)
                    note(line(common, one.trial, outcome, count))
                    require_hope(common, count)
            time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def stopping(running: list[Running]) -> Iterator[None]:
    """End what runs in order if the block is left by an error or a signal."""
    try:
        yield
    except BaseException:
        for one in running:
            one.terminate()
        while not all(one.ended() for one in running):
            time.sleep(POLL_SECONDS)
        raise


def require_hope(common: Sweep, count: int) -> None:
    """Refuse to go on if nothing but failures has come.

    Raises:
        Failure: with the reason of the newest one.
    """
    ended = [t for t in common.study.trials() if t.state != RUNNING]
    if len(ended) < min(HOPELESS, count) or any(t.state != FAIL for t in ended):
        return
    reason = ended[-1].user_attrs[REASON]
    raise Failure(f"all of the first {len(ended)} trials have failed: {reason}")


def best_of(common: Sweep) -> FrozenTrial:
    """The finished trial with the least valid_nll, of equal ones the first.

    Raises:
        Failure: none has finished.
    """
    ended = [t for t in common.study.trials() if t.state == COMPLETE]
    if not ended:
        raise Failure("no trial has finished. `phistar runs NAME` shows the reasons.")
    return min(ended, key=lambda t: (t.value, t.number))


def finish(common: Sweep, best: FrozenTrial) -> str:
    """Run the best trial to its end: test is looked at here alone.

    With folds it is trained once more, on the recipe's own split.

    Returns:
        run_id of its record.

    Raises:
        Failure: it cannot be evaluated or exported.
    """
    study, number = common.study, best.number
    run_id = study.run_of(number, -1 if common.folds else None)
    name = BETWEEN.join([f"best of {len(study.trials())}", *common.values(best)])
    tags = {"trial": str(number)}
    place = Place(run_id, name, study.run_id, tags, preflight=False)
    with working("sweep", f"the best, trial {number}: evaluate and export"):
        handle = common.start(best, place)
        try:
            while (status := handle.poll()) is None:
                time.sleep(POLL_SECONDS)
        except BaseException:
            handle.terminate()
            while handle.poll() is None:
                time.sleep(POLL_SECONDS)
            raise
    entries = Record(common.root, run_id).entries()
    if status or "export" not in read(run_id, entries, {}).keys:
        end = entries[-1] if entries else {}
        reason = end.get("reason") or f"its process ended with status {status}"
        raise Failure(
            f"the best trial, {number}, cannot be tested: {reason}", max(status, 1)
        )
    return run_id


def line(common: Sweep, trial: FrozenTrial, outcome: Outcome, count: int) -> str:
    """One line about a trial that has ended."""
    head = f"trial {trial.number} of {count}"
    values = BETWEEN.join(common.values(trial))
    took = duration(outcome.about["seconds"])
    if outcome.state == COMPLETE:
        return f"{head}  valid_nll {outcome.value:.4f}  {values}  {took}"
    word = "pruned" if outcome.state == PRUNED else "failed"
    reason = outcome.about[REASON].removeprefix("pruned ")
    return f"{head}  {word}  {values}  {took}: {reason}"


def show(shown: Progress, common: Sweep, count: int, running: list[Running]) -> None:
    """Show trials done, running, the best so far; the time left comes from it."""
    trials = common.study.trials()
    ended = [t for t in trials if t.state != RUNNING]
    values = {"running": len(running)}
    if best := [t.value for t in ended if t.state == COMPLETE]:
        values["best valid_nll"] = min(best)
    for state, word in ((PRUNED, "pruned"), (FAIL, "failed")):
        if number := sum(t.state == state for t in ended):
            values[word] = number
    shown.show(len(ended), count, values)
