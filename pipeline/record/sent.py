"""Progress of each record into MLflow: `runs/<run_id>.sent.json`."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phistar.components.hashing import parsed, seal
from phistar.pipeline.record import journal


def read_state(root: Path, run_id: str) -> dict:
    """The state of sending `run_id`; {} if nothing was sent."""
    path = journal.Record(root, run_id).path.with_suffix(".sent.json")
    try:
        return parsed(path.read_bytes())
    except (OSError, ValueError):
        return {}  # none, or a damaged one: MLflow takes an entry a second time


def write_state(record: Path, state: dict) -> None:
    """Replace the state beside a record's file, whole or not at all."""
    path = record.with_suffix(".sent.json")
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(state | {"seal": seal(state)}, indent=2))
    draft.replace(path)


@contextmanager
def only_sender(root: Path, run_id: str) -> Iterator[bool]:
    """True in the block if this process alone sends `run_id`.

    The kernel drops the lock with its process, however that process ends.
    """
    path = journal.Record(root, run_id).path
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
