"""A Python that sees neither this project nor the caller's environment.

It runs components/verify.py. Importing tensorflow takes it seconds, so it may be
started ahead of time, while a short training runs.
"""

import subprocess
import sys
from pathlib import Path

_ready = []


def start():
    """Start a process for a later `take`; it ends when this process does."""
    if not _ready:
        _ready.append(_process())


def take():
    """The process that `start` began, or a new one.  -> subprocess.Popen."""
    return _ready.pop() if _ready else _process()


def _process():
    script = Path(__file__).with_name("verify.py")
    return subprocess.Popen(
        [sys.executable, "-I", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
