"""Hand-written runs: records and journals as the runner and the stages write them."""

import json
import os
import secrets
import struct
import zlib
from pathlib import Path

from phistar.pipeline.record import life
from phistar.pipeline.record.journal import Journal, Record, read, sealed

STEPS = 6
ROWS = {"train": 396, "valid": 58, "test": 115}
KEY = "0123456789abcdef0123456789abcdef"


def write(path, entries) -> None:
    """Write a journal of these entries, in place of what the file holds."""
    lines = [sealed(json.dumps(entry).encode()) + b"\n" for entry in entries]
    path.write_bytes(b"".join(lines))


def rewrite(path, change) -> None:
    """Change a journal: `change` of each entry is written in its place."""
    write(path, [change(entry) for entry in read(path)[0]])


def png(width: int = 8) -> bytes:
    """A small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, width, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * width)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def start(
    root, name: str = "by hand", parent=None, params=None, tags=None, question=""
) -> Record:
    """A record that has begun."""
    record = Record(root, secrets.token_hex(16))
    record.append(
        "start",
        experiment="breast_cancer",
        name=name,
        parent=parent,
        question=question,
        params={"task.name": "binary", "train.loss": "logistic"} | (params or {}),
        command="phistar run breast_cancer",
        tags={"git_commit": "0" * 40} | (tags or {}),
    )
    return record


def die(record: Record) -> None:
    """Let go of a record as the kernel does when its process is killed."""
    path = record.path.absolute().with_suffix(".alive")
    os.close(life._held.pop(path))


def train(log: Journal, first: int = 0, steps: int = STEPS, offset: float = 0.0):
    """Learning curves."""
    for step in range(first, first + steps):
        values = {"train_nll": 1 / (step + 1), "valid_nll": 1.1 / (step + 1) + offset}
        log.metrics(values, step=step)


def evaluate(log: Journal, folder: Path, offset: float = 0.0) -> None:
    """A report with one figure."""
    log.metrics(
        {
            "test_nll": 0.09 + offset,
            "test_nll_uniform": 0.6931,
            "test_nll_prior": 0.6603,
            "test_accuracy": 0.97 - offset,
        },
        step=STEPS,
    )
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "margin.png").write_bytes(png())
    log.figure("figures/margin.png")


def stage(record: Record, name: str, write, key: str = KEY) -> Path:
    """Runs `write(log, folder)` as a stage: running, committed by rename, ran."""
    home = record.root / "mlruns"
    final = home / "stages" / name / key
    draft = final.with_name(f".{key}.tmp")
    draft.mkdir(parents=True)
    record.stage(name, key, "running", draft)
    write(Journal(draft / "journal.jsonl"), draft)
    (draft / "manifest.json").write_text(json.dumps({"stage": name, "key": key}))
    draft.rename(final)
    record.stage(name, key, "ran", final, seconds=1.0)
    return final


def whole_run(root, name: str = "by hand", offset: float = 0.0, **words) -> Record:
    """A record with three stages and an end.

    Args:
        offset: makes this run's curves differ, and its stages' keys too.
    """
    record = start(root, name, **words)
    key = f"{int(offset * 1000):032x}"

    def ingest(log, folder):
        schema = {"mean radius": "finite number, as in the data"}
        splits = {
            split: {"digest": f"{number}" * 32, "rows": rows, "balance": {"benign": 1}}
            for number, (split, rows) in enumerate(ROWS.items())
        }
        about = {"name": "breast_cancer", "source": "s", "label": "label"}
        log.dataset(**about, schema=schema, splits=splits)

    def train_stage(log, folder):
        log.params({"train.num_parameters": 31})
        train(log, offset=offset)

    stage(record, "ingest", ingest, key)
    stage(record, "train", train_stage, key)
    stage(record, "evaluate", lambda log, at: evaluate(log, at, offset), key)
    record.append("end", status="FINISHED")
    return record


def cached_run(root, origin: Record, name: str = "cached") -> Record:
    """A record whose stages all come from `origin`."""
    record = start(root, name)
    for entry in origin.entries():
        if entry["kind"] == "stage" and entry["status"] == "ran":
            path = record.root / "mlruns" / entry["path"]
            made = entry["stage"], entry["key"], "cached", path
            record.stage(*made, made_by=origin.run_id, seconds=0.0)
    record.append("end", status="FINISHED")
    return record
