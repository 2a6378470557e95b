"""Numbered SavedModels of a name, as TensorFlow Serving watches a folder.

    mlruns/serving/<name>/<n>/      a SavedModel that has answered its golden batch
                         /.<n>.…    being written: not a number, so no server loads it
                         /.lock     held by the process that writes

The highest number is the champion. It appears by one rename, when all files are on disk
and the model has answered. It is never changed or removed, so a server never loads half
of it: to go back is to publish the earlier model under a new number. Files are hard
links to the store's, copies where the file system has none.
"""

import contextlib
import fcntl
import json
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from phistar.components.errors import RejectedModel
from phistar.components.serving import clean
from phistar.components.serving.mlflow_model import link
from phistar.pipeline.process.root import command
from phistar.pipeline.record.runs import Run, find, named, recipe_of, result, runs
from phistar.pipeline.record.scores import NOT_BETTER, read_verdict
from phistar.pipeline.run import paired, ranking
from phistar.pipeline.store import champions
from phistar.pipeline.store.champions import (
    ORIGIN,
    files,
    newest,
    read_origin,
    require_promoted,
    require_whole,
    serving,
)
from phistar.pipeline.store.contract import read_served
from phistar.pipeline.store.store import Store, sync
from phistar.pipeline.tracking import reach, registry, ui
from phistar.pipeline.tracking.target import Target, answering


def promote(word: str, root: Path, anyway: bool = False) -> dict:
    """Make an export the champion of its recipe.

    Args:
        word: a recipe's name or file, for the finished run of its present data with the
            least valid_nll; or one run, as `runs.find` takes it.
        root: project root.
        anyway: promote also what is not better than guessing, or worse than the
            champion.

    Returns:
        dict of plain data:

        - name, version, mlflow_version, run_id, folder, test_nll
        - before, before_test_nll: the champion until now, or None
        - difference: nats, on the golden batch; None if it was the champion already
        - choice: valid_nll, among, own (see `ranking.Choice`); None for a named run
        - beside: the paired difference to the champion before, or None
        - objections: sentences, with `anyway` only

    Raises:
        ValueError: no such export.
        RejectedModel: it does not answer as it was evaluated, or there is an objection.
        ConnectionError: MLflow does not answer.
    """
    reach.require(root)
    known, choice = runs(root), None
    if not named(word, known) and any(r.recipe == recipe_of(word) for r in known):
        choice = ranking.best(word, known, root)
    run = choice.run if choice else find(word, root, "export")
    source, key = result(run, "export", root) / "saved_model", run.keys["export"]
    with locked(root, run.recipe) as folder:
        before = newest(folder)
        if before and read_origin(folder / str(before))["export"] == key:
            # its MLflow may be another one by now
            with answering(root):
                target, origin = Target(root), read_origin(folder / str(before))
                version = registered(target, root, run.recipe, origin)
                registry.crown(target, run.recipe, version)
            found = answer(folder, before, before, None, version)
            return found | reasons(choice, None, [])
        beside = paired.beside_champion(run, known, root)
        objections = objections_to(run, beside, root)
        if objections and not anyway:
            raise RejectedModel(
                f"{run} of {run.recipe} is not promoted. Received: "
                f"{' '.join(objections)} Expected a model that is better than guessing "
                "and not worse than the champion. To promote it all the same: "
                f"`{command('promote', run.run_id[:8], '--anyway', root=root)}`."
            )
        version = (before or 0) + 1
        origin = {"run_id": run.run_id, "export": key, "version": None}
        difference, mlflow_version = publish(root, source, folder, version, origin)
        found = answer(folder, version, before, difference, mlflow_version)
        return found | reasons(choice, beside, objections)


def objections_to(run: Run, beside: dict | None, root: Path) -> list[str]:
    """The reasons not to promote a run, as sentences.

    Args:
        run: with a result of `evaluate`.
        beside: its difference to the champion, or None.
        root: project root.
    """
    found = []
    evaluated = Store(Path(root) / "mlruns").path("evaluate", run.keys["evaluate"])
    verdict = read_verdict(evaluated)
    if verdict and verdict["verdict"] == NOT_BETTER:
        found.append(verdict["sentence"])
    if beside and beside["verdict"] == "A":
        found.append(beside["sentence"])
    return found


def reasons(
    choice: ranking.Choice | None, beside: dict | None, objections: list[str]
) -> dict:
    """The part of the answer that gives the reasons of a promotion."""
    return {
        "choice": choice
        and {
            "valid_nll": choice.score.valid_nll,
            "among": choice.among,
            "own": choice.own,
        },
        "beside": beside,
        "objections": objections,
    }


def rollback(name: str, root: Path) -> dict:
    """Make the champion's predecessor the champion again.

    Args:
        name: of a recipe, some of whose exports have been promoted.
        root: project root.

    Returns:
        dict, see `promote`.

    Raises:
        ValueError: nothing was promoted, or nothing before the champion.
        RejectedModel: the predecessor does not answer any more.
        ConnectionError: MLflow does not answer.
    """
    require_promoted(name, root)
    reach.require(root)
    with locked(root, name) as folder:
        before, number = newest(folder), champions.before(folder)
        if number is None:
            raise ValueError(
                f"nothing to go back to. Received: {name}, whose champion, version "
                f"{before}, has none before it. Expected a name with an earlier "
                "promotion: `phistar promote RUN`."
            )
        source, version = folder / str(number), before + 1
        origin = read_origin(source) | {"version": number}
        require_whole(source)
        difference, mlflow_version = publish(root, source, folder, version, origin)
        return answer(folder, version, before, difference, mlflow_version)


def publish(
    root: Path, source: Path, folder: Path, version: int, origin: dict
) -> tuple[float, int]:
    """Write a version, check it, and make it and MLflow's model of it the champion.

    The alias is moved first. A kill between the two leaves two champions, one here and
    one in MLflow; each of them answers, and the same command again completes the move.

    Args:
        root: project root.
        source: folder of a SavedModel, which is not changed.
        folder: `mlruns/serving/<name>`, locked.
        version: its number.
        origin: plain data, with the key of the export.

    Returns:
        The largest difference of its golden answers, nats; MLflow's version.
    """
    clean.start()  # it imports TensorFlow while this process imports mlflow
    with answering(root):
        target = Target(root)
        # MLflow must have it before any request is sent to the folder
        known = registered(target, root, folder.name, origin)
    for left in folder.glob(".[0-9]*"):  # of one that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)  # its child may still be calling it
    draft = folder / f".{version}.{secrets.token_hex(4)}"
    shutil.copytree(source, draft, copy_function=link)
    place = draft / ORIGIN
    place.unlink(missing_ok=True)  # a link: the other version's stays
    place.parent.mkdir(exist_ok=True)
    about = {"time": time.time_ns() // 1_000_000, "files": files(draft)}
    origin = origin | about
    place.write_text(json.dumps(origin, indent=2, sort_keys=True) + "\n", "utf-8")
    try:
        with clean.take() as process:
            difference = clean.ask(process, draft)["log_prob"]
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)  # its child may have moved it
        raise
    for path in [*draft.rglob("*"), draft]:
        sync(path)
    with answering(root):
        registry.crown(target, folder.name, known)
    draft.rename(folder / str(version))
    sync(folder)
    return difference, known


def registered(target: Target, root: Path, name: str, origin: dict) -> int:
    """MLflow's version number of an export.

    What an earlier run could not send is sent first.

    Raises:
        LookupError: MLflow does not have the run.
    """
    version = registry.register(target, root, name, origin)
    if version is None:
        ui.sync(root)
        version = registry.register(target, root, name, origin)
    if version is None:
        raise LookupError(
            f"MLflow has no model of this export. Received: {name}, export "
            f"{origin['export']}. Expected one that a run has logged: `phistar ui` "
            "sends what is missing."
        )
    return version


@contextlib.contextmanager
def locked(root: Path, name: str) -> Iterator[Path]:
    """The folder of a name, held by this process alone until it ends."""
    folder = serving(root, name)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def answer(
    folder: Path,
    version: int,
    before: int | None,
    difference: float | None,
    mlflow_version: int,
) -> dict:
    """The result of the command, see `promote`."""
    origin = read_origin(folder / str(version))
    return {
        "name": folder.name,
        "version": version,
        "mlflow_version": mlflow_version,
        "run_id": origin["run_id"],
        "folder": str(folder / str(version)),
        "test_nll": nll(folder, version),
        "before": before,
        "before_test_nll": before and nll(folder, before),
        "difference": difference,
    }


def nll(folder: Path, version: int) -> float:
    """-ln P of test through the SavedModel of a version, nats a label."""
    return read_served(folder / str(version))["test_nll"]
