"""Checks of the machine: disk, clock, packages, GPU, and the memory of hashes."""

import importlib.metadata
import os
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from phistar import SOURCE
from phistar.components import digests
from phistar.pipeline.doctor.finding import Finding, removal
from phistar.pipeline.process import quiet
from phistar.pipeline.record import journal

LEAST_BYTES, LEAST_FILES = 2**30, 10_000  # free, of a disk that runs do not fill
AHEAD = 60.0  # s that a record may be ahead of this clock
SHOWN = 5  # packages of a finding
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)(.*)", re.MULTILINE)
CUDA = ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13", "jax-cuda12-plugin")


def disk(root: Path) -> Iterator[Finding]:
    """Findings about the disks of the project and of temporary files."""
    advice = "Remove what is not needed, or give another --root; TMPDIR moves the other"
    seen = set()
    for place in (Path(root) / "mlruns", Path(tempfile.gettempdir())):
        while not place.exists():
            place = place.parent
        if (device := place.stat().st_dev) in seen:
            continue
        seen.add(device)
        found = os.statvfs(place)
        left = found.f_bavail * found.f_frsize
        if left < LEAST_BYTES:
            text = f"{left / 2**20:,.0f} MiB are free, less than {LEAST_BYTES >> 20:,}."
            yield Finding("disk", str(place), text, advice=f"{advice}.")
        # a file system that makes them as it needs them says 0 of 0
        if found.f_files and found.f_favail < LEAST_FILES:
            text = f"{found.f_favail:,} inodes are free, less than {LEAST_FILES:,}."
            yield Finding("disk", str(place), text, advice=f"{advice}.")


def clock(root: Path) -> Iterator[Finding]:
    """Findings about the clock: a record, or this program, is of a later time."""
    now, advice = time.time(), "Set the clock of this machine."
    for record, entries in journal.read_all(root):
        ahead = entries[-1]["time"] / 1000 - now
        if ahead > AHEAD:
            text = f"an entry is {ahead:,.0f} s ahead of this machine's clock."
            yield Finding("clock", record.path.name, text, advice=advice)
    ahead = Path(__file__).stat().st_mtime - now
    if ahead > 24 * 3600:
        text = f"phistar itself is {ahead / 86400:,.0f} days ahead of the clock."
        yield Finding("clock", "now", text, advice=advice)


def packages(root: Path) -> Iterator[Finding]:
    """Findings about the installed packages, against those that are tested."""
    name = (
        "requirements.lock" if sys.version_info < (3, 12) else "requirements-3.13.lock"
    )
    lock = SOURCE / name
    if not lock.exists():  # a wheel has none: pip has looked at its requirements
        return
    missing, other = [], []
    for package, tested, rest in PINNED.findall(lock.read_text("utf-8")):
        try:
            here = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            if ";" not in rest:  # of another platform, otherwise
                missing.append(package)
            continue
        if here != tested:
            other.append(f"{package} {here} (tested: {tested})")
    if missing:
        text = f"{len(missing)} packages are missing: {listed(missing)}."
        yield Finding(
            "packages", name, text, advice="Make the environment: `make env`."
        )
    if other:
        text = f"{len(other)} packages have other versions: {listed(other)}."
        advice = "Results may differ; `make env` makes the tested environment."
        yield Finding("packages", name, text, advice=advice, harm=False)


def graphics(root: Path) -> Iterator[Finding]:
    """A finding about a GPU whose libraries are missing."""
    if not quiet.has_driver():
        return
    known = {one.metadata["Name"].lower() for one in importlib.metadata.distributions()}
    if not known.intersection(CUDA):
        text = "this machine has a GPU's driver, and no libraries that use it."
        advice = "Train on it with: pip install 'phistar[gpu]'"
        yield Finding("GPU", "driver", text, advice=advice, harm=False)


def hashes(root: Path) -> Iterator[Finding]:
    """A finding about the memory of hashes, without which all files are read anew."""
    path = digests.place()
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=5)) as known:
            (said,) = known.execute("PRAGMA quick_check").fetchone()
    except sqlite3.OperationalError:
        return  # another process has it
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        text = f"the memory of hashes is damaged ({said})."
        yield Finding("hashes", str(path), text, removal(path))


def listed(names: list[str]) -> str:
    """Names in one line, of many the first ones."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
