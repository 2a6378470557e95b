"""Numbered SavedModels of a name, as TensorFlow Serving watches a folder.

    mlruns/serving/<name>/<n>/      a SavedModel that has answered its golden batch
                         /.<n>.…    being written: no number, so no server looks at it
                         /.lock     held by whoever is writing

The highest number is the champion. It appears by one rename, when all is on disk and
has been asked, and is neither changed nor taken away, so whoever loads it never finds
half of it: to go back is to publish the earlier model under a new number. Files are
hard links to the store's, copies where the file system has none.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time

from components.serving import clean
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


def promote(word, root):
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


def rollback(name, root):
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


def synced(root):
    """MLflow, after it was sent what an earlier run could not send.  -> Target."""
    from pipeline.tracking import ui
    from pipeline.tracking.target import Target

    ui.sync(root)
    return Target(root)


def model(target, name, key):
    """MLflow's model of an export.  -> ModelVersion."""
    from pipeline.tracking import models

    return models.registered(target.client, name, key)


def alias(target, name, key):
    """Let MLflow's alias `champion` mean an export that was published."""
    from pipeline.tracking import models

    version = model(target, name, key).version
    target.client.set_registered_model_alias(name, models.CHAMPION, version)


def publish(target, source, folder, version, origin):
    """Write a version, ask it, and let it and MLflow's model of it be the champion.

    MLflow has such a model only if it answers, too: see registry.py. The alias goes
    first: a kill between the two leaves another champion here and there, each of which
    answers, and the same command again ends what was begun.

    Args:
        target: of `synced`.
        source: Path of a SavedModel that stays as it is.
        folder: Path, `mlruns/serving/<name>`, locked.
        version: int.
        origin: plain data, the key of the export among it.

    Returns:
        float, the largest difference of its golden answers, nats.
    """
    model(target, folder.name, origin["export"])  # before anybody is sent to it
    for left in folder.glob(".[0-9]*"):  # of one that was killed: we hold the lock
        shutil.rmtree(left, ignore_errors=True)  # its child may still be asking
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


def link(source, target):
    """One more name of a file; a copy on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextlib.contextmanager
def locked(root, name):
    """The folder of a name, held alone; gone with its holder."""
    folder = serving(root, name)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield folder


def answer(folder, version, before, difference):
    """What the command says.  -> dict."""
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


def nll(folder, version):
    """-ln P of test through the SavedModel of a version.  -> float, nats a label."""
    return read_contract(folder / str(version))["served"]["test_nll"]
