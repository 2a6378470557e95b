"""A recipe and what the command line says about it become one resolved config.

Hydra's compose API, used here and nowhere else, puts inheritance and overrides
together. schema.py beside this file says which keys exist, checks.py checks them all at
once. A config is plain data: no interpolation, no `_target_`.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline.config import checks, schema
from pipeline.config.recipes import HEADER, ConfigError, Layer, layers, recipes, shipped

__all__ = ["Config", "ConfigError", "Row", "keys", "load", "recipes"]

_UNREADABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)
_CHOSEN = "_chosen_"  # the recipe's name inside Hydra; its own may shadow its parent's


@dataclass(frozen=True)
class Config:
    """A resolved config: every key has a value, and all of it is plain JSON data.

    Args:
        name: of the recipe, the stem of its file.
        sections: {"train": {"steps": 600, ...}, ...}, with all of schema.SECTIONS.
        dropped: keys that an earlier layer set and a later one made void
            ("build.mlp_dim" once another network is chosen).
    """

    name: str
    sections: dict[str, dict[str, Any]]
    dropped: list[str] = field(default_factory=list)

    def to_yaml(self) -> str:
        """This config as a recipe that inherits nothing: loading it gives it back."""
        body = yaml.safe_dump(self.sections, sort_keys=False, allow_unicode=True)
        return f"{HEADER}\n{body}"


class Row(NamedTuple):
    """One key as `show` prints it; `default` is schema.REQUIRED if there is none."""

    key: str
    value: Any
    type: str
    default: Any
    meaning: str


def load(recipe, overrides, root, components=schema.COMPONENTS) -> Config:
    """Compose a recipe and overrides, fill in the defaults, check everything.

    Args:
        recipe: str, a name from `recipes(root)` or the path of a YAML file.
        overrides: list of "section.key=value"; each sets its key whether or not a
            recipe names it: the schema says which keys exist.
        root: the project's folder; recipes in its conf/experiment come first.
        components: the folder whose signatures are the schema.

    Returns:
        Config.
    Raises:
        ConfigError: with all errors, before any work.
    """
    name, chain = layers(recipe, root, _parse)
    command_line, lines, wrong = _command_line(overrides)
    errors = checks.Errors([*chain, command_line])
    for error in wrong:
        errors.add(*error, origin=command_line.name)
    checks.refuse(errors.layers, errors)
    data = _composed(chain, lines, errors)
    dropped = checks.settle(errors.layers, data, components)
    sections = checks.resolve(data, components, errors)
    if errors.found:
        raise ConfigError(errors.found.values())
    return Config(name, sections, dropped)


def keys(config, components=schema.COMPONENTS) -> list[Row]:
    """Every key of a config with its value, type, default and meaning."""
    rows = []
    for name, values in config.sections.items():
        choice = values.get(schema.CHOOSERS.get(name))
        for key in schema.section(name, choice, components).values():
            default = key.default
            default = list(default) if isinstance(default, tuple) else default
            kind = schema.type_text(key.type)
            full, value = f"{name}.{key.name}", values[key.name]
            rows.append(Row(full, value, kind, default, key.meaning))
    return rows


def _parse(text):
    """The data of a YAML text, as Hydra reads it."""
    try:
        return OmegaConf.to_container(OmegaConf.create(text or "{}"), resolve=False)
    except _UNREADABLE as error:
        raise ValueError(str(error)) from error


def _command_line(overrides):
    """The overrides as a layer, as lines for Hydra, and what is wrong with them."""
    data, lines, wrong = {}, [], []
    for text in overrides:
        try:
            override = OverridesParser.create().parse_overrides([text])[0]
            named = override.key_or_group and override.package is None
            if override.is_delete() or not named:
                raise ValueError(text)
        except _UNREADABLE:
            expected = "section.key=value; odd characters in quotes: 'a.b=\"x (y)\"'"
            wrong.append((text, "cannot be read", text, expected))
            continue
        key, value = override.key_or_group, text.partition("=")[2]
        if override.is_sweep_override():
            expected = (
                f"one value; a list is '{key}=[{value}]', a text '{key}=\"{value}\"'"
            )
            wrong.append((key, "several values", value, expected))
            continue
        value = override.value()
        name, *path = key.split(".")
        for step in reversed(path):
            value = {step: value}
        if isinstance(value, dict) and isinstance(data.get(name, {}), dict):
            data[name] = data.get(name, {}) | value
            if name in schema.SECTIONS:
                lines.append("++" + text.lstrip("+"))
        else:
            data[name] = value  # no section at all, or not as a whole: refused later
    return Layer("command line", data), lines, wrong


def _composed(chain, lines, errors):
    """What Hydra makes of the recipes and the overrides: {section: {key: value}}.

    Hydra sees one folder with links to these recipes only, so it does not matter
    whether they are shipped, of the project, or a file somewhere.
    """
    with tempfile.TemporaryDirectory(prefix="phistar-conf-") as folder:
        (Path(folder) / "experiment").mkdir()
        (Path(folder) / "config.yaml").symlink_to(shipped() / "config.yaml")
        names = [layer.parent for layer in chain[1:]] + [_CHOSEN]
        for name, layer in zip(names, chain, strict=True):
            (Path(folder) / "experiment" / f"{name}.yaml").symlink_to(layer.path)
        try:
            with initialize_config_dir(folder, version_base="1.3"):
                composed = compose("config", [f"experiment={_CHOSEN}", *lines])
        except _UNREADABLE as error:
            what = " ".join(str(error).split())
            errors.add(chain[-1].name, "does not compose", what, "what Hydra can read")
            raise ConfigError(errors.found.values()) from error
    return OmegaConf.to_container(composed, resolve=False)
