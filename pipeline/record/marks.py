"""Marks beside the records of which MLflow lacks a part: `runs/<run_id>.unsent`.

A mark is empty, or holds the reason why MLflow refuses the record: that is tried again
only when a user asks. Nothing heavy is imported: each command looks for marks.
"""

import contextlib
import os
from pathlib import Path

SUFFIX = ".unsent"


def mark(record: Path, reason: str = "") -> None:
    """Note that MLflow lacks a part of a record.

    Args:
        record: its file.
        reason: why MLflow refuses it.
    """
    record.with_suffix(SUFFIX).write_text(reason, "utf-8")


def unmark(record: Path) -> None:
    """Note that MLflow has all of a record."""
    record.with_suffix(SUFFIX).unlink(missing_ok=True)


def marked(root: Path) -> list[str]:
    """The run ids of records that MLflow lacks a part of, the refused ones left out."""
    with contextlib.suppress(OSError), os.scandir(folder(root)) as found:
        marks = [one for one in found if one.name.endswith(SUFFIX)]
        return sorted(Path(one.name).stem for one in marks if not one.stat().st_size)
    return []


def refused(root: Path) -> dict[str, str]:
    """The run ids of records that MLflow has refused, and why."""
    paths = sorted(folder(root).glob(f"*{SUFFIX}"))
    reasons = {path.stem: path.read_text("utf-8") for path in paths}
    return {run_id: reason for run_id, reason in reasons.items() if reason}


def folder(root: Path) -> Path:
    """The folder of the records."""
    return Path(root) / "mlruns" / "runs"
