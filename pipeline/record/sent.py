"""Progress of each record into MLflow: what is sent, and what is not yet.

runs/<run_id>.sent.json    the position of the sender
             .unsent       while MLflow lacks a part; the reason, if it refuses it
    /.rests.lock           held by the process that sends what others could not
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phistar.components.hashing import parsed, seal
from phistar.pipeline.record import journal, life, marks

RESTS = ".rests.lock"  # in runs/: of the process that sends what others could not


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


def behind(root: Path) -> list[str]:
    """The run ids of marked records that nobody sends."""
    return [name for name in marks.marked(root) if _deserted(root, name)]


def _deserted(root: Path, run_id: str) -> bool:
    """True if a record is whole, or its process has died, and no process sends it."""
    record = journal.Record(root, run_id)
    entries = record.entries()
    if not entries or (entries[-1]["kind"] != "end" and life.alive(record.path)):
        return False
    with only_sender(root, run_id) as free:
        return free


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


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Wait until this process alone sends what others could not."""
    with open(Path(root) / "mlruns" / "runs" / RESTS, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.utime(file.fileno())
        yield
