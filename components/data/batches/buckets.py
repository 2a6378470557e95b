"""Sentence pairs of similar lengths, in batches of a few shapes.

    lengths ->  at most 64 buckets (JAX: 16), each with one shape (R rows, S, T)
    a pass  ->  the pairs of each bucket in random order, cut evenly into batches;
                all batches in random order

A batch has at most `batch_tokens` positions on either side, R max(S, T), padding
included. Only a batch of one row may have more, if its pair is long. Rows of weight 0
then make R a multiple of the devices.

The buckets depend on the lengths alone, not on the pass or the devices. So every pass
has the same number of batches, of the same shapes. The batch of step k is found by one
division, and few shapes are compiled.
"""

from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np

from phistar.components.data.batches.passes import WHOLE, rows_of

# Of 27,578 English-German pairs of software help (20 tokens a side), with 4096 tokens a
# batch, 6.4 % of the positions are padding; 10 % with 32 shapes, 16 % with 16. But JAX
# compiles a step for seconds, once for each shape.
SHAPES = {"tensorflow": 64, "jax": 16}


@dataclass(frozen=True)
class Buckets:
    """Groups of pairs that are padded to one shape.

    Args:
        number: int64 [N], the bucket of each pair, 0 ... K-1.
        source_widths, target_widths: int64 [K], S and T of each bucket's batches.
        num_pairs, num_batches: int64 [K], pairs and batches of each bucket.
        num_rows: int64 [K], R, rows of each batch of a bucket.
    """

    number: np.ndarray
    source_widths: np.ndarray
    target_widths: np.ndarray
    num_pairs: np.ndarray
    num_batches: np.ndarray
    num_rows: np.ndarray

    @classmethod
    def of(cls, source_lengths, target_lengths, batch_tokens, devices=1):
        """Find buckets with little padding, by a greedy search.

        All pairs are one bucket at first. A bucket can be cut in two at a length of one
        side. Each step makes the cut that saves most, until no cut saves anything or
        there are as many buckets as SHAPES allows.

        Args:
            source_lengths, target_lengths: int [N], tokens.
            batch_tokens: largest number of positions on either side of a batch.
            devices: the rows of a batch are a multiple of it.

        Returns:
            Buckets.
        """
        lengths = np.stack([source_lengths, target_lengths]).astype("int64")  # [2, N]
        # Pairs with the same two lengths stay together, so the search is over M kinds
        # of pairs in place of N pairs. One number for both lengths lets `unique` count.
        base = int(lengths[1].max()) + 1
        kinds, kind, counts = np.unique(
            lengths[0] * base + lengths[1], return_inverse=True, return_counts=True
        )
        kinds = np.stack(np.divmod(kinds, base))  # [M] -> [2, M]

        def cost(num_pairs, source, target):
            """Positions of a bucket; each batch costs a tenth of a full one on top."""
            batches, rows = _spread(num_pairs, source, target, batch_tokens)
            return batches * (rows * (source + target) + 2 * batch_tokens // 10)

        most = SHAPES[keras.backend.backend()]
        parts = [np.arange(len(counts))]  # the kinds of each bucket
        cuts = [_best_cut(kinds, counts, cost)]
        # only the two halves are searched again: the cuts of the others still hold
        while len(parts) < most and max(saved for saved, _ in cuts) > 0:
            best = max(range(len(cuts)), key=lambda i: cuts[i][0])
            (_, left), part = cuts.pop(best), parts.pop(best)
            for half in (part[left], part[~left]):
                parts.append(half)
                cuts.append(_best_cut(kinds[:, half], counts[half], cost))
        of_kind = np.empty(len(counts), "int64")  # [M], the bucket of each kind
        for i, part in enumerate(parts):
            of_kind[part] = i
        # a bucket is as wide as its longest sentence of either side
        sources, targets = np.array([kinds[:, part].max(axis=1) for part in parts]).T
        num_pairs = np.array([counts[part].sum() for part in parts])
        batches, rows = _spread(num_pairs, sources, targets, batch_tokens)
        # only now: which pairs meet in a batch must not depend on the devices
        rows += -rows % devices
        # [M] -> [N], from kinds to pairs
        return cls(of_kind[kind], sources, targets, num_pairs, batches, rows)

    @property
    def cuts(self):
        """Bounds of the batches, in the pairs sorted by bucket.

        Returns:
            (bucket, start, stop), int64 [batches of a pass] each. The sizes of a
            bucket's batches differ by one pair at most.
        """
        bucket = np.repeat(np.arange(len(self.num_pairs)), self.num_batches)
        before = np.cumsum(self.num_batches) - self.num_batches
        number = np.arange(len(bucket)) - before[bucket]  # of the batch in its bucket
        first = np.cumsum(self.num_pairs) - self.num_pairs
        # batch i of n begins at i / n of the bucket, rounded down: an even division
        start = number * self.num_pairs[bucket] // self.num_batches[bucket]
        start += first[bucket]
        return bucket, start, np.append(start[1:], len(self.number))


def _spread(num_pairs, source, target, batch_tokens):
    """(batches, rows of each) for a bucket's pairs.

    There are as few batches as the budget allows. All have the same number of rows, so
    few rows are padding.

    Args:
        num_pairs, source, target: int or int64 arrays: pairs of a bucket, S and T.
        batch_tokens: largest number of positions on either side of a batch.
    """
    # rows that the budget holds, at least one
    most = np.maximum(batch_tokens // np.maximum(source, target), 1)
    batches = -(-num_pairs // most)
    return batches, -(-num_pairs // batches)


def _best_cut(kinds, counts, cost):
    """The cut of a bucket in two that saves most.

    Args:
        kinds: int64 [2, M], lengths of source and target.
        counts: int64 [M], number of pairs with these lengths.
        cost: function of (pairs, source, target).

    Returns:
        (saved positions, 0 without a cut; mask bool [M] of the shorter half, or None).
    """
    whole, best = cost(counts.sum(), *kinds.max(axis=1)), (0, None)
    for side in (0, 1):
        order = np.argsort(kinds[side], kind="stable")
        # All M - 1 cuts at once: the widths of the left half are running maxima from
        # the front, those of the right half from the back.
        longest = np.maximum.accumulate(kinds[:, order], axis=1)[:, :-1]  # [2, M - 1]
        flipped = np.maximum.accumulate(kinds[:, order[::-1]], axis=1)
        left = np.cumsum(counts[order])[:-1]  # [M - 1], pairs of the left half
        saved = whole - cost(left, *longest)
        saved -= cost(counts.sum() - left, *flipped[:, -2::-1])
        length = kinds[side, order]
        # a cut is a threshold on the length: equal lengths cannot be divided
        saved[length[1:] == length[:-1]] = 0
        if len(saved) and saved.max() > best[0]:
            cut = saved.argmax()
            best = (int(saved[cut]), kinds[side] <= length[cut])
    return best


class BucketPlan:
    """Passes over sentence pairs, in batches of similar lengths.

    Args:
        source_lengths, target_lengths: int [N], tokens of each sentence and its EOS.
        batch_tokens: largest number of positions on either side of a batch, padding
            included, but for rows that the devices need.
        seed: of the random orders.
        devices: the rows of a batch are a multiple of it.
    """

    def __init__(self, source_lengths, target_lengths, batch_tokens, seed, devices=1):
        lengths = source_lengths, target_lengths
        self.buckets = Buckets.of(*lengths, batch_tokens, devices)
        self.source_offsets, self.target_offsets = (
            np.cumsum([0, *side], dtype="int64") for side in lengths
        )
        self.cuts, self.seed = self.buckets.cuts, seed
        self.pass_of = lru_cache(maxsize=2)(self._pass_of)

    @property
    def steps_per_epoch(self):
        """Batches in one pass over the data, the same in each."""
        return len(self.cuts[0])

    @property
    def step_labels(self):
        """Labels of the largest batch, padding included."""
        return int((self.buckets.num_rows * self.buckets.target_widths).max())

    @property
    def mean_rows(self):
        """Rows of a batch, padding included, in the mean over a pass."""
        rows = self.buckets.num_batches @ self.buckets.num_rows
        return round(rows / self.steps_per_epoch)

    @property
    def padding(self):
        """Share of a pass's positions that are padding.

        Returns:
            dict: "source", "target" and "both" -> float in 0 ... 1.
        """
        rows = self.buckets.num_batches * self.buckets.num_rows
        all_sources = int(rows @ self.buckets.source_widths)
        all_targets = int(rows @ self.buckets.target_widths)
        sources, targets = int(self.source_offsets[-1]), int(self.target_offsets[-1])
        return {
            "source": 1 - sources / all_sources,
            "target": 1 - targets / all_targets,
            "both": 1 - (sources + targets) / (all_sources + all_targets),
        }

    def _pass_of(self, epoch):
        """The orders of pass `epoch`.

        Returns:
            (int [N], the pairs by bucket, in random order within it; int [batches of a
            pass], the random order of the batches).
        """
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.buckets.number))
        # a stable sort keeps the random order within each bucket
        order = order[np.argsort(self.buckets.number[order], kind="stable")]
        return order, rng.permutation(self.steps_per_epoch)

    def batch(self, step, part=WHOLE):
        """The batch of one step.

        Args:
            step: int, counted over all passes.
            part: of the batch, see `rows_of`.

        Returns:
            (sources, labels, weights), int64 [R, S], int64 [R, T], float32 [R, T].
            Sources and labels are positions in the arrays of tokens; padding has the
            position of the sentence's EOS. Weights are 1 / count for real labels, and
            0 for padding, so they sum to one.
        """
        epoch, number = divmod(step, self.steps_per_epoch)
        order, batches = self.pass_of(epoch)
        bucket, start, stop = (each[batches[number]] for each in self.cuts)
        rows = order[start:stop]
        # rows of padding repeat the first ones, with weight 0
        padded = np.resize(rows, self.buckets.num_rows[bucket])  # [R]
        own = rows_of(len(padded), part)
        padded, counts = padded[own], np.arange(len(padded))[own] < len(rows)
        source_width = self.buckets.source_widths[bucket]
        sources = places(self.source_offsets, padded, source_width)
        labels = places(self.target_offsets, padded, self.buckets.target_widths[bucket])
        lengths = np.diff(self.target_offsets)
        real = np.arange(labels.shape[1]) < lengths[padded, None]  # [R, T]
        real &= counts[:, None]
        return sources, labels, (real / lengths[rows].sum()).astype("float32")


def places(offsets, rows, width):
    """Positions of the tokens of sentences; padding has the position of the EOS, id 0.

    Args:
        offsets: int64 [N + 1], of sentences laid end to end, each ended by EOS.
        rows: int [R], numbers of sentences.
        width: T, at least the length of the longest of them.

    Returns:
        int64 [R, T].
    """
    place = offsets[rows, None] + np.arange(width)
    return np.minimum(place, offsets[rows + 1, None] - 1)


def length_batches(source_lengths, target_lengths, batch_tokens):
    """Batches of similar lengths for scoring or decoding: each pair once, no plan.

    Args:
        source_lengths, target_lengths: int [N]. To decode, where there is no target,
            pass the source's lengths or a bound.
        batch_tokens: largest number of positions on either side of a batch.

    Yields:
        (int64 [n], (R, S, T)): numbers of pairs, shorter ones first, and the shape to
        which their batch is padded, n <= R. There are few shapes, see SHAPES.
    """
    if not len(source_lengths):
        return
    found = Buckets.of(source_lengths, target_lengths, batch_tokens)
    order = np.argsort(found.number, kind="stable")
    widths = list(zip(found.target_widths, found.source_widths, strict=True))
    batches = zip(*found.cuts, strict=True)
    # by shape, so that batches of one shape follow each other
    for k, start, stop in sorted(batches, key=lambda batch: widths[batch[0]]):
        shape = found.num_rows[k], found.source_widths[k], found.target_widths[k]
        yield order[start:stop], tuple(int(size) for size in shape)
