"""Which examples form which batch: a pure function of (N, batch size, seed, step).

Nothing is shuffled through a buffer, so a run can begin at any step and any number
of hosts agree. The last batch of a pass is padded with weight 0 to the same shape.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Plan:
    """Passes over N examples, each in an order of its own.

    Args:
        num_examples: N.
        batch_size: B, examples a step.
        seed: of the orders.
        devices: a batch gets more rows of padding until they can split it evenly.
    """

    num_examples: int
    batch_size: int
    seed: int
    devices: int = 1

    @property
    def num_rows(self):
        """Rows of a batch, padding included."""
        return self.batch_size + -self.batch_size % self.devices

    @property
    def steps_per_epoch(self):
        """Batches in one pass over the data."""
        return -(-self.num_examples // self.batch_size)

    def order(self, epoch):
        """The order of the examples in pass `epoch`.  -> int64 [N]."""
        return _order(self.num_examples, self.seed, epoch)

    def batch(self, step):
        """What step `step` reads.

        Returns:
            (rows, weights): int32 [R], float32 [R], R = num_rows. Weights are
            1 / count for the real rows and 0 for padding, so they sum to one.
        """
        rows, weights = self.batches(step, step + 1)
        return rows[0], weights[0]

    def batches(self, start, stop):
        """What the steps start ... stop-1 read.  -> int32, float32 [steps, R]."""
        steps = stop - start
        rows = np.zeros((steps, self.num_rows), dtype="int32")
        weights = np.zeros((steps, self.num_rows), dtype="float32")
        epoch, order = None, None
        for i, step in enumerate(range(start, stop)):
            if step // self.steps_per_epoch != epoch:
                epoch = step // self.steps_per_epoch
                order = self.order(epoch)
            first = step % self.steps_per_epoch * self.batch_size
            chosen = order[first : first + self.batch_size]
            # padded with the first rows of the pass: batch normalisation sees them
            padding = np.resize(order, self.num_rows - len(chosen))
            rows[i] = np.concatenate([chosen, padding])
            weights[i, : len(chosen)] = 1 / len(chosen)
        return rows, weights


@lru_cache(maxsize=2)
def _order(num_examples, seed, epoch):
    return np.random.default_rng((seed, epoch)).permutation(num_examples)
