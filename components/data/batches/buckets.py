"""Sentence pairs of similar lengths, put together in batches of a few shapes.

    lengths ->  at most 64 buckets, each with one shape (R rows, S, T)
    a pass  ->  the pairs of each bucket in an order of their own, cut evenly into
                batches; all batches in an order of their own

A batch has at most `batch_tokens` positions on either side, R max(S, T), padding
included. Only a pair that is longer than that, and alone (or with as many others as
there are devices), goes beyond it.

Which pairs share a bucket depends on their lengths alone, not on the pass. So every
pass has the same number of batches, of the same shapes: what step k reads is found by
one division, and few shapes are compiled.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# Of 27,578 English-German pairs of software help (20 tokens a side), with 4096 tokens a
# batch, 6.4 % of the positions are padding; 10 % with 32 shapes, 16 % with 16.
SHAPES = 64


@dataclass(frozen=True)
class Buckets:
    """Which pairs are padded to which shape.

    Args:
        number: int64 [N], the bucket of each pair.
        source_widths, target_widths: int64 [K], S and T of each bucket's batches.
        num_pairs, num_batches, num_rows: int64 [K]; of a bucket, and R of a batch.
    """

    number: np.ndarray
    source_widths: np.ndarray
    target_widths: np.ndarray
    num_pairs: np.ndarray
    num_batches: np.ndarray
    num_rows: np.ndarray

    @classmethod
    def of(cls, source_lengths, target_lengths, batch_tokens, devices=1):
        """The buckets that waste little.

        All pairs are one bucket at first. The bucket whose best cut, at a length of
        one side, saves most is cut in two, until nothing is saved, or there are SHAPES.

        Args:
            source_lengths, target_lengths: int [N], tokens.
            batch_tokens: positions of either side of a batch, at most.
            devices: rows are a multiple of it.

        Returns:
            Buckets.
        """
        lengths = np.stack([source_lengths, target_lengths]).astype("int64")
        # pairs with the same two lengths stay together
        base = int(lengths[1].max()) + 1
        kinds, kind, counts = np.unique(
            lengths[0] * base + lengths[1], return_inverse=True, return_counts=True
        )
        kinds = np.stack(np.divmod(kinds, base))

        def cost(num_pairs, source, target):
            """Positions; a batch more costs as much as a tenth of a full one."""
            batches, rows = _spread(num_pairs, source, target, batch_tokens, devices)
            return batches * (rows * (source + target) + 2 * batch_tokens // 10)

        parts = [np.arange(len(counts))]
        cuts = [_best_cut(kinds, counts, cost)]
        while len(parts) < SHAPES and max(saved for saved, _ in cuts) > 0:
            best = max(range(len(cuts)), key=lambda i: cuts[i][0])
            (_, left), part = cuts.pop(best), parts.pop(best)
            for half in (part[left], part[~left]):
                parts.append(half)
                cuts.append(_best_cut(kinds[:, half], counts[half], cost))
        of_kind = np.empty(len(counts), "int64")
        for i, part in enumerate(parts):
            of_kind[part] = i
        sources, targets = np.array([kinds[:, part].max(axis=1) for part in parts]).T
        num_pairs = np.array([counts[part].sum() for part in parts])
        batches, rows = _spread(num_pairs, sources, targets, batch_tokens, devices)
        return cls(of_kind[kind], sources, targets, num_pairs, batches, rows)

    @property
    def cuts(self):
        """Where the batches begin and end, the pairs being sorted by bucket.

        Returns:
            (bucket, start, stop), int64 [batches of a pass] each. A bucket's batches
            differ by one pair at most.
        """
        bucket = np.repeat(np.arange(len(self.num_pairs)), self.num_batches)
        before = np.cumsum(self.num_batches) - self.num_batches
        number = np.arange(len(bucket)) - before[bucket]  # of the batch in its bucket
        first = np.cumsum(self.num_pairs) - self.num_pairs
        start = number * self.num_pairs[bucket] // self.num_batches[bucket]
        start += first[bucket]
        return bucket, start, np.append(start[1:], len(self.number))


def _spread(num_pairs, source, target, batch_tokens, devices):
    """(batches, rows of each) that hold a bucket's pairs.

    As few batches as the budget allows, all with the same rows: hardly one is padding.
    """
    most = np.maximum(batch_tokens // np.maximum(source, target) // devices, 1)
    batches = -(-num_pairs // (most * devices))
    rows = -(-num_pairs // batches)
    return batches, -(-rows // devices) * devices


def _best_cut(kinds, counts, cost):
    """The cut of a bucket in two that saves most.

    Args:
        kinds: int64 [2, M], lengths of either side.
        counts: int64 [M], pairs that have them.
        cost: function of (pairs, source, target).

    Returns:
        (what is saved, 0 without a cut; bool [M], which are in the shorter half).
    """
    whole, best = cost(counts.sum(), *kinds.max(axis=1)), (0, None)
    for side in (0, 1):
        order = np.argsort(kinds[side], kind="stable")
        longest = np.maximum.accumulate(kinds[:, order], axis=1)[:, :-1]  # of the left
        flipped = np.maximum.accumulate(kinds[:, order[::-1]], axis=1)
        left = np.cumsum(counts[order])[:-1]
        saved = whole - cost(left, *longest)
        saved -= cost(counts.sum() - left, *flipped[:, -2::-1])
        length = kinds[side, order]
        saved[length[1:] == length[:-1]] = 0  # one length stays together
        if len(saved) and saved.max() > best[0]:
            cut = saved.argmax()
            best = (int(saved[cut]), kinds[side] <= length[cut])
    return best


class BucketPlan:
    """Passes over sentence pairs, in batches of similar lengths.

    Args:
        source_lengths, target_lengths: int [N], tokens of each sentence and its EOS.
        batch_tokens: positions of either side of a batch, padding included.
        seed: of the orders.
        devices: rows of a batch are a multiple of it.
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
    def padding(self):
        """The share of a pass's positions that are padding.

        Returns:
            dict: "source", "target" and "both" -> float.
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
        """(the pairs by bucket, at random in it; the order of the batches)."""
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.buckets.number))
        order = order[np.argsort(self.buckets.number[order], kind="stable")]
        return order, rng.permutation(self.steps_per_epoch)

    def batch(self, step):
        """What step `step` reads.

        Returns:
            (int64 [R, S], int64 [R, T], float32 [R, T]): places of source tokens, and
            of labels, in their arrays, padding being the place of a sentence's EOS;
            weights, 1 / count for real labels, 0 for padding.
        """
        epoch, number = divmod(step, self.steps_per_epoch)
        order, batches = self.pass_of(epoch)
        bucket, start, stop = (part[batches[number]] for part in self.cuts)
        rows = order[start:stop]
        padded = np.resize(rows, self.buckets.num_rows[bucket])  # repeats the first
        sources = places(
            self.source_offsets, padded, self.buckets.source_widths[bucket]
        )
        labels = places(self.target_offsets, padded, self.buckets.target_widths[bucket])
        length = np.diff(self.target_offsets)[padded]
        real = np.arange(labels.shape[1]) < length[:, None]
        real[len(rows) :] = False
        return sources, labels, (real / real.sum()).astype("float32")


def places(offsets, rows, width):
    """Where the tokens of sentences stand; the place of the EOS, 0, is the padding.

    Args:
        offsets: int64 [N + 1], of sentences laid end to end, each ended by EOS.
        rows: int [R], which sentences.
        width: T, at least the longest of them.

    Returns:
        int64 [R, T].
    """
    place = offsets[rows, None] + np.arange(width)
    return np.minimum(place, offsets[rows + 1, None] - 1)


def length_batches(source_lengths, target_lengths, batch_tokens):
    """Batches of similar lengths without a plan, to score or decode: each pair once.

    Args:
        source_lengths, target_lengths: int [N]; what is decoded has no target: give
            the source's, or a bound.
        batch_tokens: positions of either side of a batch, at most.

    Yields:
        (int64 [n], (R, S, T)): pairs, shorter ones first, and the shape to pad their
        batch to, n <= R; there are at most 64 shapes.
    """
    if not len(source_lengths):
        return
    found = Buckets.of(source_lengths, target_lengths, batch_tokens)
    order = np.argsort(found.number, kind="stable")
    batches = list(zip(*found.cuts, strict=True))
    for k, start, stop in sorted(
        batches,
        key=lambda batch: (
            found.target_widths[batch[0]],
            found.source_widths[batch[0]],
        ),
    ):
        shape = found.num_rows[k], found.source_widths[k], found.target_widths[k]
        yield order[start:stop], tuple(int(size) for size in shape)
