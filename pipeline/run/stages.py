"""The pipeline: a table of five stages, and the loop over it.

A stage is one function (components/<name>.py, `run`). It reads the artifacts that
its row names, and writes one. An artifact that is in the store under the stage's key
is not made again: cached.py decides that.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from phistar.pipeline.config.load import Config
from phistar.pipeline.process import disk
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.root import command
from phistar.pipeline.process.terminal import note, working
from phistar.pipeline.record.journal import Record
from phistar.pipeline.run.cached import Work, cached, work
from phistar.pipeline.run.process import call
from phistar.pipeline.run.sources import opened, require
from phistar.pipeline.store.shared import shared
from phistar.pipeline.store.store import Store

if TYPE_CHECKING:
    from phistar.pipeline.launch.leader import Leader

NETWORK = ("network.json", "weights.npz")


class Stage(NamedTuple):
    """One row.

    Args:
        name: of the stage, its section and its file.
        gives: the word for its artifact, the parameter name of later stages.
        reads: word of an artifact -> patterns of the files read in it.
    """

    name: str
    gives: str
    reads: dict[str, tuple[str, ...]]


STAGES = (
    Stage("ingest", "dataset", {}),
    Stage("build", "network", {"dataset": ("dataset.json",)}),
    Stage(
        "train",
        "network",
        {"dataset": ("dataset.json", "train/*", "valid/*"), "network": NETWORK},
    ),
    Stage(
        "evaluate",
        "report",
        {"dataset": ("*", "*/*"), "network": (*NETWORK, "history.json")},
    ),
    Stage(
        "export",
        "export",
        {
            "dataset": ("dataset.json", "digest.json", "test/*"),
            "network": NETWORK,
            "report": (
                *("decoding.json", "metrics.json", "golden.npz", "test_nll.npy"),
                *("card.html", "card.md"),
            ),
        },
    ),
)
NAMES = tuple(stage.name for stage in STAGES)


def run_stages(
    config: Config,
    store: Store,
    record: Record,
    *,
    last: str = NAMES[-1],
    force: tuple[str, ...] = (),
    isolate: bool = False,
    ranks: "Leader | None" = None,
    before_train: Callable | None = None,
    report: Callable = lambda name, outcome: None,
) -> dict[str, dict]:
    """Make each stage's artifact, or find it in the store.

    Args:
        config: the resolved config.
        store: the results of all stages.
        record: of the execution; gets an entry when a stage begins and ends.
        last: stages after it are left alone.
        force: names of stages to run even if they are in the store.
        isolate: run each stage in a child process.
        ranks: the other processes that train together.
        before_train: called with (artifacts, key, parts) before training begins.
        report: called with (name, outcome) after each stage, and with the status
            "running" before one that must run.

    Returns:
        Stage name -> {"status": "ran" or "cached", "key", "seconds", "path",
        "digest"}.

    Raises:
        Failure: of the first stage that fails; nothing of it is under a final name.
    """
    manifests, outcomes = {}, {}
    for stage in STAGES[: NAMES.index(last) + 1]:
        wanted = work(stage, config, manifests)
        forced, seconds = stage.name in force, 0.0
        # The lock comes first: another process may be making the same key.
        with store.lock(stage.name, wanted.key):
            manifest = None if forced else cached(wanted, store)
            status = "cached" if manifest else "ran"
            if manifest is None:
                given = {word: folder(store, manifests[word]) for word in stage.reads}
                if stage.name == "train" and before_train is not None:
                    before_train(given, wanted.key, wanted.parts)
                report(stage.name, {"status": "running"})
                started = time.monotonic()
                how = {"replace": forced, "isolate": isolate, "ranks": ranks}
                make(wanted, given, config, store, record, **how)
                seconds = round(time.monotonic() - started, 3)
                manifest = store.manifest(stage.name, wanted.key)
                if remote := shared():
                    remote.push(store, stage.name, wanted.key)
        manifests[stage.gives], path = manifest, folder(store, manifest)
        outcome = {"status": status, "key": wanted.key, "seconds": seconds}
        outcome |= {"path": str(path), "digest": manifest["digest"]}
        made_by = manifest["origin"]["run_id"]
        record.stage(stage.name, wanted.key, status, path, made_by, seconds=seconds)
        report(stage.name, outcome)
        outcomes[stage.name] = outcome
    return outcomes


def folder(store: Store, manifest: dict) -> Path:
    """The folder of the artifact that a manifest describes."""
    return store.path(manifest["stage"], manifest["key"])


def make(
    wanted: Work,
    given: dict[str, Path],
    config: Config,
    store: Store,
    record: Record,
    *,
    replace: bool,
    isolate: bool,
    ranks: "Leader | None",
) -> None:
    """Run one stage into the store.

    Args:
        wanted: the stage, and the key of its result.
        given: word of an artifact -> its folder.
        config: the resolved config.
        store: the results of all stages.
        record: of the execution.
        replace: True replaces the result that the store has.
        isolate: run it in a child process.
        ranks: the other processes that train together.

    Raises:
        Failure: whatever went wrong in it.
    """
    name, key, origin = wanted.stage, wanted.key, {"run_id": record.run_id}
    values = arguments(config, name, given)
    if source := wanted.parts["source"]:  # what the stage reads must still be that
        values["fingerprint"] = source
    failed = record.path.with_suffix(f".{name}.failed")
    resume = name in ("ingest", "train")  # they leave what they have done so far
    how = {"failed_journal": failed, "replace": replace, "resume": resume}
    try:
        with store.write(name, key, wanted.parts, origin, **how) as out_dir:
            record.stage(name, key, "running", out_dir)
            call(name, values, out_dir, record.run_id, isolate, ranks)
    except BaseException:
        record.stage(name, key, "failed", failed)
        raise


def arguments(config: Config, stage: str, given: dict[str, Path]) -> dict:
    """Arguments of a stage's function: task, its own keys, folders that it reads."""
    own = {"task": config.sections["task"], **config.sections[stage]}
    return own | {word: str(path) for word, path in given.items()}


def require_inputs(config: Config, store: Store, first: str) -> None:
    """Refuse `--from` without the stages before it, and data that cannot be used.

    Args:
        config: the resolved config.
        store: the results of all stages.
        first: the stages before it must be in the store.

    Raises:
        Failure: it names the stage to run.
        Exception: of the source, whose rows cannot be reached or have a mistake.
    """
    manifests, before = {}, NAMES[: NAMES.index(first)]
    for stage in STAGES[: max(1, len(before))]:
        manifest = cached(work(stage, config, manifests), store)
        if manifest is None and stage.name in before:
            raise Failure(
                f"`--from {first}` needs {stage.name}, which is not in the store under "
                "this config. Run "
                f"`{command(stage.name, *config.typed, root=store.root.parent)}`, or "
                "leave out `--from`.",
                USAGE,
            )
        if manifest is None:  # ingest must run: before it imports TensorFlow
            with working("ingest", "checks the data"):
                require(config)
            # what it writes is about as large as what it reads: packed files are less
            if lacking := disk.lacking(opened(config).size, store.root):
                note(f"warning: the disk may be too small for the data. {lacking}")
        manifests[stage.gives] = manifest
