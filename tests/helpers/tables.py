"""The tables of names of this repository."""

from pathlib import Path

from pipeline.config import choices

ROOT = Path(__file__).parents[2]


def table(key):
    """The file that holds the table of a config key, `build.network` for one."""
    return ROOT / choices.TABLES[key]
