"""Guess of a recipe: what files are taken for, why, and what is doubtful."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml


class Line(NamedTuple):
    """A key of a recipe.

    Args:
        key: without its section.
        value: plain data.
        why: it has this value; "" if that is plain.
        ask: a question to the user; "" if there is no doubt.
        off: True to write the line as a comment, for the user to take.
    """

    key: str
    value: Any
    why: str = ""
    ask: str = ""
    off: bool = False


@dataclass
class Guess:
    """A recipe for some files.

    Args:
        title: one line: what is learned from what.
        found: sentences, what the files are taken for and why.
        sections: name of a section -> list of Line.
    """

    title: str
    found: list[str] = field(default_factory=list)
    sections: dict[str, list[Line]] = field(default_factory=dict)

    @property
    def questions(self) -> list[str]:
        """Questions to the user, each with the key that answers it."""
        return [
            f"{section}.{line.key}={scalar(line.value)}: {line.ask}"
            for section, lines in self.sections.items()
            for line in lines
            if line.ask
        ]


def passes(rows: int, batch_size: int, steps: int) -> int:
    """Passes over so many rows that make about so many steps, 3 to 100."""
    return max(3, min(100, round(steps * batch_size / max(1, rows))))


def scalar(value: object) -> str:
    """A value as YAML, on one line; words that YAML reads otherwise get quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_/][\w/.-]*", value)
        if plain and yaml.safe_load(value) == value:
            return value
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
