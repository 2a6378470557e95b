"""Progress of work that may take seconds, for a listener that shows it.

    doing("scoring test")
    seen = counter("tokens", total)
    for batch in batches:
        ...
        seen(len(batch))

Without a listener this does nothing. A stage that the pipeline runs has one.
"""

import contextlib
from contextvars import ContextVar

_listener = ContextVar("listener", default=None)


@contextlib.contextmanager
def listening(listener):
    """Send the progress of the block to a listener.

    Args:
        listener: its `doing(text)` gets the name of the work that begins, its
            `count(done, total, unit)` how much of it is done; total may be None.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def doing(text):
    """Name the work that begins, in a few words: "scoring test"."""
    listener = _listener.get()
    if listener is not None:
        listener.doing(text)


def counter(unit, total=None):
    """A counter of the work that was named last.

    Args:
        unit: what is counted, in the plural: "rows".
        total: how many there are; None if that is not known yet.

    Returns:
        Function, called with how many more are done.
    """
    listener, done = _listener.get(), 0

    def seen(more):
        nonlocal done
        done += more
        if listener is not None:
            listener.count(done, total, unit)

    seen(0)
    return seen
