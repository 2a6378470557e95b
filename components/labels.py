"""Label spaces Y: the labels of each task, and the numbers that stand for their names.

    task          Y                  a label in the arrays
    binary        {-1, +1}           -1 or +1; `positive` names the +1
    multiclass    {y_1 ... y_K}      0 ... K-1, in the order of `names`
    language      V* EOS             a text: tokens, each in 0 ... |V|, ended by EOS = 0
    translation   V* EOS             the same, given another text

A text is a sequence of labels of one space, V and EOS, chosen one after the other.

A label space is made from the data once, at ingest; after that a label outside
it is an error that names the row.

Source: D. McAllester, "The Fundamental Equations of Deep Learning",
TTIC 31230, Autumn 2020.
"""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SHOWN = 10  # labels that an error lists
FEW = 8  # labels: so many are found faster by comparing than by sorting
CUT = reprlib.Repr()
CUT.maxstring = 60  # characters of each


@dataclass(frozen=True)
class LabelSpace:
    """Y, as names (the data's own words) and values (what the arrays hold).

    Args:
        names: one name per label. Binary: (negative, positive).
        values: one int per label, -1 and +1, or 0 ... K-1.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]

    @property
    def size(self):
        """K, the number of labels."""
        return len(self.names)

    def encode(self, names, split="", start=0):
        """Names -> int32 values of the same shape.

        Args:
            names: array of str [N].
            split: name of the rows' split, for the error.
            start: number of the first row.

        Raises:
            ValueError: names that are not in Y, with their first rows.
        """
        names = np.asarray(names, str)
        if len(self.names) <= FEW:
            values, known = np.zeros(names.shape, "int32"), 0
            for name, value in zip(self.names, self.values, strict=True):
                values[here := names == name] = value
                known += np.count_nonzero(here)
            if known == names.size:
                return values
        every, first, inverse = np.unique(names, return_index=True, return_inverse=True)
        rows = dict(zip(every.tolist(), (first + start).tolist(), strict=True))
        self.require({split or "data": rows})
        value_of = dict(zip(self.names, self.values, strict=True))
        return np.array([value_of[name] for name in rows], "int32")[inverse]

    def require(self, first_row):
        """Refuse names that are not in Y, all of them in one error.

        Args:
            first_row: dict of split -> {name: its first row}.

        Raises:
            ValueError: with the first row of each.
        """
        known = set(self.names)
        unknown = [
            f"{shown(name)} (row {row}, in {split})"
            for split, rows in first_row.items()
            for name, row in rows.items()
            if name not in known
        ]
        if unknown:
            raise ValueError(
                "labels outside the label space, which is that of train. Received: "
                f"{shortened(unknown)}. Expected one of "
                f"{shortened(map(shown, self.names))}: correct the rows, or give train "
                "an example of each label."
            )

    def index(self, values):
        """Values -> positions 0 ... K-1 in `names`.  int [N] -> int64 [N]."""
        return np.searchsorted(np.array(self.values), values)

    def to_json(self):
        """Plain data; `LabelSpace(**space.to_json())` is the same space."""
        return {"names": list(self.names), "values": list(self.values)}


def shown(name):
    """A label in an error: in quotes, on one line, without its middle if it is long."""
    return CUT.repr(str(name))


def shortened(names):
    """Names in one line, of many the first ones and the number of the others."""
    names = list(names)
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def first_rows(names, numbers=None):
    """Label -> the first row it occurs in, in that order.

    Args:
        names: str [N], labels.
        numbers: int [N], the numbers of their rows; default: 0 ... N-1.
    """
    names, found = np.asarray(names, str), {}
    rest = np.arange(len(names))
    while len(rest) and len(found) < FEW:  # to compare is faster than to sort
        found[names[rest[0]]] = rest[0]
        rest = rest[names[rest] != names[rest[0]]]
    every, first = np.unique(names[rest], return_index=True)
    order = np.argsort(first)
    found |= dict(zip(every[order], rest[first[order]], strict=True))
    rows = range(len(names)) if numbers is None else numbers
    return {str(name): int(rows[row]) for name, row in found.items()}


def labels_of(name):
    """The table of labels: one y of each task, and how its Y is made.

    Args:
        name: of the task.

    Raises:
        ValueError: an unknown name.
    """
    match name:
        case "binary":
            return BINARY
        case "language":
            return LANGUAGE
        case "multiclass":
            return MULTICLASS
        case "translation":
            return TRANSLATION
        case _:
            raise ValueError(f"no labels of this task. Received: {name!r}.")


def binary_space(task, first_row, num_rows):
    """Y = {-1, +1} from the labels that occur in train.

    Args:
        task: plain data of the section `task`; its `positive` is the name of +1.
        first_row: `first_rows` of the labels of train.
        num_rows: int, rows of train.

    Raises:
        ValueError: not exactly two labels, or `positive` is neither of them.
    """
    positive = task["positive"]
    require_two(first_row, num_rows)
    if len(first_row) > 2:
        third = list(first_row)[2]
        raise ValueError(
            "a binary task has two labels. "
            f"Received: {len(first_row)}, the third one, {shown(third)}, in row "
            f"{first_row[third]}. Expected 2: use `task.name=multiclass`, or correct "
            "the row."
        )
    if positive not in first_row:
        raise ValueError(
            f"`task.positive` is not a label of the data. Received: {shown(positive)}. "
            f"Expected one of {shortened(map(shown, sorted(first_row)))}."
        )
    negative = next(name for name in first_row if name != positive)
    return LabelSpace((negative, positive), (-1, 1))


def multiclass_space(task, first_row, num_rows):
    """Y = the K labels that occur in train; numbers by value, then words.

    Args:
        task, first_row, num_rows: see `binary_space`.

    Raises:
        ValueError: one label only.
    """
    require_two(first_row, num_rows)
    names = sorted(first_row, key=_natural)
    return LabelSpace(tuple(names), tuple(range(len(names))))


def require_two(first_row, num_rows):
    """Refuse labels that are all the same.

    Raises:
        ValueError: one label only.
    """
    if len(first_row) < 2:
        raise ValueError(
            f"one class only: there is nothing to learn. Received: {num_rows} rows, in "
            f"train with the label {shortened(map(shown, first_row))}. "
            "Expected at least two labels: check the column, or the folders, that hold "
            "the labels, and the split."
        )


def token_space(names):
    """V and EOS: a text is a sequence of these labels.

    Args:
        names: names of the tokens 0 ... |V|, EOS first.
    """
    return LabelSpace(tuple(names), tuple(range(len(names))))


def _natural(name):
    """Sort key: "2" before "10", numbers before words."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


NAMES, TEXTS, PAIRS = "labels that are names", "texts", "pairs of texts"


class Labels(NamedTuple):
    """Labels of a task: what its data must give, and how its Y is made.

    Args:
        needs: what a kind of data must give: NAMES, TEXTS or PAIRS.
        space: function that makes the LabelSpace. Of names it takes (task, first_row,
            num_rows), see `binary_space`; of texts the names of the tokens.
    """

    needs: str
    space: Callable


BINARY = Labels(NAMES, binary_space)
LANGUAGE = Labels(TEXTS, token_space)
MULTICLASS = Labels(NAMES, multiclass_space)
TRANSLATION = Labels(PAIRS, token_space)
