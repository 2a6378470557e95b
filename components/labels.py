"""Label spaces Y: which labels there are, and how their names become numbers.

    task         Y                  a label in the arrays
    binary       {-1, +1}           -1 or +1; `positive` names the +1
    multiclass   {y_1 ... y_K}      0 ... K-1, in the order of `names`
    language     V* EOS             a text: tokens, each in 0 ... |V|, ended by EOS = 0

A text is a sequence of labels of one space, V and EOS, chosen one after the other.

A label space is made from the data once, at ingest; after that a label outside
it is an error that names the row.

Source: D. McAllester, "The Fundamental Equations of Deep Learning",
TTIC 31230, Autumn 2020.
"""

from dataclasses import dataclass

import numpy as np


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
            split: what the rows are called in the error.
            start: number of the first row.

        Raises:
            ValueError: at the first name that is not in Y, with its row.
        """
        value_of = dict(zip(self.names, self.values, strict=True))
        for row, name in enumerate(names, start):
            if str(name) not in value_of:
                raise ValueError(
                    f"a label outside the label space: row {row}, in {split or 'data'}."
                    f" Received: {str(name)!r}. Expected one of {list(self.names)}:"
                    " correct the row, or give train an example of this label."
                )
        return np.array([value_of[str(name)] for name in names], dtype="int32")

    def index(self, values):
        """Values -> positions 0 ... K-1 in `names`.  int [N] -> int64 [N]."""
        return np.searchsorted(np.array(self.values), values)

    def to_json(self):
        """Plain data; `LabelSpace(**space.to_json())` is the same space."""
        return {"names": list(self.names), "values": list(self.values)}


def token_space(names):
    """V and EOS, the labels that a text is a sequence of.

    Args:
        names: what the tokens 0 ... |V| are called, EOS first.
    """
    return LabelSpace(tuple(names), tuple(range(len(names))))


def first_rows(names, numbers=None):
    """Label -> the first row it occurs in, in that order.

    Args:
        names: list of str, N labels.
        numbers: list of int, the numbers of their rows; default: 0 ... N-1.
    """
    rows = {}
    for row, name in zip(numbers or range(len(names)), names, strict=True):
        rows.setdefault(str(name), row)
    return rows


def label_space(task, first_row, num_rows):
    """The label space of a task's data.

    Args:
        task: plain data of the section `task`.
        first_row: `first_rows` of the labels of train.
        num_rows: how many rows train has.

    Raises:
        ValueError: if the labels do not fit the task.
    """
    if len(first_row) < 2:
        raise ValueError(
            "one class only: there is nothing to learn. Received: train rows "
            f"0 ... {num_rows - 1} with the labels {list(first_row)}. "
            "Expected at least two labels: check the label column and the split."
        )
    match task["name"]:
        case "binary":
            return binary_space(first_row, task["positive"])
        case "multiclass":
            labels = sorted(first_row, key=_natural)  # numbers by value, then words
            return LabelSpace(tuple(labels), tuple(range(len(labels))))
        case _:
            raise ValueError(f"no label space. Received: task.name={task['name']!r}.")


def binary_space(first_row, positive):
    """Y = {-1, +1} from the labels that occur in train.

    Args:
        first_row: `first_rows` of the labels of train.
        positive: the name that becomes +1.

    Raises:
        ValueError: if there are not exactly two labels, or neither is `positive`.
    """
    if len(first_row) > 2:
        third = list(first_row)[2]
        raise ValueError(
            "a binary task has two labels. "
            f"Received: {len(first_row)} in train, the third one, {third!r}, in row "
            f"{first_row[third]}. Use `task.name=multiclass`, or correct the row."
        )
    if positive not in first_row:
        raise ValueError(
            f"`task.positive` is not a label of the data. Received: {positive!r}. "
            f"Expected one of {sorted(first_row)}."
        )
    negative = next(name for name in first_row if name != positive)
    return LabelSpace((negative, positive), (-1, 1))


def _natural(name):
    """Sort key: "2" before "10", numbers before words."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)
