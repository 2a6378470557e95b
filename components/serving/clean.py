"""A Python that sees neither this project nor what PYTHON... variables say.

It runs verify.py beside this file. Importing tensorflow takes it seconds, so it may be
started ahead of time, while a short training runs.
"""

import json
import subprocess
import sys
from pathlib import Path

from components.errors import RejectedModel

TOLERANCE = 1e-4  # nats, between evaluation and export

_ready = []


def start():
    """Start a process for a later `take`; it ends when this process does."""
    if not _ready:
        _ready.append(_process())


def take():
    """The process that `start` began, or a new one.  -> subprocess.Popen."""
    return _ready.pop() if _ready else _process()


def ask(process, folder):
    """Ask a SavedModel for its golden batch.

    Args:
        process: of `take`; it ends.
        folder: the SavedModel's.

    Returns:
        float, the largest |difference| of a log-probability, nats.

    Raises:
        RejectedModel: if it is larger than 1e-4, or the process fails.
    """
    answer, errors = process.communicate(json.dumps({"saved_model": str(folder)}))
    if process.returncode:
        raise RejectedModel(f"the SavedModel does not answer alone:\n{errors[-2000:]}")
    result = json.loads(answer)
    difference = result["difference"]
    # `not <=` so that NaN is refused too
    if not difference <= TOLERANCE or result["foreign_modules"]:
        raise RejectedModel(
            "the SavedModel does not answer as the evaluated network did. Received: "
            f"a difference of {difference:.3g} nats, and the modules "
            f"{result['foreign_modules']}. Expected {TOLERANCE} nats at most, and none."
        )
    return difference


def _process():
    script = Path(__file__).with_name("verify.py")
    return subprocess.Popen(
        [sys.executable, "-I", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
