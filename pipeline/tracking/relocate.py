"""Paths in MLflow's database, after its folder was moved.

MLflow stores artifact locations as absolute paths. After `mlruns/` was moved or copied
they lead to the old place, or to none; `relocate` rewrites the prefix.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from phistar.pipeline.tracking.address import place

# Where MLflow 3 keeps locations of files: table, column.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate(root: str | Path) -> list[str]:
    """Rewrite locations below an earlier place of `<root>/mlruns` to this one.

    An earlier place P is found by its experiments: `P/artifacts/<folder>`, where
    `<root>/mlruns/artifacts/<folder>` exists.  Other locations are left alone.

    Returns:
        The earlier places found; [] when there is nothing to do.
    """
    mlruns = Path(root).resolve() / "mlruns"
    path = mlruns / "mlflow.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=20)) as database:
        old = _earlier_places(database, mlruns)
        if old:
            # One transaction: a reader sees all of the old or all of the new.
            with database:
                for earlier in old:
                    _rewrite(database, earlier, place(mlruns))
        return old


def _columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """The LOCATIONS that this version of MLflow has."""
    return [
        (table, column)
        for table, column in LOCATIONS
        if column in {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    ]


def _earlier_places(database: sqlite3.Connection, mlruns: Path) -> list[str]:
    if ("experiments", "artifact_location") not in _columns(database):
        return []  # still empty: another process is creating it
    places = set()
    for (location,) in database.execute("SELECT artifact_location FROM experiments"):
        location = location or ""
        if location.startswith("file://"):
            location = unquote(location.removeprefix("file://"))
        folder = Path(location)
        earlier = folder.parent.parent
        if (
            folder.is_absolute()
            and folder.parent.name == "artifacts"
            and earlier != mlruns
            and (mlruns / "artifacts" / folder.name).is_dir()
        ):
            places.add(str(earlier))
    return sorted(places)


def _rewrite(database: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in _columns(database):
        for before in (old, f"file://{old}", Path(old).as_uri()):
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE substr({column}, 1, ?) = ?",
                (new, len(before) + 1, len(before) + 1, before + "/"),
            )
