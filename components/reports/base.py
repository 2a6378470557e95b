"""The parts of a report, the same for all tasks."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from phistar.components.metrics import ratio


def golden(signature, given, expected):
    """A request of one signature, and its answer.

    Args:
        signature: its name.
        given, expected: name -> array, its inputs and outputs.

    Returns:
        dict, a part of Report.golden.
    """
    sides = {"in": given, "out": expected}
    return {
        f"{signature}/{side}/{name}": plain(values)
        for side, arrays in sides.items()
        for name, values in arrays.items()
    }


def plain(values):
    """Turn strings into bytes of one width, since object arrays would need pickle."""
    if values.dtype.kind == "U":
        return np.char.encode(values, "utf-8")
    return values.astype("S") if values.dtype.kind == "O" else values


class Baseline(NamedTuple):
    """A model to compare with, scored on the same examples of test.

    Args:
        name: in words, as the page and the sentence of the verdict print it.
        nll: float [N], -ln P of each example, nats, all its labels together; None if
            it has no P.
        correct: bool [N], True where its decision is right; None if it decides nothing.
        reads: True if it reads x; one that does not is a floor.
        note: what else to know about it.
        metrics: further metrics of test, by the names of the report's, without split.
    """

    name: str
    nll: np.ndarray | None
    correct: np.ndarray | None = None
    reads: bool = False
    note: str = ""
    metrics: dict = {}


class Section(NamedTuple):
    """A part of the page that only some tasks have.

    Args:
        title: str.
        body: Markup.
        figures: names of the figures that belong to it, those that exist are shown.
    """

    title: str
    body: Markup
    figures: tuple = ()


@dataclass(frozen=True)
class Report:
    """Measurements of a trained network.

    Args:
        metrics: name, with its split in front -> float.
        test_nll: float [N], -ln P of each example of test.
        golden: a request of the export and its expected answer:
            "SIGNATURE/in/NAME" and "SIGNATURE/out/NAME" -> array.
        figures: name -> matplotlib Figure.
        unit: "label" or "token", what `counts` counts.
        counts: int [N], labels of each example of test.
        correct: bool [N], True where its decision is right; None if it decides nothing.
        baselines: list of Baseline.
        predictions: name of a column -> [N] values, one for each example of test.
        sections: list of Section, the task's own parts of the page.
        files: name -> str, further results as text.
        weights: float [N], how much each example counts; None: each as much as another.
    """

    metrics: dict
    test_nll: np.ndarray
    golden: dict
    figures: dict
    unit: str
    counts: np.ndarray
    correct: np.ndarray | None
    baselines: list
    predictions: dict
    sections: list
    files: dict = field(default_factory=dict)
    weights: np.ndarray | None = None

    def mean_error(self, totals, rows=slice(None)):
        """Mean of a label of test and its standard error.

        Args:
            totals: float [N], of each example, all its labels together.
            rows: index of the examples, all by default.

        Returns:
            (float, float or None): None if there is one example only.
        """
        weights = 1 if self.weights is None else self.weights[rows]
        counts = self.counts[rows] * weights
        return mean_error(np.asarray(totals)[rows] * weights, counts)


def mean_error(totals, counts):
    """Mean of a label and its standard error, as plain data.

    Args:
        totals: float [N], of each example.
        counts: [N], labels of each example.

    Returns:
        (float, float or None): None if there is one example only.
    """
    mean, error = ratio(np.asarray(totals, "float64"), counts)
    return float(mean), None if math.isnan(error) else float(error)
