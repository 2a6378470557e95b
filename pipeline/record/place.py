"""The place of a run in a larger whole, as a trial has one in its sweep.

It reaches the process of the run by an environment variable: the command itself stays
one that can be typed. Whoever made the place sends the run to MLflow.
"""

import json
import os
from typing import Any, NamedTuple

VARIABLE = "PHISTAR_PLACE"


class Place(NamedTuple):
    """A run whose record is known before it begins, and is continued if it exists.

    Args:
        run_id: of its record.
        name: in MLflow's list.
        parent: run_id of the execution that it belongs to; None for one of its own.
        tags: further tags, by name.
        params: values of keys that are shown in place of the config's.
        preflight: False leaves the automatic preflight out.
    """

    run_id: str
    name: str
    parent: str | None = None
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    preflight: bool = True

    def environment(self) -> dict[str, str]:
        """The variable that tells a process its place."""
        return {VARIABLE: json.dumps(self._asdict())}


def taken() -> Place | None:
    """The place of this process, once: its own children have none."""
    told: Any = os.environ.pop(VARIABLE, None)
    return Place(**json.loads(told)) if told else None
