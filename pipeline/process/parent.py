"""The end of a process whose parent has died.

The parent holds the other end of stdin. The kernel closes it with the parent, however
that ends, and the process then ends in order: it leaves a checkpoint.
"""

import os
import signal
import threading
import time

VARIABLE = "PHISTAR_STDIN"
WORD = "parent"
PATIENCE_SECONDS = 60.0  # for an end in order


def environment() -> dict[str, str]:
    """The variable that tells a process that its stdin is its parent."""
    return {VARIABLE: WORD}


def end_with_parent() -> None:
    """End this process with its parent, if that has asked for it."""
    if os.environ.pop(VARIABLE, None) == WORD:
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    """Wait for the end of stdin; in a thread."""
    # not sys.stdin: a thread that holds its lock would disturb the interpreter's end
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_SECONDS)
    os._exit(128 + signal.SIGTERM)
