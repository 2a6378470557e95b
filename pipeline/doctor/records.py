"""Checks of the records of the runs, and of MLflow against them."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from phistar.components.hashing import parsed
from phistar.pipeline.doctor.finding import Finding, aside, free, old, removal
from phistar.pipeline.record import journal, life, marks
from phistar.pipeline.record.ending import CONTINUES
from phistar.pipeline.record.sent import behind, only_sender, read_state
from phistar.pipeline.tracking import database, reach
from phistar.pipeline.tracking.address import LOCAL, public_name, tracking_uri

RUN = re.compile(r"[0-9a-f]{32}\.")  # at the front of a file's name
SHOWN = 5  # run ids of a finding


def records(root: Path) -> Iterator[Finding]:
    """Findings in the records: damaged lines, missing ends, files without a record."""
    folder = marks.folder(root)
    for path in sorted(folder.glob("*.jsonl")):
        if "." not in path.stem:
            yield from record(root, path)
    for path in sorted(folder.glob("*")):
        run_id = path.name.partition(".")[0]
        known = any(folder.glob(f"{run_id}.jsonl*"))
        if path.suffix == ".tmp" and old(path):
            text = "a draft, of a process that is gone."
            yield Finding("records", path.name, text, removal(path))
        elif RUN.match(path.name) and not known and old(path):
            text = "a file of a run that has no record."
            yield Finding("records", path.name, text, removal(path))


def record(root: Path, path: Path) -> Iterator[Finding]:
    """The faults of a record."""
    entries, wrong = read(path)
    if not entries or entries[0]["kind"] != "start":
        text = "a record without its beginning: no command can show the run."
        yield Finding("records", path.name, text, lambda: aside(path))
        return
    living = entries[-1]["kind"] != "end" and life.alive(path)
    if wrong and not living:
        text = f"{wrong} damaged or torn lines, which are left out."
        yield Finding("records", path.name, text, lambda: rewritten(root, path))
    if entries[-1]["kind"] != "end" and not living:
        text = "a run without an end, whose process is gone."
        yield Finding("records", path.name, text, lambda: ended(root, path))
    state = path.with_suffix(".sent.json")
    with suppress(FileNotFoundError):
        try:
            parsed(state.read_bytes())
        except ValueError:
            text = "the position of what MLflow has cannot be read."
            yield Finding("records", state.name, text, lambda: forgotten(path))


def read(path: Path) -> tuple[list[dict], int]:
    """The whole entries of a record, and the number of lines that are none."""
    lines = [line for line in path.read_bytes().split(b"\n") if line]
    entries = [entry for line in lines if (entry := journal.unsealed(line))]
    return entries, len(lines) - len(entries)


def rewritten(root: Path, path: Path) -> str:
    """Write a record without its damaged lines; the file as it was is kept aside."""
    with only_sender(root, path.stem) as alone:
        if not alone:
            raise OSError("a process is at work there")
        lines = [line for line in path.read_bytes().split(b"\n") if line]
        whole = [line + b"\n" for line in lines if journal.unsealed(line)]
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_bytes(b"".join(whole))
        done = aside(path)
        draft.rename(path)
    return f"{forgotten(path)}; the file as it was is {done.split()[-1]}"


def ended(root: Path, path: Path) -> str:
    """Give a record its end."""
    about = {"reason": "its process ended without a word", "advice": CONTINUES}
    record = journal.Record(root, path.stem)
    record.hold()
    record.append("end", status="KILLED", stage="", **about)
    marks.mark(path)
    return "ended as KILLED"


def forgotten(path: Path) -> str:
    """Have MLflow get all of a record again: what it has already stays."""
    path.with_suffix(".sent.json").unlink(missing_ok=True)
    marks.mark(path)
    return "MLflow gets the record anew"


def tracking(root: Path) -> Iterator[Finding]:
    """Findings in MLflow: its server or database, and runs that it lacks."""
    mlruns = Path(root) / "mlruns"
    for run_id, reason in marks.refused(root).items():
        advice = "Correct what it names, then `phistar ui` tries again."
        text = f"MLflow refuses this run: {reason}"
        yield Finding("MLflow", run_id[:8], text, advice=advice, harm=False)
    if public_name(root) != LOCAL:
        if why := reach.fault(tracking_uri(root)):
            text = f"it does not answer ({why})."
            yield Finding("MLflow", public_name(root), text, advice=reach.ADVICE)
        elif left := behind(root):
            yield lacking(root, left)
        return
    for path in sorted(mlruns.glob(".mlflow.db.new-*")):
        lock = mlruns / ".mlflow.lock"
        if free(lock):
            text = "half a database, of a process that is gone."
            yield Finding("MLflow", path.name, text, removal(path, lock))
    known = journal.read_all(root)
    path = mlruns / "mlflow.db"
    if not path.exists():
        if known:
            text = f"there is no database; {len(known)} runs have records."
            yield Finding("MLflow", path.name, text, lambda: sent_all(root))
        return
    if fault := database.broken(path) or database.torn(path):
        text = f"the database {fault}."

        def anew() -> str:
            done = aside(path)
            return f"{done}; {sent_all(root)}"

        yield Finding("MLflow", path.name, text, anew)
        return
    statuses, refused = database.statuses(path), marks.refused(root)
    left = []
    for one, entries in known:
        ours = read_state(root, one.run_id).get("mlflow_run_id")
        last = entries[-1]
        if last["kind"] == "end":
            expected = last["status"]
        elif life.alive(one.path):
            continue
        else:
            expected = "KILLED"
        if statuses.get(ours) != expected and one.run_id not in refused:
            with only_sender(root, one.run_id) as alone:
                left += [one.run_id] * alone
    if left:
        yield lacking(root, left)


def lacking(root: Path, run_ids: list[str]) -> Finding:
    """The finding that MLflow lacks a part of some runs."""
    more = f" and {len(run_ids) - SHOWN} more" if len(run_ids) > SHOWN else ""
    place = ", ".join(run_id[:8] for run_id in run_ids[:SHOWN]) + more
    text = "MLflow lacks these runs, or a part of them."
    return Finding("MLflow", place, text, resending(root, run_ids))


def resending(root: Path, run_ids: list[str]) -> Callable[[], str]:
    """A mend that sends some records again, from their beginning."""

    def mend() -> str:
        for run_id in run_ids:
            with only_sender(root, run_id) as alone:
                if alone:
                    forgotten(journal.Record(root, run_id).path)
        return sent(root, run_ids)

    return mend


def sent_all(root: Path) -> str:
    """Send every record again."""
    return sent(root, None)


def sent(root: Path, run_ids: list[str] | None) -> str:
    """Send records.  -> what was done."""
    from phistar.pipeline.tracking import ui  # it imports mlflow

    return f"{ui.sync(root, run_ids)} runs sent to MLflow"
