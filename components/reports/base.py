"""The parts of a report, the same for all tasks."""

from dataclasses import dataclass, field

import numpy as np


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


def nll_table(metrics, *others):
    """A table of test_nll and of models that do not read x, in Markdown.

    Args:
        metrics: of the report, names with their split.
        *others: (name, nats per token) of further models.

    Returns:
        list of str, lines.
    """
    rows = [
        ("this network", metrics["test_nll"]),
        *others,
        ("share of each token in train", metrics["test_nll_prior"]),
        ("uniform", metrics["test_nll_uniform"]),
    ]
    lines = [f"| {name} | {value:.4f} |" for name, value in rows]
    return ["| | nats per token |", "|---|---|", *lines]


@dataclass(frozen=True)
class Report:
    """Measurements of a trained network.

    Args:
        metrics: name, with its split in front -> float.
        test_nll: float [N], -ln P of each example of test.
        golden: a request of the export and its expected answer:
            "SIGNATURE/in/NAME" and "SIGNATURE/out/NAME" -> array.
        figures: name -> matplotlib Figure.
        files: name -> str, further results as text.
    """

    metrics: dict
    test_nll: np.ndarray
    golden: dict
    figures: dict
    files: dict = field(default_factory=dict)
