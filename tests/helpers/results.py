"""Runs with results, written by hand: no stage is run."""

import hashlib
import itertools
import json
import os
import secrets
import time

import numpy as np

from phistar.pipeline.config.load import load
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.naming import params
from phistar.pipeline.store.store import Store

OLD = 40 * 86400  # s, of an old run
TIMES = itertools.count(1_700_000_000_000, 1000)  # each run begins after the one before


def result(
    root,
    valid_nll=0.1,
    *,
    data="one",
    verdict=None,
    status="FINISHED",
    name="breast_cancer",
    parent=None,
    overrides=(),
    losses=(0.1, 0.2, 0.3),
    **end,
):
    """Write a run of breast_cancer that has come to its end.

    Args:
        root: project root.
        valid_nll: of its report; None for a run that has come to no stage.
        data: word for what it has read: the digests are made of it.
        verdict: "better", "not better" or None for a report without a verdict.
        status: of its end; None for a record without an end.
        name: of the run.
        parent: run_id.
        overrides: of the recipe.
        losses: -ln P of each test example.
        **end: further fields of the end.

    Returns:
        run_id.
    """
    config = load("breast_cancer", list(overrides), root)
    record = Record(root, secrets.token_hex(16))
    words = {"command": "phistar run breast_cancer", "tags": {}, "parent": parent}
    words["time"] = next(TIMES)
    record.append(
        "start",
        experiment="breast_cancer",
        name=name,
        params=params(config),
        **words,
    )
    if valid_nll is not None:
        for stage, files in contents(valid_nll, data, verdict, losses).items():
            key = hashlib.sha256(repr(files).encode()).hexdigest()[:32]
            store(root, stage, key, files, record.run_id)
            record.stage(stage, key, "ran", root / "mlruns" / "stages" / stage / key)
            if stage == "evaluate" and status != "FINISHED":
                break
    if status:
        record.append("end", status=status, **end)
    return record.run_id


def contents(valid_nll, data, verdict, losses):
    """Stage -> name -> content of a file, of the stages that `result` writes."""
    metrics = {"valid_nll": valid_nll, "test_nll": float(np.mean(losses))}
    report = {"metrics.json": metrics, "test_nll.npy": losses}
    if verdict:
        sentence = f"{verdict.capitalize()} than guessing by 0.1 ± 0.2 nats."
        report["verdict.json"] = {"verdict": verdict, "sentence": sentence}
    digests = {"test": f"test of {data}", "all": f"all of {data}"}
    return {
        "ingest": {"digest.json": digests},
        "evaluate": report,
        "export": {"of.json": report},
    }


def store(root, stage, key, files, run_id):
    """Put a result into the store, unless it has it."""
    results = Store(root / "mlruns")
    if results.get(stage, key):
        return
    with results.write(stage, key, {}, {"run_id": run_id}) as folder:
        for name, content in files.items():
            if name.endswith(".npy"):
                np.save(folder / name, np.array(content))
            else:
                (folder / name).write_text(json.dumps(content))


def aged(root, seconds=OLD):
    """Let all that is below a root be older."""
    then = time.time() - seconds
    for path in sorted(root.rglob("*"), reverse=True):
        os.utime(path, (then, then), follow_symlinks=False)
    return root


def used(root):
    """Bytes of all files below a root, each inode once."""
    files = {}
    for path in root.rglob("*"):
        if path.is_file():
            files[path.stat().st_ino] = path.stat().st_size
    return sum(files.values())
