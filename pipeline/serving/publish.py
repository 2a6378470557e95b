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

from components.serving import clean
from components.serving.mlflow_model import link
from pipeline.record.runs import find, result
from pipeline.store.champions import (
    ORIGIN,
    newest,
    numbers,
    read_origin,
    require_promoted,
    serving,
)
from pipeline.store.contract import read_contract
from pipeline.store.store import sync
from pipeline.tracking import models, ui
from pipeline.tracking.target import Target


def promote(word: str, root: Path) -> dict:
    """Make an export the champion of its name.

    Args:
        word: of a run, as `history.find` takes it.
        root: project root.

    Returns:
        dict: name, version, run_id, folder, test_nll, before (the champion until now,
        or None), before_test_nll, difference (nats, on the golden batch; None if it was
        the champion already).

    Raises:
        ValueError: no such export.
        RejectedModel: it does not answer as it was evaluated.
    """
    run = find(word, root, "export")
    source, key = result(run, "export", root) / "saved_model", run.keys["export"]
    with locked(root, run.recipe) as folder:
        target = synced(root)
        before = newest(folder)
        if before and read_origin(folder / str(before))["export"] == key:
            alias(target, run.recipe, key)  # its MLflow may be another one by now
            return answer(folder, before, before, None)
        version = (before or 0) + 1
        origin = {"run_id": run.run_id, "export": key, "version": None}
        difference = publish(target, source, folder, version, origin)
        return answer(folder, version, before, difference)


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
    """
    require_promoted(name, root)
    with locked(root, name) as folder:
        before = newest(folder)
        origins = {
            number: read_origin(folder / str(number)) for number in numbers(folder)
        }
        export = origins[before]["export"]
        standing = origins[before]["version"] or before
        earlier = [
            number
            for number, origin in origins.items()
            if number < standing and origin["export"] != export
        ]
        if not earlier:
            raise ValueError(
                f"nothing to go back to. Received: {name}, whose champion, version "
                f"{before}, has none before it. Expected a name with an earlier "
                "promotion: `phistar promote RUN`."
            )
        # where that was a rollback: the version that it went back to
        number = origins[earlier[-1]]["version"] or earlier[-1]
        origin = origins[number] | {"version": number}
        source, version = folder / str(number), before + 1
        difference = publish(synced(root), source, folder, version, origin)
        return answer(folder, version, before, difference)


def synced(root: Path) -> Target:
    """Send what an earlier run could not send.  -> MLflow."""
    ui.sync(root)
    return Target(root)


def alias(target: Target, name: str, key: str) -> None:
    """Move MLflow's alias `champion` to an export that was published."""
    version = models.registered(target.client, name, key).version
    target.client.set_registered_model_alias(name, models.CHAMPION, version)


def publish(
    target: Target, source: Path, folder: Path, version: int, origin: dict
) -> float:
    """Write a version, check it, and make it and MLflow's model of it the champion.

    The alias is moved first. A kill between the two leaves two champions, one here and
    one in MLflow; each of them answers, and the same command again completes the move.

    Args:
        target: of `synced`.
        source: folder of a SavedModel, which is not changed.
        folder: `mlruns/serving/<name>`, locked.
        version: its number.
        origin: plain data, with the key of the export.

    Returns:
        The largest difference of its golden answers, nats.
    """
    # MLflow must have it before any request is sent to the folder
    models.registered(target.client, folder.name, origin["export"])
    for left in folder.glob(".[0-9]*"):  # of one that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)  # its child may still be calling it
    draft = folder / f".{version}.{secrets.token_hex(4)}"
    shutil.copytree(source, draft, copy_function=link)
    place = draft / ORIGIN
    place.unlink(missing_ok=True)  # a link: the other version's stays
    place.parent.mkdir(exist_ok=True)
    origin = origin | {"time": time.time_ns() // 1_000_000}
    place.write_text(json.dumps(origin, indent=2, sort_keys=True) + "\n", "utf-8")
    try:
        with clean.take() as process:
            difference = clean.ask(process, draft)["log_prob"]
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)  # its child may have moved it
        raise
    for path in [*draft.rglob("*"), draft]:
        sync(path)
    alias(target, folder.name, origin["export"])
    draft.rename(folder / str(version))
    sync(folder)
    return difference


@contextlib.contextmanager
def locked(root: Path, name: str) -> Iterator[Path]:
    """The folder of a name, held by this process alone until it ends."""
    folder = serving(root, name)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def answer(
    folder: Path, version: int, before: int | None, difference: float | None
) -> dict:
    """The result of the command, see `promote`."""
    origin = read_origin(folder / str(version))
    return {
        "name": folder.name,
        "version": version,
        "run_id": origin["run_id"],
        "folder": str(folder / str(version)),
        "test_nll": nll(folder, version),
        "before": before,
        "before_test_nll": before and nll(folder, before),
        "difference": difference,
    }


def nll(folder: Path, version: int) -> float:
    """-ln P of test through the SavedModel of a version, nats a label."""
    return read_contract(folder / str(version))["served"]["test_nll"]
