"""What a report consists of, whatever the labels."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Report:
    """What was measured of a trained network.

    Args:
        metrics: name, with its split in front -> float.
        test_nll: float [N], -ln P of each example of test.
        golden: what the export is asked, and must answer: "SIGNATURE/in/NAME" and
            "SIGNATURE/out/NAME" -> array.
        figures: name -> matplotlib Figure.
        files: name -> str, further results to read.
    """

    metrics: dict
    test_nll: np.ndarray
    golden: dict
    figures: dict
    files: dict = field(default_factory=dict)
