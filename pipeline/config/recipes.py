"""Recipe files: their places, their sections, and the recipes they inherit.

inherits: digits              # optional: the name of a recipe
train:
  steps: 600
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category

from phistar.pipeline.config import parse
from phistar.pipeline.process.terminal import nearest

LONGEST = 100  # characters of a recipe's name
LETTERS = "LMN"  # first letters of Unicode's categories: letters, marks, digits
SIGNS = " _-.+(),"  # beside letters and digits
AT_NO_END = ("", " ", "-", ".")


class ConfigError(ValueError):
    """All errors of a config: `str` gives one line for each."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = list(errors)
        super().__init__("\n".join(self.errors))


class Layer(NamedTuple):
    """The keys that one recipe, or the command line, sets.

    Args:
        name: of the recipe's file, or "command line".
        data: {section: {key: value}}, not checked yet.
        path: of the recipe's file.
        parent: name of the recipe that it inherits.
        lines: "train" and "train.steps" -> line in the file.
        twice: (key, line) of each key that the file repeats.
    """

    name: str
    data: dict[str, Any]
    path: Path | None = None
    parent: str | None = None
    lines: dict[str, int] = {}
    twice: list[tuple[str, int]] = []

    def flat(self) -> dict[str, Any]:
        """{"train.steps": 600, ...} of the sections that hold keys."""
        return {
            f"{name}.{key}": value
            for name, section in self.data.items()
            if isinstance(section, dict)
            for key, value in section.items()
        }

    def sets(self, key: str) -> bool:
        """True if this layer sets "train.steps", or has the section "train"."""
        return key in self.data or key in self.flat()

    def place(self, key: str) -> str:
        """Place of a key that this layer sets: "digits.yaml:12"."""
        line = self.lines.get(key)
        return f"{self.name}:{line}" if line else self.name


def shipped() -> Path:
    """The conf folder that came with the program: in the wheel, or in the clone."""
    here = Path(__file__).resolve().parents[1]
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def recipes(root: Path) -> dict[str, Path]:
    """Every recipe by name: the shipped ones and root's own, which win."""
    folders = [shipped() / "experiment", Path(root) / "conf" / "experiment"]
    found = {
        path.stem: path
        for folder in folders
        for path in folder.glob("*.yaml")
        if path.is_file()  # a pipe would never be read to its end
    }
    return {name: found[name].resolve() for name in sorted(found)}


def require_name(name: str) -> None:
    """Refuse a recipe's name that cannot name its experiment, its model and its folder.

    MLflow takes no / : % " ' in them, its addresses no @ # ?, and a shell no $ * or -
    at the beginning. So the signs that are allowed are listed, not those that are not.

    Raises:
        ConfigError: it has another sign, or is too long.
    """
    known = all(c in SIGNS or category(c)[0] in LETTERS for c in name)
    ends = name[:1] not in AT_NO_END and name[-1:] not in AT_NO_END
    if not known or not ends or len(name) > LONGEST:
        signs = " ".join(SIGNS.strip())
        raise ConfigError(
            [
                "the name of this file cannot be a recipe's. Received: "
                f"{name[:LONGEST]!r}. Expected at most {LONGEST} letters and digits of "
                f"any script, spaces and {signs}, and at both ends no space, - or dot: "
                "rename the file."
            ]
        )


def headline(path: Path) -> str:
    """The first paragraph of a recipe's comments, as one line, or ""."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        text = line.strip("# ").strip() if line.startswith("#") else ""
        if text:
            found.append(text)
        elif found:
            break
    return " ".join(found)


def layers(recipe: str, root: Path) -> tuple[str, list[Layer]]:
    """The name of a recipe, and the layers of it and its ancestors, the oldest first.

    Args:
        recipe: a name from `recipes(root)`, or the path of a YAML file.
        root: the project's folder.

    Raises:
        ConfigError: no such recipe, or a file that cannot be read as one.
    """
    known = recipes(root)
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            raise _error(path, "no such file", recipe, "a recipe's YAML file")
        path = path.resolve()
    elif recipe in known:
        path = known[recipe]
    else:
        raise ConfigError([f"no such recipe. {_expected(recipe, known)}"])
    require_name(path.stem)
    chain = [_read(path)]
    while (parent := chain[0].parent) is not None:
        place = f"{chain[0].path}:{chain[0].lines['inherits']}"
        if parent not in known:
            raise ConfigError(
                [f"{place}: inherits no recipe. {_expected(parent, known)}"]
            )
        if known[parent] in [layer.path for layer in chain]:
            raise _error(
                place,
                "a recipe that inherits itself",
                " → ".join([*(layer.path.stem for layer in reversed(chain)), parent]),
                "a parent that is another recipe",
            )
        chain.insert(0, _read(known[parent]))
    return path.stem, chain


def _read(path: Path) -> Layer:
    """One file as a layer."""
    try:
        raw = path.read_bytes()
        data, lines, twice = parse.document(raw)
    except parse.Unreadable as error:
        problem, line = error.args
        place = f"{path}:{line}" if line else path
        expected = "YAML in UTF-8, plain data only"
        raise _error(place, "cannot be read", problem, expected) from error
    except OSError as error:
        raise _error(path, "cannot be read", error, "a YAML file") from error
    if not isinstance(data, dict):
        raise _error(path, "not a recipe", data, "sections with keys, `train:`")
    _refuse_old_form(path, raw.decode("utf-8"), lines)
    parent = data.pop("inherits", None)
    if "inherits" in lines and not isinstance(parent, str):
        place = f"{path}:{lines['inherits']}"
        raise _error(place, "inherits", parent, "the name of one recipe")
    return Layer(path.name, data, path, parent, lines, twice)


def _refuse_old_form(path: Path, text: str, lines: dict[str, int]) -> None:
    """Refuse a `# @package` line and a `defaults` list: no recipe has them now."""
    written = text.splitlines()
    old = [n for n, line in enumerate(written, 1) if line.startswith("# @package")]
    old += [lines["defaults"]] if "defaults" in lines else []
    if old:
        raise _error(
            f"{path}:{old[0]}",
            "a recipe in the old form",
            written[old[0] - 1],
            "`inherits: NAME` in place of `defaults: [NAME, _self_]`, and no "
            "`# @package` line",
        )


def _error(place: object, what: str, received: object, expected: str) -> ConfigError:
    return ConfigError(
        [f"{place}: {what}. Received: {received}. Expected: {expected}."]
    )


def _expected(name: str, known: Iterable[str]) -> str:
    listed = f"{', '.join(known) or 'none here'}; or a path of a YAML file."
    return f"Received: {name}. Expected one of: {listed}{nearest(name, known)}"
