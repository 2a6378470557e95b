"""The space of a sweep: words of the command line -> values of keys.

key=a,b,c            a list: each of these values.
key=1..6             whole numbers of a range, its ends included.
key=0.1..0.5         numbers of a range.
key=log:1e-4..1e-2   the same, by their logarithm.
key=a                one value, as in `run`.
"""

import itertools
import math
import re
from typing import Any, NamedTuple

from phistar.pipeline.config import parse

_NUMBER = r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"(log:)?({_NUMBER})\.\.({_NUMBER})")
_MEANT = re.compile(r"log:.*|[-+\d.eE_]*\.\.[-+\d.eE_]*", re.S)  # a range, right or not
_OPEN, _CLOSED = "[{", "]}"
SIGNIFICANT = 4  # digits of a number that is proposed
FORMS = "a,b,c or 1..6 or 0.1..0.5 or log:1e-4..1e-2"


class Dimension(NamedTuple):
    """The values of one key.

    Args:
        key: of the config.
        words: of a list, as they are typed; () for a range.
        low, high: ends of a range.
        log: True if a range is taken by its logarithm.
        whole: True for whole numbers only.
    """

    key: str
    words: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False
    whole: bool = False

    def ends(self) -> tuple[str, ...]:
        """The words of a list; of a range those of both ends."""
        return self.words or (self.word(self.low), self.word(self.high))

    def rounded(self, value: Any) -> Any:
        """A value that was proposed, with few digits, inside the range."""
        if self.words or self.whole:
            return value
        if self.log:
            value = float(f"{value:.{SIGNIFICANT}g}")
        else:
            width = math.floor(math.log10(self.high - self.low))
            value = round(value, SIGNIFICANT - 1 - width)
        return float(min(max(value, self.low), self.high))

    def word(self, value: Any) -> str:
        """A value as it is typed after `key=`."""
        return value if self.words else str(int(value) if self.whole else float(value))

    def text(self) -> str:
        """The dimension as it is typed."""
        if self.words:
            return ",".join(self.words)
        return f"{'log:' * self.log}{self.word(self.low)}..{self.word(self.high)}"


class Space(NamedTuple):
    """All that a sweep tries.

    Args:
        fixed: overrides with one value, as they were typed.
        dimensions: the keys that vary, in the order of the command line.
    """

    fixed: tuple[str, ...]
    dimensions: tuple[Dimension, ...]

    @property
    def keys(self) -> list[str]:
        """The keys that vary."""
        return [dimension.key for dimension in self.dimensions]

    def is_grid(self) -> bool:
        """True if every key has a list."""
        return all(dimension.words for dimension in self.dimensions)

    def grid(self) -> list[dict[str, str]]:
        """Every combination of the lists, the last key varying fastest."""
        lists = [dimension.words for dimension in self.dimensions]
        return [
            dict(zip(self.keys, point, strict=True))
            for point in itertools.product(*lists)
        ]

    def overrides(self, values: dict[str, Any]) -> list[str]:
        """The words of a command that has these values."""
        varying = [f"{d.key}={d.word(values[d.key])}" for d in self.dimensions]
        return [*self.fixed, *varying]

    def first(self) -> list[str]:
        """The overrides with the first value of every key."""
        return [*self.fixed, *(f"{d.key}={d.ends()[0]}" for d in self.dimensions)]


def space(words: list[str]) -> Space:
    """The space that overrides describe.

    Args:
        words: each `key=values`.

    Raises:
        ValueError: a list or range that cannot be, or a key twice.
    """
    fixed, dimensions, seen = [], [], set()
    for word in words:
        key, _, values = word.partition("=")
        if key in seen:
            raise ValueError(f"a key twice. Received: {key}. Expected each key once.")
        seen.add(key)
        found = dimension(key, values)
        if found is None:
            fixed.append(word)
        else:
            dimensions.append(found)
    return Space(tuple(fixed), tuple(dimensions))


def dimension(key: str, values: str) -> Dimension | None:
    """The values of a key; None for one value.

    Raises:
        ValueError: a list or range that cannot be.
    """
    words = parts(values)
    if not all(word.strip() for word in words):
        what = "an empty list" if len(words) == 1 else "a list with an empty value"
        raise ValueError(f"{what}. Received: {key}={values}. Expected: {key}={FORMS}.")
    words = tuple(word.strip() for word in words)
    ranges = [word for word in words if _MEANT.fullmatch(word)]
    if not ranges:
        return several(key, values, words) if len(words) > 1 else None
    if len(words) > 1:
        raise ValueError(
            f"a range inside a list. Received: {key}={values}. Expected one of both: "
            f"{key}={FORMS}."
        )
    return between(key, values)


def several(key: str, values: str, words: tuple[str, ...]) -> Dimension:
    """The dimension of a list.

    Raises:
        ValueError: a value twice.
    """
    if len(set(words)) < len(words):
        raise ValueError(
            f"a value twice. Received: {key}={values}. Expected each value once."
        )
    return Dimension(key, words)


def between(key: str, values: str) -> Dimension:
    """The dimension of a range.

    Raises:
        ValueError: it is no range, reversed, or a log range with 0 or less.
    """
    written = _RANGE.fullmatch(values.strip())
    if not written:
        raise ValueError(
            f"a range that cannot be read. Received: {key}={values}. Expected: "
            f"{key}=LOW..HIGH or {key}=log:LOW..HIGH, both numbers."
        )
    log, *ends = written.groups()
    low, high = (parse.value(end) for end in ends)
    if not low < high:
        raise ValueError(
            f"a reversed or empty range. Received: {key}={values}. Expected the lower "
            f"end first: {key}={log or ''}{high}..{low}."
            if low > high
            else f"a range of one value. Received: {key}={values}. Expected two ends, "
            f"or {key}={low}."
        )
    if log and low <= 0:
        raise ValueError(
            f"a log range that begins at 0 or below. Received: {key}={values}. "
            "Expected two positive ends, or the range without log:."
        )
    whole = all(isinstance(end, int) for end in (low, high))
    return Dimension(key, (), low, high, bool(log), whole)


def parts(text: str) -> list[str]:
    """A text cut at the commas that are in no brackets and no quotes."""
    found, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        depth += (letter in _OPEN) - (letter in _CLOSED) if not quote else 0
        if letter == "," and not depth and not quote:
            found.append("")
        else:
            found[-1] += letter
    return found
