"""The pipeline: a table of five stages, and the loop over it.

A stage is one function (components/<name>.py, `run`). It reads the artifacts that
its row names, and writes one. Its key is made of exactly what it receives; an
artifact that is in the store under the key is not made again.
"""

import json
import time
from functools import lru_cache
from typing import NamedTuple

from pipeline.config import schema
from pipeline.process.errors import USAGE, Failure
from pipeline.run.process import call
from pipeline.store import keys

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
            "report": ("decoding.json", "metrics.json", "golden.npz", "test_nll.npy"),
        },
    ),
)
NAMES = tuple(stage.name for stage in STAGES)


def run_stages(
    config,
    store,
    record,
    *,
    last="export",
    force=(),
    isolate=False,
    before_train=None,
    report=lambda name, outcome: None,
):
    """Make each stage's artifact, or find it in the store.

    Args:
        config: Config.
        store: Store.
        record: Record of the execution; gets an entry when a stage begins and ends.
        last: stages after it are left alone.
        force: names of stages to run even if they are in the store.
        isolate: run each stage in a child process.
        before_train: called with (artifacts, key, parts) before training begins.
        report: called with (name, outcome) after each stage.

    Returns:
        dict of stage name -> {"status": "ran" or "cached", "key", "seconds",
        "path", "digest"}.

    Raises:
        Failure: of the first stage that fails; nothing of it is under a final name.
    """
    artifacts, outcomes = {}, {}
    for stage in STAGES[: NAMES.index(last) + 1]:
        parts = stage_parts(stage, config, manifests_of(stage, store, artifacts))
        key = keys.key(parts)
        with store.lock(stage.name, key):
            forced = stage.name in force
            path = None if forced else store.get(stage.name, key)
            status, started = "cached", time.time()
            if path is None:
                if stage.name == "train" and before_train is not None:
                    before_train(artifacts, key, parts)
                status, started = "ran", time.time()
                path = make(
                    stage, config, store, record, artifacts, key, parts, forced, isolate
                )
        outcome = {
            "status": status,
            "key": key,
            "seconds": round(time.time() - started, 3),
            "path": str(path),
            "digest": store.manifest(stage.name, key)["digest"],
        }
        record_end(record, store, stage.name, outcome)
        artifacts[stage.gives] = path
        outcomes[stage.name] = outcome
        report(stage.name, outcome)
    return outcomes


def manifests_of(stage, store, artifacts):
    """Word of an artifact -> its manifest, of those that a stage reads."""
    return {
        word: store.manifest(artifacts[word].parent.name, artifacts[word].name)
        for word in stage.reads
    }


def stage_parts(stage, config, manifests):
    """What a stage's key is made of.

    Args:
        stage: Stage.
        config: Config.
        manifests: word of an artifact -> manifest of the one the stage is given.
    """
    outside = {"ingest": fingerprint, "build": weights_fingerprint}
    source = outside[stage.name](config) if stage.name in outside else None
    kind = opened(config).kind
    return keys.stage_parts(stage, config.sections, manifests, kind=kind, source=source)


def fingerprint(config):
    """Plain data that changes when the source's rows do; the rows are not read."""
    return opened(config).fingerprint


def opened(config):
    """The config's Source; its rows are not read.

    Raises:
        Failure: if the source cannot be opened.
    """
    section = config.sections["ingest"]
    own = schema.chosen("ingest", section["source"]).keys
    options = {key: section[key] for key in own}
    try:
        return _opened(section["source"], json.dumps(options))
    except Exception as error:
        raise Failure.of(error) from error


@lru_cache(maxsize=2)  # each key needs it, and opening may hash a large file
def _opened(name, options):
    from components.data.sources import source

    return source(name)(**json.loads(options))


def weights_fingerprint(config):
    """SHA-256 of the earlier network that build starts from; {} without one.

    Raises:
        Failure: if it is not there.
    """
    from components.training.warm_start import fingerprint

    weights = config.sections["build"]["weights"]
    try:
        return fingerprint(weights) if weights is not None else {}
    except ValueError as error:
        raise Failure.of(error) from error


def require_rows(config, store):
    """Refuse a source whose rows are out of reach, if ingest has to read them.

    Raises:
        Failure: what to do.
    """
    key = keys.key(stage_parts(STAGES[0], config, {}))
    if store.get(STAGES[0].name, key) is not None:
        return
    try:
        opened(config).require()
    except Exception as error:
        raise Failure.of(error) from error


def require_upstream(config, store, first):
    """Refuse `--from` a stage if one before it is not in the store.

    Raises:
        Failure: which one.
    """
    artifacts = {}
    for stage in STAGES[: NAMES.index(first)]:
        parts = stage_parts(stage, config, manifests_of(stage, store, artifacts))
        path = store.get(stage.name, keys.key(parts))
        if path is None:
            raise Failure(
                f"`--from {first}` needs {stage.name}, which is not in the store under "
                f"this config. Run `phistar {stage.name} {config.name}`, or leave out "
                "`--from`.",
                USAGE,
            )
        artifacts[stage.gives] = path


def make(stage, config, store, record, artifacts, key, parts, forced, isolate):
    """Run one stage into the store.  -> Path of its artifact."""
    arguments = {"task": config.sections["task"], **config.sections[stage.name]}
    arguments |= {word: str(artifacts[word]) for word in stage.reads}
    backend = config.sections[stage.name].get("backend", "tensorflow")
    failed = store.root / "runs" / f"{record.run_id}.{stage.name}.failed"
    try:
        with store.write(
            stage.name,
            key,
            parts,
            {"run_id": record.run_id},
            failed_journal=failed,
            replace=forced,
            resume=stage.name == "train",
        ) as folder:
            entry = {"stage": stage.name, "key": key, "status": "running"}
            record.append("stage", **entry, path=str(folder.relative_to(store.root)))
            call(stage.name, arguments, folder, record.run_id, isolate, backend)
    except BaseException:
        entry = {"stage": stage.name, "key": key, "status": "failed"}
        record.append("stage", **entry, path=str(failed.relative_to(store.root)))
        raise
    return store.path(stage.name, key)


def record_end(record, store, name, outcome):
    """Say in the record what became of a stage, and whose work it is."""
    origin = store.manifest(name, outcome["key"])["origin"]["run_id"]
    entry = {
        "stage": name,
        "key": outcome["key"],
        "status": outcome["status"],
        "path": str(store.path(name, outcome["key"]).relative_to(store.root)),
        "seconds": outcome["seconds"],
    }
    # a run that goes on in another process finds its own work in the store
    if origin != record.run_id:
        entry["cached_from"] = origin
    record.append("stage", **entry)
