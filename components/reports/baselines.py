"""Models to compare with: two that do not read x, and logistic regression.

Each gives -ln P of the same examples of test, so that differences can be paired.
"""

import math
import warnings

import numpy as np

from phistar.components.reports.base import Baseline

MAX_ROWS = 20_000  # of train, that logistic regression reads
MAX_WORK = 2 * 10**8  # rows x inputs x labels: a few seconds on one core
MAX_SIDE = 32  # pixels
ITERATIONS = 60
PART = 1024  # rows that are read at once


def floors(index, counts, names):
    """Uniform and prior, the two that do not read x, for labels that are names.

    The prior decides for the most frequent label of train: a majority vote.

    Args:
        index: int [N], labels of test, positions in `names`.
        counts: int [K], occurrences of each label in train.
        names: K names.

    Returns:
        list of Baseline.
    """
    share = np.asarray(counts, "float64") / np.sum(counts)
    often = int(np.argmax(share))
    vote = f"decides for the most frequent label of train, {names[often]!r}"
    return [
        Baseline("prior", -np.log(share[index]), index == often, note=vote),
        Baseline("uniform", np.full(len(index), math.log(len(names)))),
    ]


def token_floors(texts, train_counts, total):
    """Uniform and prior of tokens; one is added to each count, as in `metrics`.

    Args:
        texts: Ragged, the tokens of test.
        train_counts: int [V], occurrences of each token in train.
        total: function of (ln P of each token, Ragged) -> -ln P of each text.

    Returns:
        list of Baseline.
    """
    counts = np.asarray(train_counts, "float64") + 1
    log_share = np.log(counts / counts.sum())
    uniform = texts.lengths * math.log(len(counts))
    return [
        Baseline("prior", total(log_share[np.asarray(texts.tokens)], texts)),
        Baseline("uniform", uniform),
    ]


def logistic_regression(train, scored, counts, weights=None):
    """Multinomial logistic regression on what the network reads.

    P is (n P_lr + share of train) / (n + 1) of n rows read: a label that those rows
    lack has P > 0.

    Args:
        train: (inputs [N, ...], positions of the labels int [N]); pixels uint8.
        scored: the same of the rows to score.
        counts: [K], occurrences of each label in train, weighted if rows are.
        weights: float [N] of train, how much each row counts, or None.

    Returns:
        list of Baseline: one, or none if the rows that can be read are too few.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    inputs, index = train
    width = flat(inputs[:1]).shape[1]
    most = min(MAX_ROWS, MAX_WORK // (width * len(counts)))
    rows = sample(len(index), most)
    found = index[rows]
    if len(rows) < 2 * len(counts) or len(np.unique(found)) < 2:
        return []
    model = LogisticRegression(max_iter=ITERATIONS)
    # threads cost more than they save here, and their number would change the result
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stopping early is what bounds the time
        read = np.concatenate([flat(inputs[part]) for part in parts(rows)])
        model.fit(read, found, None if weights is None else weights[rows])
    given, labels = scored
    own = np.zeros((len(labels), len(counts)))  # [N, K]
    for part in parts(np.arange(len(own))):
        own[np.ix_(part, model.classes_)] = model.predict_proba(flat(given[part]))
    share = np.asarray(counts, "float64") / np.sum(counts)
    mixed = (len(rows) * own + share) / (len(rows) + 1)
    nll = -np.log(mixed[np.arange(len(own)), labels])
    note = f"scikit-learn's, fitted to {len(rows):,} of {len(index):,} rows of train"
    correct = own.argmax(axis=1) == labels
    return [Baseline("logistic regression", nll, correct, True, note)]


def sample(total, most):
    """Some rows, ascending, always the same ones.  -> int [min(total, most)]"""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(0).choice(total, most, replace=False))


def parts(rows):
    """Rows in parts, since images as floats take four times their bytes."""
    return [rows[start : start + PART] for start in range(0, len(rows), PART)]


def flat(inputs):
    """Rows of numbers as they are; images as means of squares, 32 pixels a side.

    Args:
        inputs: float [n, D], or uint8 [n, H, W, C].

    Returns:
        float32 [n, features]; pixels are 0 ... 1.
    """
    if inputs.ndim != 4:
        return np.asarray(inputs).reshape(len(inputs), -1)
    size = math.ceil(max(inputs.shape[1:3]) / MAX_SIDE)
    height, width = (side // size * size for side in inputs.shape[1:3])
    cut = np.asarray(inputs)[:, :height, :width].astype("float32") / 255
    squares = cut.reshape(len(cut), height // size, size, width // size, size, -1)
    return squares.mean(axis=(2, 4)).reshape(len(cut), -1)
