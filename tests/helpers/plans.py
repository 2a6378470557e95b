"""`phistar plan` as data."""

from tests.helpers.commands import (
    SHORT,
    here,
    phistar,
)


def plan(root, *words, code=None):
    """Stage -> its row; by another source tree in a new process."""
    words = ("plan", "breast_cancer", *SHORT, *words)
    done = phistar(*words, root=root, code=code) if code else here(*words, root=root)
    assert done.status == 0, done.stderr
    return {row["stage"]: row for row in done.answer["stages"]}


def to_run(rows):
    """The stages that are not cached."""
    return [name for name, row in rows.items() if row["status"] == "run"]
