"""The project folder, and commands that find it."""

import os
import shlex
from pathlib import Path

from phistar import SOURCE


def find_root(root: Path | None = None) -> Path:
    """The project folder: `root`, else the nearest parent with conf/, else here."""
    if root is not None:
        return root.expanduser().resolve()
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "conf").is_dir()), here)


def python_path() -> str:
    """PYTHONPATH of a child process that imports this code."""
    return os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))


def root_option(root: Path) -> str:
    """The words to add to a command here, so that it uses `root`; often ""."""
    root = Path(root).resolve()
    return "" if root == find_root() else f" --root {shlex.quote(str(root))}"


def command(*words: str, root: Path) -> str:
    """A phistar command as it can be typed here, in a shell.

    Args:
        *words: after `phistar`.
        root: project root.
    """
    return shlex.join(["phistar", *words]) + root_option(root)
