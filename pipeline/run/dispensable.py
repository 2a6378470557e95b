"""The runs and results of a root that it can do without, and those that stay."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.runs import Run, runs
from phistar.pipeline.run.stages import NAMES
from phistar.pipeline.store import champions
from phistar.pipeline.store.store import Store

PINNED = ".pinned"  # end of the name of a file beside a record
STORED = (*NAMES, "preflight")


class Found(NamedTuple):
    """Runs and files that a root can do without.

    Args:
        stay: (stage, key) of results that are needed.
        gone: runs that are removed.
        kept: run_id -> the reason to keep it.
        results: (stage, key) of results.
        versions: folders of served versions.
        left: what damage and stopped processes have left.
    """

    stay: set[tuple[str, str]]
    gone: list[Run]
    kept: dict[str, str]
    results: list[tuple[str, str]]
    versions: list[Path]
    left: list[Path]


def search(root: Path, store: Store, until: float, aliased: set[str]) -> Found:
    """Find what a root can do without.

    Args:
        root: project root.
        store: its results.
        until: s since 1970; what is newer stays.
        aliased: keys of exports that have an alias in MLflow.
    """
    known = runs(root)
    kept = reasons(root, known, until, aliased)
    gone = [run for run in known if run.run_id not in kept]
    stay, results, left = needed(root, known, kept), [], []
    for stage in STORED:
        for path in sorted((store.root / "stages" / stage).glob("[!.]*")):
            key = path.name
            if "." not in key and (stage, key) not in stay:
                with contextlib.suppress(FileNotFoundError):
                    if store.used(stage, key) <= until:
                        results.append((stage, key))
        left += [path for path in store.left(stage) if newest(path) <= until]
    versions = []
    for name in champions.names(root):
        folder = champions.serving(root, name)
        for number in set(champions.numbers(folder)) - standing(folder):
            path = folder / str(number)
            if champions.read_origin(path)["time"] / 1000 <= until:
                versions.append(path)
    return Found(stay, gone, kept, results, versions, left)


def reasons(
    root: Path, known: list[Run], until: float, aliased: set[str]
) -> dict[str, str]:
    """run_id -> why a run is kept, of those that are."""
    served, top, groups = set(origins(root)) | aliased, tops(known), {}
    for run in known:
        path = Record(root, run.run_id).path
        if path.with_suffix(PINNED).exists():
            reason = "pinned"
        elif run.keys.get("export") in served:
            reason = "served"
        elif run.status == "running":
            reason = "running"
        elif path.stat().st_mtime > until:
            reason = "new"
        else:
            continue
        groups.setdefault(top[run.run_id], reason)
    return {
        run.run_id: groups[top[run.run_id]]
        for run in known
        if top[run.run_id] in groups
    }


def tops(known: list[Run]) -> dict[str, str]:
    """run_id -> that of the run which its whole group belongs to."""
    above = {run.run_id: run.parent for run in known}

    def top(run_id: str) -> str:
        while (parent := above[run_id]) in above:
            run_id = parent
        return run_id

    return {run_id: top(run_id) for run_id in above}


def needed(root: Path, known: list[Run], kept: dict[str, str]) -> set[tuple[str, str]]:
    """(stage, key) of the results of the runs that are kept, and of champions."""
    found = {("export", key) for key in origins(root)}
    for run in known:
        if run.run_id in kept:
            found |= set(run.keys.items())
            if "train" in run.keys:
                found.add(("preflight", run.keys["train"]))
    return found


def origins(root: Path) -> Iterator[str]:
    """The export of each champion, and of the one that a rollback goes back to."""
    for name in champions.names(root):
        folder = champions.serving(root, name)
        for number in standing(folder):
            yield champions.read_origin(folder / str(number))["export"]


def standing(folder: Path) -> set[int]:
    """The versions of a name that stay: the champion, and that of a rollback."""
    return {champions.newest(folder), champions.before(folder)} - {None}


def newest(path: Path) -> float:
    """The time of the newest file or folder at and below a path, s since 1970."""
    times = [path.stat().st_mtime]
    for one in path.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            times.append(one.lstat().st_mtime)
    return max(times)
