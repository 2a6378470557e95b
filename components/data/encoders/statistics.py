"""Statistics of columns in one pass, whatever the pieces that they come in.

Numbers are folded in blocks of a fixed number of rows. So mean and variance of the same
rows are the same bits, in whatever pieces the rows come.
"""

from collections import Counter

import numpy as np

BLOCK_ROWS = 65536
MAX_VALUES = 10_000  # a category more would be a float32 more in every row
# Of a column with more values: each row has a float32 for each place, 4 KiB in all.
# 100,000 categories are then about 100 in a place.
HASH_PLACES = 1024
# A standard deviation must be so many steps of float32, else a column is wide.
STEPS = 1000


def describe(pieces, min_count=1):
    """Statistics of all columns, from which `Columns` is made.

    Args:
        pieces: iterable of dicts of name -> float [N] (NaN is missing) or str [N].
        min_count: rows that a category needs to be told from others.

    Returns:
        list of plain dicts, see Columns.

    Raises:
        ValueError: a column without values.
    """
    kinds = {}
    for raw in pieces:
        for name, values in raw.items():
            if name not in kinds:
                words = values.dtype.kind in "OUT"
                kinds[name] = Categorical(name) if words else Numeric(name)
            kinds[name].add(values)
    return [
        column.describe(min_count)
        if isinstance(column, Categorical)
        else column.describe()
        for column in kinds.values()
    ]


class Categorical:
    """The values of a column of words, each with its number of rows."""

    def __init__(self, name):
        self.name, self.counts = name, Counter()

    def add(self, values):
        """Count in the next rows, str [N]."""
        import pyarrow as pa

        # faster than to sort them
        pairs = pa.array(values.astype(object), pa.string()).value_counts()
        every, counts = pairs.field("values").to_pylist(), pairs.field("counts")
        self.counts.update(dict(zip(every, counts.to_pylist(), strict=True)))

    def describe(self, min_count):
        """Plain data; rare values are left to the place of those never seen."""
        values = sorted(v for v, count in self.counts.items() if count >= min_count)
        # how many values are left to one place, for a notice
        rare = len(self.counts) - len(values)
        if len(values) > MAX_VALUES:
            return {"name": self.name, "kind": "hashed", "places": HASH_PLACES}
        found = {"name": self.name, "kind": "categorical", "values": values}
        return found | ({"rare": rare} if rare else {})


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

    @property
    def wide(self):
        """True if float32 is coarse beside the standard deviation."""
        largest = np.float32(max(abs(self.low), abs(self.high)))
        deviation = np.sqrt(self.variance) if self.low < self.high else 1.0
        return bool(np.spacing(largest) * STEPS > deviation)

    def describe(self):
        """Plain data."""
        self._fold()
        if not self.count or self.infinite:
            raise ValueError(
                "a numeric column needs finite values in train. Received: "
                f"{self.name!r} with {self.count + self.infinite} values, "
                f"{self.infinite} of them infinite. Leave the column out "
                "(ingest.ignore), or say what stands for a missing value "
                "(ingest.missing)."
            )
        return {
            "name": self.name,
            "kind": "numeric",
            "mean": self.mean,
            # a constant column is left as x - mean, not divided by 0; its
            # computed variance may be 1e-34
            "variance": self.variance if self.low < self.high else 1.0,
            "missing": self.count < self.rows,
            "wide": self.wide,
            "low": self.low,
            "high": self.high,
        }
