"""Plans of batches: a batch is a pure function of (lengths, batch size, seed, step).

There is no shuffle buffer, so a run can begin at any step and any number of hosts
agree. The last batch of a pass is padded with weight 0 to the same shape.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

WHOLE = 0, 1  # part 0 of 1


def rows_of(size, part):
    """The rows of one of several equal parts of a batch.

    Args:
        size: rows of the batch, a multiple of the number of parts.
        part: (its number, number of parts).

    Returns:
        slice.
    """
    number, count = part
    size //= count
    return slice(number * size, (number + 1) * size)


@dataclass(frozen=True)
class Plan:
    """Passes over N examples, each in another random order.

    Args:
        num_examples: N.
        batch_size: B, examples per step.
        seed: of the orders.
        devices: rows of padding make the batch a multiple of it.
        row_weights: float [N], how much each example counts, 1 on average; None: each
            as much as another.
    """

    num_examples: int
    batch_size: int
    seed: int
    devices: int = 1
    row_weights: np.ndarray | None = None

    @property
    def num_rows(self):
        """R, rows of a batch, padding included."""
        return self.batch_size + -self.batch_size % self.devices

    @property
    def steps_per_epoch(self):
        """Batches in one pass over the data."""
        return -(-self.num_examples // self.batch_size)

    @property
    def step_labels(self):
        """Labels of a batch, padding included."""
        return self.batch_size

    def order(self, epoch):
        """The order of the examples in pass `epoch`.  -> int64 [N]."""
        return _order(self.num_examples, self.seed, epoch)

    def batch(self, step, part=WHOLE):
        """The batch of one step.

        Args:
            step: int, counted over all passes.
            part: of the batch, see `rows_of`.

        Returns:
            (rows, weights): int32 [R], float32 [R], R = num_rows. Weights are
            1 / count for the real rows and 0 for padding, so they sum to one. Weights
            of rows multiply them: they sum to one in the mean over a pass.
        """
        rows, weights = self.batches(step, step + 1)
        own = rows_of(self.num_rows, part)
        return rows[0][own], weights[0][own]

    def batches(self, start, stop):
        """The batches of the steps start ... stop-1.

        Args:
            start, stop: int, counted over all passes.

        Returns:
            (rows, weights): int32 [steps, R], float32 [steps, R]; see `batch`.
        """
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
            # real rows as padding, since batch normalisation uses them
            padding = np.resize(order, self.num_rows - len(chosen))
            rows[i] = np.concatenate([chosen, padding])
            weights[i, : len(chosen)] = 1 / len(chosen)
            if self.row_weights is not None:
                weights[i, : len(chosen)] *= self.row_weights[chosen]
        return rows, weights


@lru_cache(maxsize=2)
def _order(num_examples, seed, epoch):
    return np.random.default_rng((seed, epoch)).permutation(num_examples)


@dataclass(frozen=True)
class Parts:
    """A plan whose batches are read in parts, one after the other.

    The optimizer averages the gradients of the parts. Weights are multiplied by the
    number of parts, so the average is the gradient of the whole step. This holds
    however its labels are spread over the parts.

    Args:
        plan: Plan, PackedPlan or BucketPlan, its rows a multiple of `count`.
        count: parts of a batch.
    """

    plan: object
    count: int

    @property
    def num_rows(self):
        """Rows of a part."""
        return self.plan.num_rows // self.count

    def batch(self, index, part=WHOLE):
        """The batch of part index % count of step index // count; or a part of it."""
        step, own = divmod(index, self.count)
        number, count = part
        inner = own * count + number, self.count * count
        *chosen, weights = self.plan.batch(step, inner)
        return *chosen, weights * np.float32(self.count)

    def batches(self, start, stop):
        """The batches of the parts start ... stop-1, stacked."""
        parts = [self.batch(index) for index in range(start, stop)]
        return tuple(map(np.stack, zip(*parts, strict=True)))


@dataclass(frozen=True)
class Share:
    """A plan of which one of several processes reads its part of each batch.

    The parts lie one after the other. So row i of the batch that the processes make
    together is row i of the plan, and gets the same random numbers as in one process.

    Args:
        plan: Plan, PackedPlan, BucketPlan or Parts, its rows a multiple of `count`.
        rank: of the process, 0 ... count-1.
        count: processes.
    """

    plan: object
    rank: int
    count: int

    def batch(self, step):
        """The rows of this process in the batch of one step."""
        return self.plan.batch(step, (self.rank, self.count))


class PackedPlan:
    """Passes over texts of any length, in windows of one length, almost unpadded.

    In each pass the texts are put end to end in random order, and cut into windows of
    C labels. The windows are read in random order. A pass has every label once; only
    its last window and its last batch are padded.

    Args:
        offsets: int64 [N + 1], of the texts' labels laid end to end.
        context: C, labels of a window.
        batch_size: B, windows of a batch.
        seed: of the orders.
        devices: rows of padding make the batch a multiple of it.
    """

    def __init__(self, offsets, context, batch_size, seed, devices=1):
        self.offsets, self.context = offsets, context
        self.batch_size, self.seed = batch_size, seed
        self.num_rows = batch_size + -batch_size % devices
        self.num_windows = -(-int(offsets[-1]) // context)
        self.pass_of = lru_cache(maxsize=2)(self._pass_of)

    @property
    def steps_per_epoch(self):
        """Batches in one pass over the data."""
        return -(-self.num_windows // self.batch_size)

    @property
    def step_labels(self):
        """Labels of a batch, padding included."""
        return self.batch_size * self.context

    def _pass_of(self, epoch):
        """The orders of pass `epoch`.

        Returns:
            (int64 [N], first label of each text in the order of the pass; int64 [N],
            the position of that label in the pass; int64 [windows], their order).
        """
        rng = np.random.default_rng((self.seed, epoch))
        texts = rng.permutation(len(self.offsets) - 1)
        lengths = np.diff(self.offsets)[texts]
        # texts laid end to end in the order of the pass; their tokens are not moved
        starts = np.cumsum(lengths) - lengths
        return self.offsets[texts], starts, rng.permutation(self.num_windows)

    def batch(self, step, part=WHOLE):
        """The batch of one step.

        Args:
            step: int, counted over all passes.
            part: of the batch, see `rows_of`.

        Returns:
            (places, weights): int64 [R, C], R = num_rows, positions of labels in the
            array, 0 for padding; float32 [R, C], 1 / count for real labels, 0 for
            padding.
        """
        epoch, number = divmod(step, self.steps_per_epoch)
        firsts, starts, order = self.pass_of(epoch)
        first = number * self.batch_size
        # the window after the last is all padding
        windows = np.full(self.num_rows, self.num_windows)
        chosen = order[first : first + self.batch_size]
        windows[: len(chosen)] = chosen
        # real labels of the whole batch: all but the last window of a pass are full
        total = np.clip(
            self.offsets[-1] - windows * self.context, 0, self.context
        ).sum()
        windows = windows[rows_of(self.num_rows, part)]
        # position in the pass -> its text -> position in the array, all [R, C]
        place = windows[:, None] * self.context + np.arange(self.context)
        real = place < self.offsets[-1]
        text = np.searchsorted(starts, place, side="right") - 1
        places = np.where(real, firsts[text] + place - starts[text], 0)
        return places, (real / total).astype("float32")
