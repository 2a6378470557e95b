"""Append-only JSON lines: the log of a stage, and the record of an execution.

    stages/<stage>/<key>/journal.jsonl   a `Journal`, written by the stage
    runs/<run_id>.jsonl                  a `Record`, written by the runner

Both are written first, and MLflow is fed from them (pipeline/tracking). So a dead
server stops nothing, and its database can be rebuilt. A line is written whole, by one
write to a file opened for appending. Several processes may write. A process that is
killed leaves at most one torn last line, which readers leave out. A line of which only
a part could be written is written again. Each line ends with the CRC-32 of what is
before it, so that a damaged one is not believed.
"""

import contextlib
import errno
import getpass
import json
import os
import socket
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phistar.components import progress
from phistar.pipeline.process.disk import named
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.terminal import Progress, note
from phistar.pipeline.record import life, marks, naming

SEAL = len(', "crc": "01234567"}')
TRIES = 10  # to write a line in one piece

_damaged: set[Path] = set()  # files of which that was said


def append(path: Path, kind: str, /, **fields: Any) -> None:
    """Append {"kind", "time" (ms since the epoch), **fields} as one line."""
    entry = {"kind": kind, "time": int(time.time() * 1000), **fields}
    text = json.dumps(entry, default=_plain, ensure_ascii=False)
    line = sealed(text.encode()) + b"\n"
    with named(path):
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                line = b"\n" + line  # end the torn line of a killed process
            # Never the rest of it alone: another process may have written in between.
            # Behind a part that was taken stands an error, or the whole line.
            for _ in range(TRIES):
                rest = len(line) - os.write(file, line)
                if not rest:
                    break
                # of a line that lacks its end alone, only that
                line = b"\n" if rest == 1 else b"\n" + line.lstrip(b"\n")
            else:
                raise OSError(errno.EIO, "only a part of a line can be written")
            if kind == "end":  # whoever was told that a run has ended can rely on it
                os.fsync(file)
        finally:
            os.close(file)


def sealed(text: bytes) -> bytes:
    """A JSON object with a last field, the CRC-32 of the object without it."""
    return b'%s, "crc": "%08x"}' % (text[:-1], zlib.crc32(text))


def unsealed(line: bytes) -> dict | None:
    """The object of a line; None if it is torn or damaged."""
    text = line[:-SEAL] + b"}"
    return json.loads(text) if line == sealed(text) else None


def read(path: Path, offset: int = 0) -> tuple[list[dict], int]:
    """The whole entries from byte `offset` on.

    Returns:
        (entries, offset after the last whole line). Without a file: ([], offset). A
        torn last line is left for the next call. A torn line inside the file, which
        a later writer has ended, is left out. So is a damaged one, which is said.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return [], offset
    text = text[: text.rfind(b"\n") + 1]
    entries = []
    for line in text.splitlines():
        entry = unsealed(line)
        if entry is not None:
            entries.append(entry)
        elif line.endswith(b"}") and path not in _damaged:
            _damaged.add(path)
            note(f"warning: {path} has a damaged line, which is left out: {line[:80]}")
    return entries, offset + len(text)


class Journal:
    """The `log` argument of a stage.

    Everything but `progress` is also seen in MLflow while the stage runs.

    Args:
        path: the file, `<stage folder>/journal.jsonl`; its folder exists.
        title: word in front of what is shown on the terminal.
        run_id: of the execution that the stage runs in.
    """

    def __init__(self, path: str | Path, title: str = "", run_id: str = ""):
        self.path = Path(path)
        self.run_id = run_id
        self._progress = Progress(title)

    def params(self, values: dict) -> None:
        """Log facts found on the way, not arguments: {"train.num_parameters": 123}."""
        append(self.path, "params", values=values)

    def metrics(self, values: dict, step: int = 0) -> None:
        """Log numbers by name at one step; a value that is not finite is kept."""
        values = {name: float(value) for name, value in values.items()}
        append(self.path, "metrics", step=int(step), values=values)
        self._progress.line(int(step), values)

    def figure(self, path: str | Path) -> None:
        """Log a picture that is in the stage's folder, by its relative path."""
        self.artifact(path)

    def artifact(self, path: str | Path) -> None:
        """Log a file that is in the stage's folder, by its relative path."""
        path = Path(path)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(
                "An artifact is named by its path inside the stage's folder. "
                f"Received: {str(path)!r}. Expected: something like "
                "'figures/margin.png'. Write the file there and pass that path."
            )
        append(self.path, "artifact", path=path.as_posix())

    def dataset(
        self,
        *,
        name: str,
        source: str,
        schema: dict,
        label: str,
        splits: dict[str, dict],
    ) -> None:
        """Log the data set.

        Args:
            name: of the data.
            source: their origin, for a reader.
            schema: column or array -> its type.
            label: meaning of y, for a reader.
            splits: name -> {"digest", "rows"}; of train also "balance", the number of
                rows of each label, if there are few labels.
        """
        about = {"name": name, "source": source, "schema": schema, "label": label}
        append(self.path, "dataset", **about, splits=splits)

    def tags(self, values: dict) -> None:
        """Log words about the run, by name."""
        append(self.path, "tags", values=values)

    def position(self) -> int:
        """Number of bytes written so far, for `rewind`."""
        return self.path.stat().st_size if self.path.exists() else 0

    def rewind(self, position: int) -> None:
        """Remove the entries after `position`: a resumed stage writes them again."""
        if self.position() > position:
            os.truncate(self.path, position)

    def progress(self, step: int, total: int, values: dict) -> None:
        """Show progress on the terminal; nothing is written."""
        self._progress.show(int(step), int(total), values)

    def listening(self) -> contextlib.AbstractContextManager:
        """Show also the progress of what the block calls (components/progress.py)."""
        return progress.listening(self._progress)

    def close(self) -> None:
        """End the bar of a stage that stopped early."""
        self._progress.close()


class Record:
    """One execution: `<root>/mlruns/runs/<run_id>.jsonl`.

    Kinds of entry: start, resume, stage, metrics, tags, end. Names and tags are made in
    naming.py, the fields of an end in ending.py. Paths are relative to
    `<root>/mlruns`, so that the folder may move.

    Args:
        root: the project's root, the folder that holds `mlruns/`.
        run_id: ours, 32 hexadecimal digits; MLflow gives its run another one.
    """

    def __init__(self, root: str | Path, run_id: str):
        self.root = Path(root)
        self.run_id = run_id
        self.path = self.root / "mlruns" / "runs" / f"{run_id}.jsonl"

    def append(self, kind: str, /, **fields: Any) -> None:
        """Append an entry; start and resume also name the process that writes."""
        if kind in ("start", "resume"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            who = {"pid": os.getpid(), "host": socket.gethostname(), "user": _user()}
            fields = who | fields
        if kind == "start":
            fields["run_id"] = self.run_id
        self.write(kind, fields)

    def write(self, kind: str, fields: dict) -> None:
        """Write an entry to the file; MLflow does not have it yet.

        From the first to the last entry the record is alive.

        Raises:
            Failure: another process writes this record.
        """
        if kind in ("start", "resume"):
            self.hold()
            marks.mark(self.path)
        append(self.path, kind, **fields)
        if kind == "resume":  # the sender of what was before may have taken it away
            marks.mark(self.path)
        if kind == "end":
            life.release(self.path)

    def hold(self) -> None:
        """Let the record be alive as long as this process is.

        Raises:
            Failure: another process writes this record.
        """
        if not life.hold(self.path):
            raise Failure(
                f"another process writes this run. Received: {self.path}, which is "
                "locked. Expected one process for a run: wait for its end.",
                USAGE,
            )

    def stage(
        self,
        name: str,
        key: str,
        status: str,
        path: Path,
        made_by: str = "",
        **more: object,
    ) -> None:
        """Append an entry about a stage.

        Args:
            name: of the stage.
            key: of its result.
            status: "running", "failed", "ran" or "cached".
            path: of its folder; of its journal if it failed.
            made_by: run_id of the execution that made the result, once it exists.
            **more: further fields.
        """
        path = Path(path).relative_to(self.root / "mlruns").as_posix()
        # a run that continues in another process finds its own work in the store
        tags = naming.stage_tags(name, key, made_by if made_by != self.run_id else "")
        entry = {"stage": name, "key": key, "status": status, "path": path}
        self.append("stage", **entry, tags=tags, **more)

    def entries(self) -> list[dict]:
        """All entries written so far."""
        return read(self.path)[0]


class Draft(Record):
    """A record that is kept in memory until its run has something to show.

    The draft of a run that ends with its caller's mistake in ingest or build is thrown
    away. So is that of a repeat. pipeline/run/execution.py decides it.

    Args:
        root: the project's root.
        run_id: ours.
        starting: called when the first stage runs.
        opening: called when the record is written.
    """

    SILENT = ("ingest", "build")  # stages that begin without a record on disk

    def __init__(
        self,
        root: str | Path,
        run_id: str,
        starting: Callable[[], object],
        opening: Callable[[], object],
    ):
        super().__init__(root, run_id)
        self.starting, self.opening = starting, opening
        self.held, self.opened = [], False

    def write(self, kind: str, fields: dict) -> None:
        """Write an entry, or keep it."""
        if self.opened:
            return super().write(kind, fields)
        self.held.append((kind, {"time": int(time.time() * 1000)} | fields))
        if kind == "stage" and fields["status"] == "running":
            self.starting()
            if fields["stage"] not in self.SILENT:
                self.open()

    def open(self) -> None:
        """Write what was kept, once; from now on entries are written at once."""
        if self.opened:
            return
        self.opened = True
        for kind, fields in self.held:
            super().write(kind, fields)
        self.opening()

    def entries(self) -> list[dict]:
        """All entries so far."""
        if self.opened:
            return super().entries()
        return [{"kind": kind} | fields for kind, fields in self.held]


def read_all(root: str | Path) -> list[tuple[Record, list[dict]]]:
    """Every record below `root` with its entries; the oldest, and parents, first."""
    found = []
    for path in (Path(root) / "mlruns" / "runs").glob("*.jsonl"):
        if "." in path.stem:  # <run_id>.system.jsonl lies beside its record
            continue
        record = Record(root, path.stem)
        entries = record.entries()
        if entries and entries[0]["kind"] == "start":
            found.append((record, entries))
        elif entries and path not in _damaged:
            _damaged.add(path)
            note(f"warning: {path} does not begin with its run's start: left out")
    return sorted(found, key=_age)


def _age(found: tuple[Record, list[dict]]) -> tuple[int, bool]:
    """Sort key: the time of the start, a parent before its child."""
    start = found[1][0]
    return start["time"], start.get("parent") is not None


def _user() -> str:
    """Name of the user, or their number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return str(os.getuid())


def _plain(value: Any) -> list | float | str:
    """A NumPy number or array, a path or a set, as JSON data."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(
        f"A journal holds plain data. Received: {value!r} of type "
        f"{type(value).__name__}. Expected: numbers, text, lists, dicts."
    )
