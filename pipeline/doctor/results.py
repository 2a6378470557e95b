"""Checks of the results: the store of the stages, and what is served."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from phistar.components.hashing import file_sha256
from phistar.pipeline.doctor.finding import Finding, aside, free, old, removal
from phistar.pipeline.store import champions
from phistar.pipeline.store.manifest import damage
from phistar.pipeline.store.store import CHECKPOINTS, Store, sync

SETTLED = 60.0  # s; a lock that is younger may be about to be taken


def stages(root: Path) -> Iterator[Finding]:
    """Findings in the store: each file of each result is hashed."""
    store = Store(Path(root) / "mlruns")
    for folder in sorted((store.root / "stages").glob("*")):
        for path in sorted(folder.iterdir()):
            name = f"{folder.name}/{path.name}"
            if path.name.startswith("."):
                yield from left_behind(path, name)
            elif ".damaged-" in path.name:
                text = "a damaged result, kept aside; remove it when nobody needs it."
                yield Finding("store", name, text, harm=False)
            elif path.is_dir():
                yield from result(store, folder.name, path, name)


def result(store: Store, stage: str, path: Path, name: str) -> Iterator[Finding]:
    """The fault of a result, if it has one."""
    inode = path.stat().st_ino
    wrong = damage(path)
    if wrong is None:
        manifest = store.manifest(stage, path.name) or {}
        told = manifest.get("stage"), manifest.get("key")
        if told == (stage, path.name):
            return
        wrong = f"it is the result of {told[0]} {told[1]}."
    try:
        if path.stat().st_ino != inode:  # made again while it was read
            return
    except FileNotFoundError:
        return
    yield Finding("store", name, wrong, partial(aside, path, inode))


def left_behind(path: Path, name: str) -> Iterator[Finding]:
    """A finding about a temporary or a lock whose process is gone."""
    final = path.with_name(path.name[1:].partition(".")[0])
    if ".tmp-" in path.name and free(path):
        if (path / CHECKPOINTS).exists() and not final.exists():
            text = "a training that was interrupted; the same run continues it."
            yield Finding("store", name, text, harm=False)
        else:
            text = "half a result, of a process that is gone."
            yield Finding("store", name, text, removal(path))
    elif path.suffix == ".lock" and not final.exists() and deserted(path):
        text = "a lock of a result that was not made."
        yield Finding("store", name, text, removal(path), harm=False)


def deserted(lock: Path) -> bool:
    """True if no process has a lock, or is about to take it."""
    return old(lock, SETTLED) and free(lock)


def served(root: Path) -> Iterator[Finding]:
    """Findings in what was promoted: every version, and what was left half made."""
    for folder in sorted(champions.serving(root, ".").glob("[!.]*")):
        lock = folder / ".lock"
        for draft in sorted(folder.glob(".[0-9]*")):
            if free(lock):
                text = "half a version, of a process that is gone."
                place = f"{folder.name}/{draft.name}"
                yield Finding("serving", place, text, removal(draft, lock))
        for number in champions.numbers(folder):
            yield from version(root, folder / str(number))


def version(root: Path, path: Path) -> Iterator[Finding]:
    """The faults of a version; a file that the store has whole can be put back."""
    name = f"{path.parent.name}/{path.name}"
    try:
        origin = champions.read_origin(path)
        told, found = origin["files"], champions.files(path)
    except (OSError, ValueError, KeyError) as error:
        text = f"its origin cannot be read ({error})."
        advice = "Promote the run again."
        yield Finding("serving", name, text, advice=advice)
        return
    store = Store(Path(root) / "mlruns")
    export = store.path("export", origin["export"]) / "saved_model"
    for file in sorted(told | found):
        if told.get(file) == found.get(file):
            continue
        place, text = f"{name}/{file}", "not the file that was promoted."
        if file not in told:
            yield Finding("serving", place, text, removal(path / file))
        elif is_file(export / file, told[file]["sha256"]):
            mend = again(export / file, path / file)
            yield Finding("serving", place, text, mend)
        else:
            advice = "Go back with `phistar rollback`, or promote another run."
            yield Finding("serving", place, text, advice=advice)


def is_file(path: Path, sha256: str) -> bool:
    """True if a file has this hash."""
    return path.is_file() and file_sha256(path) == sha256


def again(source: Path, path: Path) -> Callable[[], str]:
    """A mend that replaces a file by one of the store, whole or not at all."""

    def mend() -> str:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, draft)
        sync(draft)
        draft.replace(path)
        return "replaced by the store's own file"

    return mend
