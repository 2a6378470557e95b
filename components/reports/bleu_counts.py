"""BLEU of parts of a split, from counts that add up, with intervals."""

import numpy as np
from sacrebleu.metrics import BLEU

DRAWS = 300  # of the bootstrap
ORDER = 4  # of the longest n-grams


def statistics(texts, references):
    """Counts of each pair, which add up to those of a corpus.

    Args:
        texts, references: lists of N str.

    Returns:
        int64 [N, 10]: matching n-grams of the orders 1 ... 4, all n-grams of them,
        length of the text, length of the reference.
    """
    bleu = BLEU()
    rows = []
    for text, reference in zip(texts, references, strict=True):
        one = bleu.corpus_score([text], [[reference]])
        rows.append([*one.counts, *one.totals, one.sys_len, one.ref_len])
    return np.array(rows, "int64")


def score(counts):
    """BLEU of summed counts, as sacreBLEU's defaults have it.  int [10] -> float."""
    *grams, length, reference = (int(count) for count in counts)
    smooth = {"smooth_method": "exp", "max_ngram_order": ORDER}
    return BLEU.compute_bleu(
        grams[:ORDER], grams[ORDER:], length, reference, **smooth
    ).score


def of_rows(texts, references):
    """BLEU of any rows with its 95 % interval, by the bootstrap over pairs.

    Args:
        texts, references: lists of N str.

    Returns:
        function of int [n], rows -> (BLEU, low, high).
    """
    counts = statistics(texts, references)

    def interval(rows):
        given = counts[rows]
        draws = np.random.default_rng(0).integers(len(given), size=(DRAWS, len(given)))
        scores = [score(given[draw].sum(axis=0)) for draw in draws]
        return score(given.sum(axis=0)), *np.quantile(scores, [0.025, 0.975])

    return interval
