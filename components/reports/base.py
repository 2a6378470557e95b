"""The parts of a report, the same for all tasks."""

from dataclasses import dataclass, field

import numpy as np


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
