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


def importing() -> dict[str, str]:
    """Variables of a child process of Python, which imports this code.

    A file beside the user, called random.py or csv.py, is no module of it: the working
    directory is on no path, nor on that of its own children.
    """
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    named = os.pathsep.join([str(SOURCE), *filter(None, paths)])
    return {"PYTHONPATH": named, "PYTHONSAFEPATH": "1"}


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
