"""The project folder, and the option that names it."""

import shlex
from pathlib import Path


def find_root(root: Path | None) -> Path:
    """The project folder: `root`, else the nearest parent with conf/, else here."""
    if root is not None:
        return root.expanduser().resolve()
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "conf").is_dir()), here)


def root_option(root: Path) -> str:
    """The words to add to a command here, so that it uses `root`; often ""."""
    root = Path(root).resolve()
    return "" if root == find_root(None) else f" --root {shlex.quote(str(root))}"
