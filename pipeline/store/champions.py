"""What is served: the numbered folders of `mlruns/serving/<name>`, see publish.py."""

import json
from pathlib import Path

ORIGIN = Path("assets.extra", "origin.json")  # inside a version: where it comes from


def serving(root, name):
    """Where the versions of a name are.  -> Path."""
    return Path(root) / "mlruns" / "serving" / name


def names(root):
    """The names that have a champion.  -> list of str."""
    return sorted(path.name for path in serving(root, ".").glob("*") if newest(path))


def champion(name, root):
    """The folder of a name's champion.  -> Path, or None."""
    folder = serving(root, name)
    version = newest(folder) if Path(name).name == name else None  # no path
    return folder / str(version) if version else None


def require_promoted(name, root):
    """Refuse a name without a champion."""
    if champion(name, root):
        return
    known = names(root)
    raise ValueError(
        f"nothing has been promoted under this name. Received: {name}. Expected "
        + (f"one of: {', '.join(known)}" if known else "a run of it to be promoted")
        + ": `phistar promote RUN`."
    )


def numbers(folder):
    """The versions that are there.  -> list of int, rising."""
    found = [path.name for path in folder.glob("[0-9]*") if path.is_dir()]
    return sorted(int(name) for name in found if name.isdecimal())


def newest(folder):
    """The highest version; None without one."""
    return max(numbers(folder), default=None)


def read_origin(folder):
    """What a version says of itself.  -> dict."""
    return json.loads((folder / ORIGIN).read_text("utf-8"))
