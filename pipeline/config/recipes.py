"""Recipe files: where they are, what each says itself, and whom it inherits.

# @package _global_
defaults: [digits, _self_]    # optional: inherit the recipe `digits`
train:
  steps: 600
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

HEADER = "# @package _global_"


class ConfigError(ValueError):
    """What is wrong with a config: `str` gives all errors, one per line."""

    def __init__(self, errors):
        super().__init__("\n".join(errors))
        self.errors = list(errors)


class Layer(NamedTuple):
    """What one recipe, or the command line, says itself.

    `name` is its file's name, `parent` the recipe it inherits, if any.
    """

    name: str
    data: dict[str, Any]
    path: Path | None = None
    parent: str | None = None

    def flat(self) -> dict[str, Any]:
        """{"train.steps": 600, ...}, what is said of the sections that have keys."""
        return {
            f"{name}.{key}": value
            for name, section in self.data.items()
            if isinstance(section, dict)
            for key, value in section.items()
        }

    def sets(self, key) -> bool:
        """Whether this layer says anything of "train.steps", or of "train"."""
        return key in self.data or key in self.flat()


def shipped() -> Path:
    """The conf folder that came with the program: in the wheel, or in the clone."""
    here = Path(__file__).resolve().parents[1]
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def recipes(root) -> dict[str, Path]:
    """Every recipe by name: the shipped ones and root's own, which win."""
    folders = [shipped() / "experiment", Path(root) / "conf" / "experiment"]
    found = {path.stem: path for folder in folders for path in folder.glob("*.yaml")}
    return {name: found[name].resolve() for name in sorted(found)}


def layers(recipe, root, parse) -> tuple[str, list[Layer]]:
    """The name of a recipe, and what it and those it inherits say, the oldest first.

    Args:
        recipe: a name from `recipes(root)`, or the path of a YAML file.
        root: the project's folder.
        parse: function of a YAML text to plain data; ValueError if it is not YAML.

    Raises:
        ConfigError: no such recipe, or a file that cannot be read as one.
    """
    known = recipes(root)
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            raise _error(
                path, "no such file", recipe, "the path of a recipe's YAML file"
            )
        path = path.resolve()
    elif recipe in known:
        path = known[recipe]
    else:
        raise ConfigError([f"no such recipe. {_expected(recipe, known)}"])
    chain = [_read(path, parse)]
    while (parent := chain[0].parent) is not None:
        if parent not in known:
            raise ConfigError(
                [f"{chain[0].path}: inherits no recipe. {_expected(parent, known)}"]
            )
        if known[parent] in [layer.path for layer in chain]:
            raise _error(
                chain[0].path,
                "a recipe that inherits itself",
                " → ".join([*(layer.path.stem for layer in reversed(chain)), parent]),
                "a parent that is another recipe",
            )
        chain.insert(0, _read(known[parent], parse))
    return path.stem, chain


def _read(path, parse):
    """One file as a layer, refused here if Hydra would stumble over it later."""
    try:
        text = path.read_text("utf-8")
        data = parse(text)
    except (OSError, ValueError) as error:
        raise _error(
            path,
            "cannot be read",
            " ".join(str(error).replace('"<unicode string>"', path.name).split()),
            "YAML in UTF-8, each key once, no `${`",
        ) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.strip() != HEADER:
        raise _error(path, "not a recipe", first or "nothing", f"first line `{HEADER}`")
    if not isinstance(data, dict):
        raise _error(path, "not a recipe", data, "sections with keys, `train:`")
    match data.pop("defaults", None):
        case None:
            parent = None
        case [str(parent), "_self_"]:
            pass
        case other:
            raise _error(path, "defaults", other, "[<recipe to inherit>, _self_]")
    return Layer(path.name, data, path, parent)


def _error(path, what, received, expected):
    return ConfigError([f"{path}: {what}. Received: {received}. Expected: {expected}."])


def _expected(name, known):
    nearest = get_close_matches(name, known, 1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    listed = ", ".join(known) or "none here"
    return (
        f"Received: {name}. Expected one of: {listed}; or a path of a YAML file.{hint}"
    )
