"""phistar as a guest in a user's process: it leaves things as they were.

In a notebook other code runs before, beside and after it. No signal is handled here,
since that belongs to the user's program.
"""

import contextlib
import logging
import os
import random
import sys
import threading
from collections.abc import Iterator

from phistar.pipeline.process import errors, quiet
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.tracking.target import LOGGERS, SETTINGS

TENSORFLOW = "tensorflow"  # its logger
_inside = 0  # blocks of `guest` that are open, in all threads
_kept: dict = {}  # what the first of them found
_counting = threading.Lock()


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or a notebook's stop button; IPython shows its text alone."""

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows below a cell."""
        return Failure(str(self), errors.INTERRUPTED).lines()


@contextlib.contextmanager
def failing(again: str = "") -> Iterator[None]:
    """Raise what the block raises as a Failure; of an interrupt say what to do.

    Args:
        again: the sentence about the same call after an interrupt.

    Raises:
        Failure: instead of any other exception; of a defect with its cause.
        Interrupted: instead of a KeyboardInterrupt.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted. {again}".strip()) from None
    except Exception as error:
        failure = error if isinstance(error, Failure) else Failure.of(error)
        if failure.expected:  # its text tells all
            raise failure from None
        raise failure from (error.__cause__ if failure is error else error)


@contextlib.contextmanager
def guest() -> Iterator[None]:
    """Change nothing for the time after the block, and be changed by nothing.

    - environment variables and loggers, which TensorFlow and MLflow need otherwise;
    - Keras's settings, which a user may have changed;
    - the random numbers of the main thread: a stage begins with its own seed.
    """
    global _inside
    quiet.share_process()
    with _counting:
        if not _inside:
            _kept.update(environment=environment(), levels=levels(), filters=filters())
            logging.getLogger(TENSORFLOW).addFilter(quiet.worth_reading)
        _inside += 1
    try:
        with random_numbers(), keras_settings():
            yield
    finally:
        with _counting:
            _inside -= 1
            if not _inside:
                restore(**_kept)


def environment() -> dict[str, str | None]:
    """The variables that are changed, None where one is not set."""
    names = (*quiet.environment(), *SETTINGS)
    return {name: os.environ.get(name) for name in names}


def levels() -> dict[str, int]:
    """The levels of the loggers that are silenced."""
    return {name: logging.getLogger(name).level for name in LOGGERS}


def filters() -> list:
    """The filters of TensorFlow's logger."""
    return list(logging.getLogger(TENSORFLOW).filters)


def restore(
    environment: dict[str, str | None], levels: dict[str, int], filters: list
) -> None:
    """Give variables and loggers what they had."""
    if quiet.worth_reading not in filters:
        logging.getLogger(TENSORFLOW).removeFilter(quiet.worth_reading)
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def random_numbers() -> Iterator[None]:
    """Continue the global random numbers after the block as if it had drawn none.

    In another thread they are left alone: the main one may draw meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    import numpy as np

    state, of_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(of_numpy)


@contextlib.contextmanager
def keras_settings() -> Iterator[None]:
    """Compute with the settings that Keras begins with, whatever a user has chosen."""
    if "keras" not in sys.modules:
        yield
        return
    before = quiet.configure(quiet.KERAS)
    try:
        yield
    finally:
        quiet.configure(before)
