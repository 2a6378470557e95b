"""The valid_nll of a trial over the folds of train and valid."""

import statistics
from pathlib import Path

from phistar.pipeline.record.scores import read_json


def summary(folders: list[Path]) -> dict[str, float]:
    """The mean over the folds, and -ln P of all their rows together.

    Each row is valid in one fold, so its -ln P is that of a network that has not seen
    it. Their mean is the out-of-fold nll.

    Args:
        folders: of the results of `train`, one for each fold.

    Returns:
        mean and sd of valid_nll over the folds; nll, low and high, the out-of-fold nll
        with its 95 % interval. All in nats per label.
    """
    import numpy as np

    from phistar.components.metrics import interval, ratio

    values = [read_json(folder / "valid.json")["valid_nll"] for folder in folders]
    rows = []
    for folder in folders:
        with np.load(folder / "valid_nll.npz") as kept:
            rows.append((kept["nll"], kept["count"]))
    found, error = ratio(*(np.concatenate(part) for part in zip(*rows, strict=True)))
    known = interval(found, error)
    return {
        "mean": statistics.mean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else 0.0,
        **{"nll": known["nll"], "low": known["nll_low"], "high": known["nll_high"]},
    }
