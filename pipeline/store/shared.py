"""The results of PHISTAR_REMOTE, where a run looks before it makes a result again."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from phistar.pipeline.process.terminal import note, working
from phistar.pipeline.store.store import Store

VARIABLE = "PHISTAR_REMOTE"


class Shared:
    """The remote of PHISTAR_REMOTE as a further place of the store's results.

    A run does not depend on it: what cannot be reached is said once, and left out.

    Args:
        remote: a `remote.Remote`.
    """

    def __init__(self, remote: Any):
        self.remote, self.lost = remote, False

    def manifest(self, stage: str, key: str) -> dict | None:
        """The manifest of a result, None if it is not there."""
        return self._tried(self.remote.manifest, stage, key)

    def pull(self, store: Store, stage: str, key: str) -> bool:
        """Copy a result to the store.  -> True if it was there."""
        with working(stage, f"asks {self.remote.url}"):
            return self._tried(self.remote.pull, store, stage, key) is not None

    def push(self, store: Store, stage: str, key: str) -> None:
        """Copy a result there."""
        with working(stage, f"goes to {self.remote.url}"):
            self._tried(self.remote.push, store, stage, key)

    def _tried(self, function: Callable, *arguments: Any) -> Any:
        """Call a function; None if the remote is out of reach or damaged."""
        if self.lost:
            return None
        try:
            return function(*arguments)
        except ValueError as error:
            note(f"warning: {error}")
        except Exception as error:  # each kind of address has errors of its own
            self.lost = True
            note(
                f"warning: {VARIABLE}={self.remote.url} is out of reach, this run goes "
                f"on without it ({type(error).__name__}: {error})"
            )
        return None


@cache
def _shared(url: str) -> Shared:
    from phistar.pipeline.store.remote import Remote  # it imports fsspec

    return Shared(Remote(url))


def shared() -> Shared | None:
    """The remote of PHISTAR_REMOTE, if it is set."""
    url = os.environ.get(VARIABLE)
    return _shared(url) if url else None
