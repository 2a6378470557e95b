"""One pipeline execution: its record, its MLflow run, its end."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from pipeline.config.load import Config
from pipeline.record.journal import Record, alive, read_all
from pipeline.record.naming import run_entry
from pipeline.run import page
from pipeline.tracking.follower import Follower


@contextlib.contextmanager
def execution(
    root: Path,
    config: Config,
    command: list[str],
    complete: bool = True,
    under: tuple[Record, Follower] | None = None,
    seeds: int | None = None,
) -> Iterator[tuple[Record, Follower]]:
    """A record that is open in the block and states how the block ended.

    A child process sends all of it to MLflow meanwhile. After the block it has sent
    everything, or has given up and said so.

    An execution with the same config and tags (commit, versions, number of cores) that
    stopped before the last stage, or was killed, is continued: it stays one run. A
    parent and its children always begin again, with what is in the store.

    Args:
        root: project root.
        config: the resolved config.
        command: the words that the user typed.
        complete: True if the block runs to the last stage.
        under: the execution that this one belongs to, whose follower it shares.
        seeds: number of executions that this one is the parent of.

    Yields:
        The record, and the follower that feeds MLflow.
    """
    start = run_entry(config, command, under and under[0].run_id, seeds)
    record = None if under or seeds else unfinished(root, start)
    if record is not None:
        record.append("resume", command=start["command"])
    else:
        record = Record(root, uuid.uuid4().hex)
        record.append("start", **start)
    if under:
        follower = under[1]
        follower.add(record.run_id)
    else:
        follower = Follower(root, record.run_id).start()
    status = "FAILED"
    try:
        yield record, follower
        status = "FINISHED" if complete else "SCHEDULED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        try:
            page.write(record)
        finally:
            record.append("end", status=status)
        if not under:
            follower.finish()


def unfinished(root: Path, start: dict) -> Record | None:
    """The newest execution with the same config and tags, if it can be continued.

    Args:
        root: project root.
        start: the entry that would start a new record.
    """
    same = ("experiment", "params", "tags", "parent")
    for record, entries in reversed(read_all(root)):
        if any(entries[0].get(field) != start[field] for field in same):
            continue
        last = entries[-1]
        if last["kind"] == "end":
            stopped = last["status"] in ("SCHEDULED", "KILLED")
        else:
            stopped = not alive(entries)
        # only the newest: an older one has been overtaken
        return record if stopped else None
    return None
