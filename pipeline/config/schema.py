"""The config schema: the keys of each section, read from signatures with `ast`.

    def run(task, out_dir, log, *, steps: Annotated[int, Field(ge=1)], **options):

is the section `train` with the key `train.steps`. The arguments after `*` are the keys:
name, type, bounds and default are written there, the meaning in the docstring's `Args`.
Nothing below components/ is imported, so this takes milliseconds and no keras.

Annotations come from a closed list: int, float, str, bool, None, tuple[...],
Literal[...], Annotated[T, Field(...)] and `|` between them. Defaults are literals.
"""

import ast
import operator
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import Field

from phistar.pipeline.config import choices

COMPONENTS = Path(__file__).resolve().parents[2] / "components"
SECTIONS = ("task", "ingest", "build", "train", "evaluate", "export")
# {"build": "network"}: the key of a section that picks a function with its own keys.
CHOOSERS = dict(key.split(".") for key in choices.TABLES)
REQUIRED = ...  # the default of a key that has none, as pydantic writes it

_PLAIN = {"int": int, "float": float, "str": str, "bool": bool}
_BOUNDS = {"gt": "> {}", "ge": "≥ {}", "lt": "< {}", "le": "≤ {}"}


class Key(NamedTuple):
    """One key of a section; `default` is REQUIRED if it must be given."""

    name: str
    type: Any
    default: Any
    meaning: str


class Signature(NamedTuple):
    """The config keys of a function, or of a class's `__init__`.

    A class without one has those of its base class, if that is in the same file.
    `summary` is the docstring's first line; `losses` and `counted_by` are a task's
    class attributes. `takes` is TAKES of a network's file: the kinds of data that it
    takes, () if the file does not tell.
    """

    keys: dict[str, Key]
    summary: str
    losses: tuple[str, ...] = ()
    counted_by: str = "examples"
    takes: tuple[str, ...] = ()


def section(
    name: str, choice: str | None = None, components: Path = COMPONENTS
) -> dict[str, Key]:
    """The keys of a section: the stage's own, then those of the choice.

    Args:
        name: one of SECTIONS.
        choice: value of the section's chooser (`build.network`), or None.
        components: folder of the components.

    Returns:
        dict of Key by name. A name that both have is the stage's own key. The type
        of the chooser itself is Literal of the table's names.
    Raises:
        TypeError: an annotation or a default that cannot be read, with file and line.
        ValueError: the section's table has no such choice.
    """
    if name == "task":
        keys = {"name": Key("name", str, REQUIRED, "kind of label space.")}
    else:
        keys = signature(Path(components) / f"{name}.py", "run").keys
    if name not in CHOOSERS:
        return keys
    chooser = keys[CHOOSERS[name]]
    kind = Literal[tuple(names(name, components))]
    keys = {**keys, chooser.name: chooser._replace(type=kind)}
    if choice is None:
        return keys
    return keys | chosen(name, choice, components).keys | keys


def names(name: str, components: Path = COMPONENTS) -> list[str]:
    """The choices of the chooser of section `name`, in the order of its table."""
    return choices.names(_table(name, components))


def chosen(name: str, choice: str, components: Path = COMPONENTS) -> Signature:
    """The signature that the chooser of section `name` picks."""
    return signature(*choices.chosen(_table(name, components), choice))


def kind(source: str, components: Path = COMPONENTS) -> str:
    """The kind of data that a source gives: "columns", "images", "text" or "pairs".

    Args:
        source: one of `names("ingest")`.
        components: folder of the components.

    Raises:
        ValueError: its function names no kind.
    """
    known = choices.names(Path(components) / "data" / "kinds" / "__init__.py")
    path, symbol = choices.chosen(_table("ingest", components), source)
    for node in ast.walk(_definition(path, symbol)):
        if isinstance(node, ast.Constant) and node.value in known:
            return node.value
    raise ValueError(
        f"{path}: `{symbol}` names no kind of its Source. Expected one of: "
        f"{', '.join(known)}."
    )


def signature(path: Path, symbol: str) -> Signature:
    """The keyword-only arguments of a top-level function or class, as config keys.

    Raises:
        TypeError: an annotation or a default outside the list above.
        ValueError: `symbol` is not defined in the file.
    """
    return _signature(Path(path).read_bytes(), str(path), symbol)


@cache
def _signature(source: bytes, path: str, symbol: str) -> Signature:
    tree = ast.parse(source, filename=path)
    defined = {getattr(node, "name", None): node for node in tree.body}
    if symbol not in defined:
        raise ValueError(f"{path} does not define `{symbol}`. Expected it there.")
    node, docstring = defined[symbol], ast.get_docstring(defined[symbol]) or ""
    summary, facts = docstring.partition("\n")[0], _takes(tree)
    if isinstance(node, ast.ClassDef):
        facts, bases = facts | _facts(node), map(ast.unparse, node.bases)
        node = next((n for n in node.body if _is_init(n)), None)
        if node is None:
            base = next((base for base in bases if base in defined), None)
            keys = _signature(source, path, base).keys if base else {}
            return Signature(keys, summary, **facts)
        docstring += "\n\n" + (ast.get_docstring(node) or "")
    meanings = _meanings(docstring)
    arguments = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    keys = {
        argument.arg: Key(
            argument.arg,
            _read(_annotation, argument.annotation, argument, path),
            REQUIRED if value is None else _read(_literal, value, argument, path),
            meanings.get(argument.arg, ""),
        )
        for argument, value in arguments
    }
    return Signature(keys, summary, **facts)


def type_text(kind: Any) -> str:
    """A type in words: "int ≥ 1 or null", "one of logistic, hinge", "list of int"."""
    if kind is None or kind is type(None):
        return "null"
    members = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(type_text(member) for member in members)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(str(member) for member in members)
    if get_origin(kind) is tuple:
        if members[-1] is ...:
            return "list of " + type_text(members[0])
        return "[" + ", ".join(type_text(member) for member in members) + "]"
    if get_origin(kind) is Annotated:
        base, field = members
        bounds = [
            text.format(getattr(constraint, name))
            for constraint in field.metadata
            for name, text in _BOUNDS.items()
            if getattr(constraint, name, None) is not None
        ]
        return f"{type_text(base)} {' and '.join(bounds)}"
    return kind.__name__


def values(kind: Any) -> list[str]:
    """The values of a type that can be listed: ["true", "false"], ["sgd", "adamw"]."""
    if kind is bool:
        return ["true", "false"]
    if kind is None or kind is type(None):
        return ["null"]
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    if get_origin(kind) in (Union, UnionType):
        return [value for member in get_args(kind) for value in values(member)]
    return []


def _definition(path: Path, symbol: str) -> ast.stmt:
    """The top-level function or class `symbol` of a file."""
    body = ast.parse(Path(path).read_bytes(), filename=str(path)).body
    return next(node for node in body if getattr(node, "name", None) == symbol)


def _table(name: str, components: Path) -> Path:
    return Path(components).parent / choices.TABLES[f"{name}.{CHOOSERS[name]}"]


def _is_init(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _takes(tree: ast.Module) -> dict[str, Any]:
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="TAKES")], value=value):
                return {"takes": ast.literal_eval(value)}
    return {}


def _facts(node: ast.ClassDef) -> dict[str, Any]:
    facts = {}
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="losses" | "counted_by" as name)]):
                facts[name] = ast.literal_eval(statement.value)
    return facts


def _read(
    evaluate: Callable, node: ast.expr | None, argument: ast.arg, path: Path
) -> Any:
    """The annotation or default `node` of an argument, as `evaluate` reads it."""
    try:
        return evaluate(node)
    except (TypeError, ValueError) as error:
        received = "nothing" if node is None else f"`{ast.unparse(node)}`"
        raise TypeError(
            f"{path}:{argument.lineno}: the argument `{argument.arg}` cannot be a "
            f"config key. Received: {received}. Expected an annotation of int, "
            "float, str, bool, None, tuple[...], Literal[...], `|`, "
            "Annotated[T, Field(gt=, ge=, lt=, le=)], and a literal as default."
        ) from error


def _literal(node: ast.expr) -> Any:
    value = ast.literal_eval(node)
    if not isinstance(value, int | float | str | tuple | None):
        raise TypeError(type(value))
    return value


def _annotation(node: ast.expr | None) -> Any:
    """The type that an annotation of the closed list names."""
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name) if name in _PLAIN:
            return _PLAIN[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return operator.or_(_annotation(left), _annotation(right))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            return Literal[ast.literal_eval(values)]
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=elements)):
            dots = isinstance(elements[-1], ast.Constant) and elements[-1].value is ...
            members = [_annotation(e) for e in (elements[:-1] if dots else elements)]
            return tuple[(*members, ...)] if dots else tuple[tuple(members)]
        case ast.Subscript(
            value=ast.Name(id="Annotated"),
            slice=ast.Tuple(
                elts=[
                    kind,
                    ast.Call(func=ast.Name(id="Field"), args=[], keywords=given),
                ]
            ),
        ) if given and all(bound.arg in _BOUNDS for bound in given):
            bounds = {bound.arg: ast.literal_eval(bound.value) for bound in given}
            return Annotated[_annotation(kind), Field(**bounds)]
    raise TypeError(ast.dump(node) if node else "no annotation")


def _meanings(docstring: str) -> dict[str, str]:
    """{"steps": "length of the run."} of the entries of a docstring's `Args:`."""
    meanings, indent, inside = {}, None, False
    for line in docstring.splitlines():
        text = line.strip()
        if line == text and text:  # a line at the margin opens or closes a section
            inside, indent = text == "Args:", None
        elif inside and text:
            depth = len(line) - len(line.lstrip())
            indent = depth if indent is None else indent
            entry = re.match(r"\**(\w+): *(.*)", text) if depth == indent else None
            if entry:
                name, meanings[entry[1]] = entry[1], entry[2]
            elif meanings:
                meanings[name] = f"{meanings[name]} {text}".strip()
    return meanings
