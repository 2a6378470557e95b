"""Statistics of columns in one pass, whatever the pieces that they come in.

Numbers are folded in blocks of a fixed number of rows. So mean and variance of the same
rows are the same bits, in whatever pieces the rows come.
"""

import numpy as np

BLOCK_ROWS = 65536
MAX_VALUES = 10_000  # a category more would be a float32 more in every row


def describe(pieces):
    """Statistics of all columns, from which `Columns` is made.

    Args:
        pieces: iterable of dicts of name -> float [N] (NaN is missing) or str [N].

    Returns:
        list of plain dicts, see Columns.

    Raises:
        ValueError: a column without values, or with too many different ones.
    """
    kinds = {}
    for raw in pieces:
        for name, values in raw.items():
            if name not in kinds:
                words = values.dtype.kind in "OUT"
                kinds[name] = Categorical(name) if words else Numeric(name)
            kinds[name].add(values)
    return [column.describe() for column in kinds.values()]


class Categorical:
    """The values of a column of words."""

    def __init__(self, name):
        self.name, self.values = name, set()

    def add(self, values):
        """Count in the next rows, str [N]."""
        self.values.update(map(str, np.unique(values)))
        if len(self.values) > MAX_VALUES:
            raise ValueError(
                "a column of words has too many different ones. Received: "
                f"{self.name!r} with more than {MAX_VALUES} in train, like "
                f"{min(self.values)!r}. Expected categories, each in many rows: leave "
                "an identifier out (it tells nothing of new rows), merge rare values."
            )

    def describe(self):
        """Plain data."""
        values = sorted(self.values)
        return {"name": self.name, "kind": "categorical", "values": values}


class Numeric:
    """Mean and variance of a column of numbers, NaN left out."""

    def __init__(self, name):
        self.name, self.pending = name, []
        self.rows = self.count = self.infinite = 0
        self.mean = self.variance = 0.0
        self.low, self.high = np.inf, -np.inf

    def add(self, values):
        """Count in the next rows, float [N]."""
        values = values.astype("float64")
        waiting = sum(map(len, self.pending))
        while waiting + len(values) >= BLOCK_ROWS:
            self.pending.append(values[: BLOCK_ROWS - waiting])
            values, waiting = values[BLOCK_ROWS - waiting :], 0
            self._fold()
        self.pending.append(values)

    def _fold(self):
        """Join the pending rows with the earlier ones.

        Source: Chan, Golub and LeVeque, 1979, "Updating formulae and a pairwise
        algorithm for computing sample variances", equation 1.5.
        """
        values = np.concatenate(self.pending) if self.pending else np.zeros(0)
        self.pending, self.rows = [], self.rows + len(values)
        values = values[~np.isnan(values)]
        self.infinite += int(np.isinf(values).sum())
        if not len(values) or self.infinite:
            return
        new, mean, variance = len(values), float(values.mean()), float(values.var())
        total = self.count + new
        if self.count:
            delta = mean - self.mean
            variance = (self.count * self.variance + new * variance) / total
            variance += delta**2 * self.count * new / total**2
            mean = self.mean + delta * new / total
        self.mean, self.variance, self.count = mean, variance, total
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))

    def describe(self):
        """Plain data."""
        self._fold()
        if not self.count or self.infinite:
            raise ValueError(
                "a numeric column needs finite values in train. Received: "
                f"{self.name!r} with {self.count + self.infinite} values, "
                f"{self.infinite} of them infinite. Drop the "
                "column, or declare what stands for a missing value."
            )
        return {
            "name": self.name,
            "kind": "numeric",
            "mean": self.mean,
            # a constant column is left as x - mean, not divided by 0; its
            # computed variance may be 1e-34
            "variance": self.variance if self.low < self.high else 1.0,
            "missing": self.count < self.rows,
            "low": self.low,
            "high": self.high,
        }
