"""Files of the tables of names."""

from pathlib import Path

from phistar.pipeline.config import choices

ROOT = Path(__file__).parents[2]


def table(key):
    """Path of the file with the table of a config key, `build.network` for example."""
    return ROOT / choices.TABLES[key]
