"""The types of config keys: a closed list, in words, and the check of a value.

int, float, str, bool, None, tuple[...], Literal[...], Annotated[T, Field(...)] and
`|` between them. The check is strict: `true` is not a number, and neither "3" nor 3.0
is an int; but an int is a float too. It is our own, since importing pydantic takes
longer than all else that `phistar show` does.
"""

import ast
import math
import operator
import sys
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

_PLAIN = {"int": int, "float": float, "str": str, "bool": bool}
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
_FAULTS = ("out of range", "unknown choice", "wrong type")  # the most telling first


class Bounds(NamedTuple):
    """The bounds of a number; None is no bound."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None

    def given(self) -> dict[str, float]:
        """The bounds that are not None: {"ge": 1}."""
        return {name: b for name, b in self._asdict().items() if b is not None}


class Misfit(ValueError):
    """A value that its type does not allow; its only argument is one of _FAULTS."""


def read(node: ast.expr | None) -> Any:
    """The type that an annotation names.

    Raises:
        TypeError: it is not in the list above.
    """
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name) if name in _PLAIN:
            return _PLAIN[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return operator.or_(read(left), read(right))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            return Literal[ast.literal_eval(values)]
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=elements)):
            dots = isinstance(elements[-1], ast.Constant) and elements[-1].value is ...
            members = [read(e) for e in (elements[:-1] if dots else elements)]
            return tuple[(*members, ...)] if dots else tuple[tuple(members)]
        case ast.Subscript(
            value=ast.Name(id="Annotated"),
            slice=ast.Tuple(
                elts=[
                    kind,
                    ast.Call(func=ast.Name(id="Field"), args=[], keywords=given),
                ]
            ),
        ) if given and all(bound.arg in _SIGNS for bound in given):
            bounds = {bound.arg: ast.literal_eval(bound.value) for bound in given}
            return Annotated[read(kind), Bounds(**bounds)]
    raise TypeError(ast.dump(node) if node else "no annotation")


def text(kind: Any) -> str:
    """A type in words: "int ≥ 1 or null", "one of logistic, hinge", "list of int"."""
    if kind in (None, NoneType):
        return "null"
    members = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(map(text, members))
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, members))
    if get_origin(kind) is tuple:
        if members[-1] is ...:
            return "list of " + text(members[0])
        return "[" + ", ".join(map(text, members)) + "]"
    if get_origin(kind) is Annotated:
        base, bounds = members
        limits = [f"{_SIGNS[name]} {b}" for name, b in bounds.given().items()]
        return f"{text(base)} {' and '.join(limits)}"
    return kind.__name__


def literals(kind: Any) -> list:
    """The members of all `Literal` in a type."""
    members = list(get_args(kind))
    if get_origin(kind) is Literal:
        return members
    return [value for member in members for value in literals(member)]


def fitted(kind: Any, value: Any) -> Any:
    """The value in its type's form: 3.0 for the int 3 as a float, a list for a tuple.

    Args:
        kind: of types with `|` between them, the first that allows the value counts.
        value: JSON data, or a default of a signature.

    Raises:
        Misfit: "out of range", "unknown choice" or "wrong type".
    """
    members = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        faults = []
        for member in members:
            try:
                return fitted(member, value)
            except Misfit as misfit:
                faults += misfit.args
        raise Misfit(min(faults, key=_FAULTS.index))
    if get_origin(kind) is Literal:
        # True == 1, and both may be the member's value
        if any(type(value) is type(m) and value == m for m in members):
            return value
        raise Misfit("unknown choice" if isinstance(value, str) else "wrong type")
    if get_origin(kind) is tuple:
        endless = members[-1] is ...
        if not isinstance(value, list | tuple) or (
            not endless and len(value) != len(members)
        ):
            raise Misfit("wrong type")
        kinds = members[:1] * len(value) if endless else members
        return [fitted(*pair) for pair in zip(kinds, value, strict=True)]
    if get_origin(kind) is Annotated:
        base, bounds = members
        value = fitted(base, value)
        if all(getattr(operator, n)(value, b) for n, b in bounds.given().items()):
            return value
        raise Misfit("out of range")
    return _plain(NoneType if kind is None else kind, value)


def _plain(kind: type, value: Any) -> Any:
    """The value of a type without members."""
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise Misfit("wrong type")
    return value
