"""One resolved config from a recipe and the overrides of the command line.

A recipe, those it inherits and the overrides are layers. A later layer's key replaces
an earlier one's (checks.merge). schema.py tells which keys exist, checks.py checks them
all at once. A config is plain data: no interpolation, no `_target_`.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from phistar.pipeline.config import checks, parse, schema
from phistar.pipeline.config.recipes import ConfigError, Layer, layers, recipes

__all__ = ["Config", "ConfigError", "Row", "keys", "load", "recipes"]

_OVERRIDE = re.compile(r"\+{0,2}([^\W\d][\w-]*(?:\.[\w-]+)*)=(.*)", re.S)


class Config(NamedTuple):
    """A resolved config: every key has a value, and all of it is plain JSON data.

    Args:
        name: of the recipe, the stem of its file.
        sections: {"train": {"steps": 600, ...}, ...}, with all of schema.SECTIONS.
        dropped: keys that an earlier layer set and a later one made void
            ("build.mlp_dim" once another network is chosen).
        path: of the recipe's file.
        changed: {"train.loss": "hinge"}, the values that the command line gives and
            the recipe does not have.
        chosen: keys that a recipe or the command line sets.
        typed: the recipe and the overrides, as they were typed.
    """

    name: str
    sections: dict[str, dict[str, Any]]
    dropped: list[str] = []
    path: Path | None = None
    changed: dict[str, Any] = {}
    chosen: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()

    def to_yaml(self) -> str:
        """This config as a recipe that inherits nothing and loads to this config."""
        return parse.dump(self.sections)


class Row(NamedTuple):
    """One key as `show` prints it; `default` is schema.REQUIRED if there is none."""

    key: str
    value: Any
    type: str
    default: Any
    meaning: str


def load(
    recipe: str, overrides: list[str], root: Path, components: Path = schema.COMPONENTS
) -> Config:
    """Compose a recipe and overrides, fill in the defaults, check everything.

    Args:
        recipe: a name from `recipes(root)`, or the path of a YAML file.
        overrides: each "section.key=value"; it sets its key even if no recipe names
            the key: the schema tells which keys exist.
        root: the project's folder; recipes in its conf/experiment come first.
        components: the folder whose signatures are the schema.

    Raises:
        ConfigError: with all errors, before any work.
    """
    name, chain = layers(recipe, root)
    command_line, wrong = _command_line(overrides)
    chain.append(command_line)
    errors = checks.Errors(chain)
    for error in wrong:
        errors.add(*error, origin=command_line.name)
    for layer in chain:
        checks.refuse(layer, components, errors)
    data, dropped = checks.merge(chain, components)
    sections = checks.resolve(data, components, errors)
    if errors.found:
        raise ConfigError(errors.found.values())
    changed = _changed(sections, chain, components)
    chosen = [f"{section}.{key}" for section in data for key in data[section]]
    path, typed = chain[-2].path, (recipe, *overrides)
    return Config(name, sections, dropped, path, changed, tuple(chosen), typed)


def keys(config: Config, components: Path = schema.COMPONENTS) -> list[Row]:
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


def _changed(sections: dict, chain: list[Layer], components: Path) -> dict[str, Any]:
    """The values that the command line gives and the layers before it do not have."""
    *before, command_line = chain
    plain, _ = checks.merge(before, components)
    changed = {}
    for full in command_line.flat():
        name, key = full.split(".", 1)
        choice = sections[name].get(schema.CHOOSERS.get(name))
        default = schema.section(name, choice, components)[key].default
        old = plain[name].get(key, default)
        old = list(old) if isinstance(old, tuple) else old
        if sections[name][key] != old:
            changed[full] = sections[name][key]
    return changed


def _command_line(overrides: list[str]) -> tuple[Layer, list[tuple]]:
    """The overrides as a layer, and the errors: arguments of `Errors.add`."""
    data, wrong = {}, []
    for text in overrides:
        written = _OVERRIDE.fullmatch(text)
        if not written:
            wrong.append(_unreadable(text))
            continue
        key, given = written.groups()
        if "," in given and not given.strip().startswith(parse.FLOW):
            expected = (
                f"one value; a list is '{key}=[{given}]', a text '{key}=\"{given}\"'"
            )
            wrong.append((key, "several values", given, expected))
            continue
        try:
            value = parse.value(given)
        except parse.Unreadable:
            wrong.append(_unreadable(text))
            continue
        name, *path = key.split(".")
        for step in reversed(path):
            value = {step: value}
        section = data.get(name, {})
        if isinstance(section, dict):  # else refused as it is
            data[name] = section | value if isinstance(value, dict) else value
    return Layer("command line", data), wrong


def _unreadable(text: str) -> tuple[str, str, str, str]:
    expected = "section.key=value; odd words of a list in quotes: 'a.b=[\">x\"]'"
    return text, "cannot be read", text, expected
