"""Removal of old runs, and of results that no run needs any more.

Runs with a reason to stay (dispensable.py) stay with all of their group: a sweep and
its trials are one. So do their results, those of champions and their predecessors, and
what was used in the last days: a run that works beside this is not disturbed.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from phistar.pipeline.record import life
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.runs import Run, find, runs
from phistar.pipeline.record.sent import only_sender
from phistar.pipeline.run.dispensable import PINNED, Found, search, standing, tops
from phistar.pipeline.run.stages import NAMES
from phistar.pipeline.serving.publish import locked
from phistar.pipeline.store import sizes
from phistar.pipeline.store.store import Store
from phistar.pipeline.tracking.removal import Local

DAY = 86400  # s


def prune(
    root: Path,
    days: int,
    yes: bool = False,
    pin: str | None = None,
    unpin: str | None = None,
) -> dict:
    """Tell what a root can do without, and remove it if that is asked for.

    Args:
        root: project root.
        days: what is newer, or was used since, stays.
        yes: remove it.
        pin: a run to keep from now on, as `runs.find` takes it.
        unpin: a run that is kept no longer.

    Returns:
        dict of plain data:

        - removed: True if it was removed
        - days, bytes: that are free by it
        - runs: run_id, recipe, name, time of each
        - results: stage, key, bytes of each
        - versions, left: path, bytes of each
        - mlflow: bytes of MLflow's copies of these runs; None if a server has them
        - twins: number and bytes of files that are kept twice, and then once
        - kept: reason -> number of runs

    Raises:
        ValueError: no such run to pin.
    """
    root, until = Path(root), time.time() - days * DAY
    for word, pinned in ((pin, True), (unpin, False)):
        if word is not None:
            set_pin(word, root, pinned)
    store, mlflow = Store(root / "mlruns"), Local.of(root)
    aliased = mlflow.exports() if mlflow else set()
    found = search(root, store, until, aliased)
    exports = {key for stage, key in found.stay if stage == "export"}
    ids = [run.run_id for run in found.gone]
    copies = mlflow.folders(ids, exports) if mlflow else []
    answer = {
        "removed": yes,
        "days": days,
        "runs": [
            {name: getattr(run, name) for name in ("run_id", "recipe", "name", "time")}
            for run in found.gone
        ],
        "results": [
            {"stage": stage, "key": key, "bytes": sizes.freed([store.path(stage, key)])}
            for stage, key in found.results
        ],
        "versions": listed(found.versions),
        "left": listed(found.left),
        "mlflow": sizes.freed(copies) if mlflow else None,
    }
    every = [store.path(*one) for one in found.results] + copies
    every += found.versions + found.left
    for run in found.gone:
        every += beside(root, run)
    doubled = list(twins(root, store, found, copies))
    saved = sum(size for *_, size in doubled)
    answer["twins"] = {"number": len(doubled), "bytes": saved}
    answer["bytes"] = sizes.freed(every) + saved
    answer["kept"] = {
        reason: list(found.kept.values()).count(reason)
        for reason in dict.fromkeys(found.kept.values())
    }
    if yes:
        remove(root, store, found, mlflow, exports, until)
        for file, own, _ in doubled:
            with contextlib.suppress(OSError):  # removed meanwhile, or no links here
                sizes.link(file, own)
    return answer


def set_pin(word: str, root: Path, pinned: bool) -> None:
    """Pin a run, or take its pin away."""
    run, top = find(word, root, NAMES[0]), tops(runs(root))
    if pinned:
        Record(root, run.run_id).path.with_suffix(PINNED).touch()
        return
    for run_id in top:
        if top[run_id] == top[run.run_id]:
            path = Record(root, run_id).path.with_suffix(PINNED)
            path.unlink(missing_ok=True)


def beside(root: Path, run: Run) -> list[Path]:
    """The files of a run beside its stages; of a sweep also the folder of trials."""
    mlruns, name = Path(root) / "mlruns", run.run_id.encode()
    trials = mlruns.glob("sweeps/*/*/optuna.log") if run.sweep else ()
    sweeps = [path.parent for path in trials if name in path.read_bytes()]
    return [*(mlruns / "runs").glob(f"{run.run_id}.*"), *sweeps]


def listed(paths: list[Path]) -> list[dict]:
    """Plain data about paths."""
    return [{"path": str(path), "bytes": sizes.freed([path])} for path in paths]


def twins(
    root: Path, store: Store, found: Found, copies: list[Path]
) -> Iterator[tuple[Path, Path, int]]:
    """MLflow's copies of files that the store has; see `sizes.twins`.

    Args:
        root: project root.
        store: its results.
        found: what goes.
        copies: folders of MLflow that go.
    """
    known = {}
    for stage in NAMES:
        for manifest in store.manifests(stage):
            key = manifest["key"]
            if (stage, key) in found.results:
                continue
            for name, file in manifest["files"].items():
                path = store.path(stage, key) / name
                known.setdefault(file["sha256"], (file["size"], path))
    artifacts = Path(root).resolve() / "mlruns" / "artifacts"
    for file, own, size in sizes.twins([artifacts], known):
        if not any(file.is_relative_to(folder) for folder in copies):
            yield file, own, size


def remove(
    root: Path,
    store: Store,
    found: Found,
    mlflow: Local | None,
    exports: set[str],
    until: float,
) -> None:
    """Remove what was found; what has come into use meanwhile stays.

    Args:
        root: project root.
        store: its results.
        found: what goes.
        mlflow: MLflow below the root, if it has the runs.
        exports: keys of exports whose models stay in MLflow.
        until: s since 1970.
    """
    for run in found.gone:
        path = Record(root, run.run_id).path
        with only_sender(root, run.run_id) as alone:
            if not alone or path.stat().st_mtime > until or not life.hold(path):
                continue
            try:
                if mlflow:
                    mlflow.remove([run.run_id], exports)
                for one in beside(root, run):
                    discard(one)
            finally:
                life.release(path)
    for stage, key in found.results:
        store.remove(stage, key, until)
    for path in found.versions:
        with locked(root, path.parent.name) as folder:
            if path.exists() and int(path.name) not in standing(folder):
                # not a number any more: no server loads a part of it
                gone = path.rename(path.with_name(f".{path.name}.removed"))
                discard(gone)
    for path in found.left:
        if path in store.left(path.parent.name):  # nobody has adopted it
            discard(path)


def discard(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
