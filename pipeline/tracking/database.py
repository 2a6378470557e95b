"""MLflow's SQLite file: whole under its name, or not there.

MLflow takes seconds to make its tables, and never accepts a file in which it was
stopped. So they are made under another name, and the whole file gets a mark. A file
without the mark and without a run is moved aside, and so is one that SQLite cannot
read. The records of the runs have all that was in it: MLflow gets them again.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from phistar.pipeline.process.terminal import note
from phistar.pipeline.store.store import sync
from phistar.pipeline.tracking.address import database_uri, place

WHOLE = 1  # SQLite's user_version of a file whose tables are all there
HOLDS = ("runs", "registered_models")  # tables with something that is worth keeping
SECONDS = 20  # that a lock of another process is waited for


def prepare(mlruns: Path, make: Callable[[str], object]) -> None:
    """Make `<mlruns>/mlflow.db` if it is missing or broken.

    The caller holds a lock, so that no two processes do this at once.

    Args:
        mlruns: folder of the file.
        make: creates MLflow's tables at an address of SQLAlchemy.

    Raises:
        sqlite3.OperationalError: the file is locked, or the disk is full.
    """
    path = mlruns / "mlflow.db"
    for left in mlruns.glob(".mlflow.db.new-*"):
        left.unlink()  # of a process that was stopped
    if path.exists() and (fault := broken(path)):
        aside = path.with_name(f"mlflow.db.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        path.rename(aside)
        note(
            f"warning: MLflow's database {path} {fault}. It was moved to {aside.name} "
            "and is made again from the records of the runs."
        )
    if path.exists():
        return
    new = path.with_name(f".mlflow.db.new-{os.getpid()}")
    make(database_uri(new))
    with closing(sqlite3.connect(new, timeout=SECONDS)) as database, database:
        # MLflow's own experiment would keep files in the working directory
        database.execute(
            "UPDATE experiments SET artifact_location = ? || experiment_id",
            (f"{place(mlruns)}/artifacts/",),
        )
        database.execute(f"PRAGMA user_version = {WHOLE}")
    sync(new)
    new.rename(path)
    sync(mlruns)


def broken(path: Path) -> str:
    """The fault of the file, in words; "" without one.

    Raises:
        sqlite3.OperationalError: the file is locked, or the disk is full.
    """
    try:
        with closing(sqlite3.connect(path, timeout=SECONDS)) as database:
            (mark,) = database.execute("PRAGMA user_version").fetchone()
            names = {
                name for (name,) in database.execute("SELECT name FROM sqlite_master")
            }
            kept = [
                name
                for name in HOLDS
                if name in names
                and database.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone()
            ]
    except sqlite3.OperationalError:
        raise  # the file itself is sound
    except sqlite3.DatabaseError as error:
        return f"cannot be read ({error})"
    return "" if mark == WHOLE or kept else "was left half made"


def torn(path: Path) -> str:
    """The fault of a file that opens, found by reading all of it; "" without one."""
    try:
        with closing(sqlite3.connect(path, timeout=SECONDS)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return f"cannot be read ({error})"
    return "" if said == "ok" else f"is damaged ({said.splitlines()[-1]})"


def statuses(path: Path) -> dict[str, str]:
    """MLflow's runs: id -> status."""
    with closing(sqlite3.connect(path, timeout=SECONDS)) as database:
        return dict(database.execute("SELECT run_uuid, status FROM runs"))
