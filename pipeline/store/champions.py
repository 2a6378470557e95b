"""The served versions: numbered folders of `mlruns/serving/<name>`, see publish.py."""

import json
from pathlib import Path

from phistar.pipeline.store.manifest import hashed

ORIGIN = Path("assets.extra", "origin.json")  # inside a version: where it comes from


def serving(root: Path, name: str) -> Path:
    """The folder that holds the versions of a name."""
    return Path(root) / "mlruns" / "serving" / name


def names(root: Path) -> list[str]:
    """The names that have a champion."""
    return sorted(path.name for path in serving(root, ".").glob("*") if newest(path))


def champion(name: str, root: Path) -> Path | None:
    """The folder of a name's champion; None if it has none."""
    folder = serving(root, name)
    # a name with a slash would leave the folder of served versions
    version = newest(folder) if Path(name).name == name else None
    return folder / str(version) if version else None


def require_promoted(name: str, root: Path) -> None:
    """Refuse a name without a champion.

    Raises:
        ValueError: it has none.
    """
    if champion(name, root):
        return
    known = names(root)
    raise ValueError(
        f"nothing has been promoted under this name. Received: {name}. Expected "
        + (f"one of: {', '.join(known)}" if known else "a run of it to be promoted")
        + ": `phistar promote RUN`."
    )


def numbers(folder: Path) -> list[int]:
    """The numbers of the versions in a folder, rising."""
    found = [path.name for path in folder.glob("[0-9]*") if path.is_dir()]
    return sorted(int(name) for name in found if name.isdecimal())


def newest(folder: Path) -> int | None:
    """The highest version; None without one."""
    return max(numbers(folder), default=None)


def before(folder: Path) -> int | None:
    """The version that a rollback goes back to; None without one.

    Args:
        folder: of the versions of a name, some promoted.
    """
    origins = {number: read_origin(folder / str(number)) for number in numbers(folder)}
    champion = max(origins)
    standing = origins[champion]["version"] or champion
    earlier = [
        number
        for number, origin in origins.items()
        if number < standing and origin["export"] != origins[champion]["export"]
    ]
    # where that was a rollback: the version that it went back to
    return (origins[earlier[-1]]["version"] or earlier[-1]) if earlier else None


def read_origin(folder: Path) -> dict:
    """The origin that a version states: run, export, version, time, files."""
    return json.loads((folder / ORIGIN).read_text("utf-8"))


def files(folder: Path) -> dict:
    """{relative path: {size, sha256}} of a version, without its origin."""
    found = hashed(folder)
    found.pop(ORIGIN.as_posix(), None)
    return found


def require_whole(folder: Path) -> None:
    """Refuse a version whose files are not those that were promoted.

    Raises:
        ValueError: it names the first one.
    """
    told, found = read_origin(folder)["files"], files(folder)
    wrong = [name for name in told | found if told.get(name) != found.get(name)]
    if wrong:
        raise ValueError(
            f"version {folder.name} of {folder.parent.name} is damaged. Received: "
            f"{folder / wrong[0]}, which is not the file that was promoted. Go back to "
            "the version before with `phistar rollback`, or promote another run."
        )
