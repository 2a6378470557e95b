"""The version of the code and the packages that a rank runs."""

import hashlib
import platform
from functools import cache
from importlib import metadata

from phistar.pipeline.process.errors import OURS

PACKAGES = ("jax", "keras", "numpy")


@cache
def version() -> str:
    """Versions of the packages, and a digest of this project's files."""
    digest = hashlib.sha256()
    for folder in OURS:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    found = [f"python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join([*found, f"phistar {digest.hexdigest()[:12]}"])
