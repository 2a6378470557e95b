"""One pipeline execution: its record, its MLflow run, its end."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from phistar.pipeline.config.load import Config
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.terminal import note, working
from phistar.pipeline.record import console, life
from phistar.pipeline.record.ending import ending
from phistar.pipeline.record.journal import Draft, Record, read_all
from phistar.pipeline.record.naming import run_entry, unused
from phistar.pipeline.record.place import Place
from phistar.pipeline.run import page, repeats
from phistar.pipeline.tracking.follower import Elsewhere, Follower


class Execution:
    """An execution that is under way.

    Args:
        record: its record.
        follower: it sends the record to MLflow; children share their parent's.

    Attributes:
        children: the executions that belong to it, the oldest first.
        same_as: run_id of an earlier run that has all of its results, else "".
    """

    def __init__(self, record: Record, follower: Follower):
        self.record, self.follower = record, follower
        self.children: list[Execution] = []
        self.same_as = ""
        self.log = ""

    @property
    def run_id(self) -> str:
        """The run that shows its results."""
        return self.same_as or self.record.run_id

    def address(self) -> str:
        """The page of that run in MLflow."""
        return self.follower.address(self.run_id)

    @property
    def on_disk(self) -> bool:
        """True if its record is written."""
        return not isinstance(self.record, Draft) or self.record.opened

    def open(self) -> None:
        """Write its record and those of its children."""
        if not self.on_disk:
            self.record.open()
        self.write_log()
        for child in self.children:
            child.open()

    def close(self, log: str, **end: str) -> None:
        """End its record, with its page and the lines that its user saw."""
        self.log = f"$ {self.record.entries()[0]['command']}\n{log}"
        self.write_log()
        try:
            if self.on_disk:
                page.write(self.record)
        finally:
            self.record.append("end", **end)

    def write_log(self) -> None:
        """Write the log beside the record."""
        if self.log and self.on_disk:
            self.record.path.with_suffix(".log.txt").write_text(self.log, "utf-8")

    def throw_away(self) -> None:
        """Leave nothing of it."""
        for path in self.record.path.parent.glob(f"{self.record.run_id}.*"):
            path.unlink()  # the journal of a stage that failed

    def repeats(self) -> bool:
        """True if an earlier run, from now on `same_as`, has all of its results.

        The records are read now: the same command at the same time may just have ended.
        """
        if self.on_disk:
            return False
        records = read_all(self.record.root)
        held = [child.record.entries() for child in self.children]
        self.same_as = repeats.earlier(self.record.entries(), held, records)
        for child, entries in zip(self.children, held, strict=True):
            child.same_as = repeats.twin(entries, self.same_as, records)
        return bool(self.same_as)


@contextlib.contextmanager
def execution(
    root: Path,
    config: Config,
    command: list[str],
    complete: bool = True,
    under: Execution | None = None,
    seeds: int | None = None,
    register: bool = True,
    place: Place | None = None,
) -> Iterator[Execution]:
    """A record that is open in the block and states how the block ended.

    A child process sends all of it to MLflow meanwhile. After the block it has sent
    everything, or has given up and said so.

    An execution with the same config and tags (commit, versions, number of cores) that
    stopped before the last stage, or was killed, is continued: it stays one run. A
    parent and its children always begin again, with what is in the store.

    Two executions leave no record: one that ended with a mistake of its caller, found
    by ingest or build, and one whose results another run has already.

    Args:
        root: project root.
        config: the resolved config.
        command: the words that the user typed.
        complete: True if the block runs to the last stage.
        under: the execution that this one belongs to, whose follower it shares.
        seeds: number of executions that this one is the parent of.
        register: False keeps the export out of MLflow's registry.
        place: its record if that is known before, as in a sweep.

    Yields:
        The execution.
    """
    parent = under and under.record.run_id
    start = run_entry(config, command, parent, seeds)
    start["register"] = register
    records = [] if place else read_all(root)
    record = None if under or seeds or place else unfinished(records, start)
    if place is not None:
        current = taken(root, start, place)
    elif record is not None:
        current = Execution(record, Follower(root, record.run_id).start())
        record.append("resume", command=start["command"], register=register)
    else:
        if not under:
            start["name"] = unused(start["name"], names(records, config.name))
        current = begin(root, start, under)
    with console.kept() as seen:
        try:
            yield current
        except BaseException as error:
            if mistaken(current, error):
                current.throw_away()
                if under:
                    under.children.remove(current)
            else:
                current.open()
                end = ending(error, current.record.entries())
                last = f"{end['reason']} {end['advice']}".strip()
                lines = [seen.text().strip(), last, traced(error)]
                log = "\n".join(filter(None, lines))
                current.close(f"{log}\n", **end)
            raise
        else:
            if not under and not place and current.repeats():
                note(f"nothing new: run {current.run_id[:8]} has all of this already")
            else:
                if not under:
                    current.open()
                status = "FINISHED" if complete else "SCHEDULED"
                current.close(seen.text(), status=status)
        finally:
            life.release(current.record.path)  # also where its end could not be written
            if current.on_disk and not under:
                with working("MLflow", "gets the rest of the run"):
                    current.follower.finish()
            elif not under:
                current.follower.abandon()


def begin(root: Path, start: dict, under: Execution | None) -> Execution:
    """A new execution, whose record is not on disk yet.

    Args:
        root: project root.
        start: the entry that starts its record.
        under: the execution that it belongs to.
    """
    run_id = uuid.uuid4().hex
    follower = under.follower if under else Follower(root, run_id)

    def opening() -> None:
        follower.start()
        if under:
            under.record.open()  # MLflow needs the parent first
            follower.add(run_id)

    # the follower's imports take seconds, so it starts with the first stage that runs
    record = Draft(root, run_id, follower.start, opening)
    record.append("start", **start)
    current = Execution(record, follower)
    if under:
        under.children.append(current)
    return current


def taken(root: Path, start: dict, place: Place) -> Execution:
    """The execution of a place, begun or continued; its record is on disk at once.

    Args:
        root: project root.
        start: the entry that starts its record.
        place: of it.
    """
    record = Record(root, place.run_id)
    if record.entries():
        register = start["register"]
        record.append("resume", command=start["command"], register=register)
    else:
        about = {"name": place.name, "parent": place.parent}
        about |= {
            name: start[name] | getattr(place, name) for name in ("tags", "params")
        }
        record.append("start", **start | about)
    follower = Elsewhere if place.parent else Follower
    return Execution(record, follower(root, place.run_id).start())


def mistaken(current: Execution, error: BaseException) -> bool:
    """True if an execution has nothing to show but a mistake of its caller."""
    if current.on_disk or not isinstance(error, Exception):
        return False
    failure = error if isinstance(error, Failure) else Failure.of(error)
    return failure.status == USAGE


def traced(error: BaseException) -> str:
    """The traceback of an error that its message does not explain, else ""."""
    unexplained = isinstance(error, Failure) and not error.expected
    return error.details if unexplained else ""


def names(records: repeats.Records, experiment: str) -> set[str]:
    """Names of an experiment's runs."""
    starts = [entries[0] for _, entries in records]
    return {start["name"] for start in starts if start["experiment"] == experiment}


def unfinished(records: repeats.Records, start: dict) -> Record | None:
    """The newest execution with the same config and tags, if it can be continued.

    It is held: no other process will continue it.

    Args:
        records: all of them, the oldest first.
        start: the entry that would start a new record.
    """
    same = ("experiment", "params", "tags", "parent")
    for record, entries in reversed(records):
        if any(entries[0].get(field) != start[field] for field in same):
            continue
        last = entries[-1]
        if last["kind"] == "end":
            stopped = last["status"] in ("SCHEDULED", "KILLED")
        else:
            stopped = not life.alive(record.path)
        # only the newest: an older one has been overtaken
        if not stopped or not life.hold(record.path):
            return None
        if len(record.entries()) == len(entries):
            return record
        life.release(record.path)  # another process has continued it meanwhile
        return None
    return None
