"""The project's folder, checked before any work is done for it."""

import os
import tempfile
from pathlib import Path


def require_root(root: Path) -> None:
    """Refuse a root in which no result can be written; nothing is made in it.

    Args:
        root: the project's folder, which may not exist yet.

    Raises:
        ValueError: it is a file, or may not be written.
    """
    place = Path(root).absolute() / "mlruns"
    # the folder in which the next one would be made; `Path.exists` may raise here
    while not os.path.exists(place):
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            return
    except OSError as error:
        reason = error.strerror
    what = "the root cannot be written" if place.is_dir() else "the root is a file"
    raise ValueError(
        f"{what}. Received: --root {root} ({reason}: {place}). Expected a folder in "
        "which results may be written, or the name of a new one: give another --root."
    )
