"""YAML as plain data: recipe files with the line of each key, and `key=value`.

PyYAML reads YAML 1.1. Here floats are those of YAML 1.2, so `1e-3` is a number, and a
date is a text. On the command line only `true` and `false` are booleans: `no` is a
language there, while a file has to quote it.
"""

import json
import re
from typing import Any, NamedTuple

import yaml

FLOW = ("[", "{", '"', "'")  # a value that begins so is YAML, any other is one word
LARGEST = 2**18  # bytes of a recipe
MOST = 100_000  # values that it may stand for
DEEPEST = 50  # brackets in each other
_TAG = "tag:yaml.org,2002:"
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9][0-9_]*\.[0-9_]*|[0-9][0-9_]*(?=[eE]))([eE][-+]?[0-9]+)?$"
)
# `!!bool x`, `!!timestamp x` and deep brackets make PyYAML raise these too.
_ODD = (TypeError, AttributeError, LookupError, RecursionError)
_BROKEN = (yaml.YAMLError, ValueError, *_ODD)


class Unreadable(ValueError):
    """A text that is not YAML; `args` are the problem and its line, or None."""


class Document(NamedTuple):
    """A YAML text.

    Args:
        data: its plain data, {} if it is empty.
        lines: "train" and "train.steps" -> line, the first being 1.
        twice: (key, line) of each key that its mapping has already.
    """

    data: Any
    lines: dict[str, int]
    twice: list[tuple[str, int]]


class _File(yaml.SafeLoader):
    """YAML of files; lists the keys that are given twice."""

    yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in forms if tag != f"{_TAG}timestamp"]
        for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice = []

    def fetch_flow_collection_start(self, token_class: type) -> None:
        if self.flow_level >= DEEPEST:  # PyYAML would take minutes for thousands
            raise yaml.YAMLError(f"brackets in brackets, more than {DEEPEST} deep")
        super().fetch_flow_collection_start(token_class)

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):  # no other can be a key of plain data
                if (key.tag, key.value) in seen:
                    self.twice.append((str(key.value), key.start_mark.line + 1))
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


class _Value(_File):
    """YAML of the command line."""

    yaml_implicit_resolvers = {
        None: [
            (f"{_TAG}null", re.compile(r"(null|Null|NULL|~)$")),
            (f"{_TAG}bool", re.compile(r"(?i:true|false)$")),
            (f"{_TAG}int", re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)$")),
            (f"{_TAG}float", _FLOAT),
            (f"{_TAG}float", re.compile(r"[-+]?\.?(?i:inf|nan)$")),
        ]
    }


class _Dumper(yaml.SafeDumper):
    """YAML with quotes around each text that `_File` would read as something else."""

    yaml_implicit_resolvers = _File.yaml_implicit_resolvers


_File.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


def document(raw: bytes) -> Document:
    """The data of a YAML file.

    Raises:
        Unreadable: not UTF-8, or not one YAML document of plain data.
    """
    if len(raw) > LARGEST:
        raise Unreadable(f"{len(raw):,} bytes, more than {LARGEST:,} of a recipe", None)
    try:
        loader = _File(raw.decode("utf-8"))
        node = bounded(loader.get_single_node())
        data = {} if node is None else loader.construct_document(node)
        json.dumps(data, default=str)  # raises where an alias holds itself
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable(str(error), line) from error
    except yaml.MarkedYAMLError as error:
        problem = ", ".join(text for text in (error.context, error.problem) if text)
        raise Unreadable(problem, error.problem_mark.line + 1) from error
    except _BROKEN as error:
        raise Unreadable(" ".join(str(error).split()), None) from error
    lines = {}
    for section, keys in node.value if isinstance(data, dict) and node else ():
        name = loader.construct_object(section)
        lines[f"{name}"] = section.start_mark.line + 1
        for key, _ in keys.value if isinstance(keys, yaml.MappingNode) else ():
            full = f"{name}.{loader.construct_object(key)}"
            lines[full] = key.start_mark.line + 1
    return Document(data, lines, loader.twice)


def bounded(node: yaml.Node | None) -> yaml.Node | None:
    """The same node, if what it stands for is not far more than what is written.

    An alias stands for all that its anchor has: a few lines of aliases of aliases would
    fill the memory.

    Raises:
        yaml.YAMLError: it is.
    """
    sizes: dict[int, int] = {}

    def size(one: yaml.Node) -> int:
        if id(one) not in sizes:
            sizes[id(one)] = MOST  # an alias of itself, inside of it, is too much
            children = one.value if isinstance(one, yaml.CollectionNode) else ()
            if isinstance(one, yaml.MappingNode):
                children = [part for pair in children for part in pair]
            sizes[id(one)] = 1 + sum(map(size, children))
        return sizes[id(one)]

    if node is not None and size(node) > MOST:
        raise yaml.YAMLError(f"aliases that stand for more than {MOST:,} values")
    return node


def value(text: str) -> Any:
    """The value of `key=text`: YAML in brackets or quotes, or one word as it is.

    A word may hold what YAML gives a meaning, like `|`, `*.csv` or `a: b`, and the
    signs of a file's name: `x (1).csv`, `a=b.csv`.

    Raises:
        Unreadable: brackets or quotes that are not YAML.
    """
    text = text.strip()
    try:
        loader = _Value(text if text.startswith(FLOW) else "")
        if text.startswith(FLOW):
            node = bounded(loader.get_single_node())
            result = None if node is None else loader.construct_document(node)
        else:
            tag = loader.resolve(yaml.ScalarNode, text, (True, False))
            result = loader.construct_object(yaml.ScalarNode(tag, text))
        json.dumps(result, default=str)
    except _BROKEN as error:
        raise Unreadable(str(error), None) from error
    if loader.twice:
        raise Unreadable("duplicate key", None)
    return result


def dump(data: dict) -> str:
    """A YAML text that `document` reads as `data`."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False)
