"""The tables of names of this repository."""

from pathlib import Path

from pipeline import tables

ROOT = Path(__file__).parents[1]


def table(key):
    """The file that holds the table of a config key, `build.network` for one."""
    return ROOT / tables.TABLES[key]
