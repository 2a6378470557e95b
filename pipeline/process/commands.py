"""The command line as text: commands that a user can type, and the project they meet."""

import shlex
from pathlib import Path


def find_root(root: Path | None = None) -> Path:
    """The project folder: `root`, else the nearest parent with conf/, else here."""
    if root is not None:
        return root.expanduser().resolve()
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "conf").is_dir()), here)


def command(*words: str, root: Path) -> str:
    """A phistar command, quoted for a shell, that works here.

    Args:
        *words: after `phistar`.
        root: project root; `--root` is added where the command would find another.
    """
    named = [] if root == find_root() else ["--root", str(root)]
    return shlex.join(["phistar", *words, *named])
