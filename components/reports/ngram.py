"""An n-gram model, fitted by counting: a baseline of language models.

    P_n(w | h) = max(c(h w) - D_n, 0) / c(h)  +  D_n T(h) / c(h)  P_{n-1}(w | h')

h' is h without its oldest token, T(h) the number of different tokens seen after h, and
P_0 = 1 / V. In the highest order c counts n-grams. In a lower order it is the number of
different tokens seen before one. D_n = n_1 / (n_1 + 2 n_2), from the number of n-grams
counted once and twice. A context that train lacks is left out.

Source: interpolated Kneser-Ney smoothing; Chen and Goodman, 1999, section 3.
"""

import numpy as np

MAX_ORDER = 10
MAX_TOKENS = 10**7  # counted tokens of train: 80 MB a table while it is made


class NGram:
    """P(w | the n - 1 tokens before it in its text); EOS stands before the first.

    Args:
        num_labels: V.
        levels: list of `Level`, of the orders 1 ... n.
    """

    def __init__(self, num_labels, levels):
        self.num_labels, self.levels = num_labels, levels

    @property
    def order(self):
        """n."""
        return len(self.levels)

    def log_prob(self, texts):
        """ln P of every token of some texts.

        Args:
            texts: Ragged of tokens.

        Returns:
            float64 [tokens], nats.
        """
        share = np.full(len(texts.tokens), 1 / self.num_labels)
        for length, level in enumerate(self.levels, start=1):
            share = level.interpolate(grams(texts, length, self.num_labels), share)
        return np.log(share)


class Level:
    """Counts of one order.

    Args:
        keys: int64 [M], its n-grams, ascending; see `grams`.
        counts: int [M].
        num_labels: V.
    """

    def __init__(self, keys, counts, num_labels):
        self.keys, self.counts, self.num_labels = keys, counts, num_labels
        self.contexts, first = np.unique(keys // num_labels, return_index=True)
        self.totals = np.add.reduceat(counts, first)
        self.types = np.diff(first, append=len(keys))
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        self.discount = once / (once + 2 * twice) if once else 0.5

    def interpolate(self, keys, lower):
        """P of n-grams from P of the order below.  int64, float [N] -> float [N]."""
        context, known = find(self.contexts, keys // self.num_labels)
        gram, seen = find(self.keys, keys)
        counted = np.where(seen, self.counts[gram] - self.discount, 0)
        rest = self.discount * self.types[context]
        return np.where(known, (counted + rest * lower) / self.totals[context], lower)


def fit(train, valid, num_labels):
    """Count n-grams of train; choose the order by ln P of valid.

    Args:
        train, valid: Ragged of tokens; the first 10^7 of train are read.
        num_labels: V, EOS included.

    Returns:
        NGram.
    """
    train = train[: 1 + int(np.searchsorted(train.offsets[1:], MAX_TOKENS))]
    best, best_log_prob, lower = None, -np.inf, []
    for order in range(1, MAX_ORDER + 1):
        if num_labels**order >= 2**63:  # a key is one integer
            break
        keys, counts = np.unique(grams(train, order, num_labels), return_counts=True)
        if order > 1:
            below = np.unique(keys % num_labels ** (order - 1), return_counts=True)
            lower.append(Level(*below, num_labels))
        model = NGram(num_labels, [*lower, Level(keys, counts, num_labels)])
        log_prob = model.log_prob(valid).mean()
        if log_prob <= best_log_prob:  # higher orders only get worse
            break
        best, best_log_prob = model, log_prob
    return best


def grams(texts, order, num_labels):
    """Encode each token and those before it in its text as one integer.

    Args:
        texts: Ragged of tokens w.
        order: n.
        num_labels: V.

    Returns:
        int64 [tokens], the sum of w_{t-k} V^k over k < n; w is 0 before the beginning.
    """
    tokens = np.asarray(texts.tokens, "int64")
    place, keys = texts.places, tokens.copy()
    for k in range(1, order):
        inside = place[k:] >= k
        keys[k:] += np.where(inside, tokens[:-k] * num_labels**k, 0)
    return keys


def find(ascending, values):
    """Places of values.  -> (int [N], any if not found; bool [N], found)"""
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return place, ascending[place] == values
