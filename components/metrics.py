"""Metrics of a whole split: totals and counts, divided once.

Source: Wilson, 1927 (the interval of a proportion); Guo et al., 2017,
arXiv:1706.04599 (expected calibration error).
"""

import math

import numpy as np

Z_95 = 1.959964  # two-sided 95 % quantile of the normal distribution


def mean(values, weights=None):
    """Mean over examples.

    Args:
        values: float [N].
        weights: float [N], how much each example counts; None: each as much as another.

    Returns:
        float.
    """
    if weights is None:
        return np.asarray(values).sum(dtype="float64") / len(values)
    return float(np.average(np.asarray(values, "float64"), weights=weights))


def size(weights):
    """Number of equal examples whose mean is as exact as the weighted one.

    Args:
        weights: float [N].

    Returns:
        float, (sum of weights)^2 / sum of their squares, at most N.

    Source: Kish, 1965, "Survey Sampling", section 11.7.
    """
    weights = np.asarray(weights, "float64")
    return float(weights.sum() ** 2 / (weights**2).sum())


def nll(log_prob, weights=None):
    """Mean -ln P(y | x) with its 95 % interval (normal, from the standard error).

    Args:
        log_prob: float [N], nats.
        weights: float [N] or None, see `mean`; the mean is then a `ratio` of sums.

    Returns:
        dict: nll, nll_low, nll_high (nats per label), bits, n.
    """
    losses, n = -np.asarray(log_prob, dtype="float64"), len(log_prob)
    if weights is not None:
        average, error = ratio(losses * weights, np.asarray(weights))
        error = 0.0 if math.isnan(error) else error
        return {**interval(average, error), "n": n}
    error = losses.std(ddof=1) / math.sqrt(n) if n > 1 else 0.0
    return {**interval(losses.sum() / n, error), "n": n}


def interval(mean, error):
    """A mean -ln P in nats and bits, with its 95 % interval.

    Args:
        mean, error: float, the mean and its standard error, nats.

    Returns:
        dict: nll, nll_low, nll_high (nats), bits.
    """
    return {
        "nll": mean,
        "nll_low": max(0.0, mean - Z_95 * error),
        "nll_high": mean + Z_95 * error,
        "bits": mean / math.log(2),
    }


def floors(label_index, train_counts, weights=None):
    """Mean -ln P of the two models that do not read x: uniform and prior.

    Args:
        label_index: int [N], in 0 ... K-1, the labels scored.
        train_counts: [K], occurrences of each label in train, weighted if rows are.
        weights: float [N] or None, see `mean`.

    Returns:
        dict: nll_uniform = ln K, and nll_prior, the mean -ln of the label's share
        of train (its entropy, if both splits have the same shares). Nats.
    """
    counts = np.asarray(train_counts, dtype="float64")
    log_share = np.log(counts / counts.sum())
    return {
        "nll_uniform": math.log(len(counts)),
        "nll_prior": -mean(log_share[label_index], weights),
    }


def entropy(log_probs, weights=None):
    """Mean entropy of P(y | x): what its answers cost if P is right.

    Args:
        log_probs: float [N, K], nats.
        weights: float [N] or None, see `mean`.

    Returns:
        float, nats per label, in 0 ... ln K.
    """
    log_probs = np.asarray(log_probs, dtype="float64")
    if weights is None:
        return float(-(np.exp(log_probs) * log_probs).sum() / len(log_probs))
    return -mean((np.exp(log_probs) * log_probs).sum(axis=1), weights)


def accuracy(correct, weights=None):
    """Share of right decisions with its 95 % Wilson interval.

    Args:
        correct: bool [N].
        weights: float [N] or None, see `mean`; the interval is that of `size` examples.

    Returns:
        dict: accuracy, accuracy_low, accuracy_high, in 0 ... 1.
    """
    if weights is None:
        share, n = float(np.mean(correct)), len(correct)
    else:
        share, n = mean(correct, weights), size(weights)
    low, high = wilson(share, n)
    return {"accuracy": share, "accuracy_low": low, "accuracy_high": high}


def wilson(share, n):
    """The 95 % Wilson interval of a share of n.  -> (low, high), in 0 ... 1."""
    centre = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    spread = math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    half = Z_95 * spread / (1 + Z_95**2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def top_accuracy(logits, labels, k, weights=None):
    """Share of examples whose label is among the k largest logits.

    Args:
        logits: float [N, K].
        labels: int [N].
        k: int.
        weights: float [N] or None, see `mean`.

    Returns:
        float in 0 ... 1. Of equal logits, that of the lower label counts as larger.
    """
    top = np.argsort(-logits, axis=-1, kind="stable")[:, :k]
    found = (top == np.asarray(labels)[:, None]).any(axis=-1)
    return float(found.mean() if weights is None else mean(found, weights))


def auroc(score, labels, weights=None):
    """P(score of a positive > score of a negative); ties count half.

    Args:
        score: float [N].
        labels: int [N], -1 or +1.
        weights: float [N] or None, see `mean`.

    Returns:
        float in 0 ... 1; nan if only one of the labels occurs.
    """
    from sklearn.metrics import roc_auc_score

    if len(np.unique(labels)) < 2:
        return math.nan
    positive = np.asarray(labels) == 1
    return float(roc_auc_score(positive, score, sample_weight=weights))


def reliability(log_probs, label_index, num_bins, weights=None):
    """Confidence and accuracy in equal-width bins of the decision's probability.

    Args:
        log_probs: float [N, K], nats.
        label_index: int [N].
        num_bins: int; the bins divide 1/K ... 1, the range a confidence can have.
        weights: float [N] or None, see `mean`.

    Returns:
        (ece, rows): ece = sum over bins of n_bin / N |accuracy - confidence|, in
        0 ... 1, n_bin and N weighted. rows: list of (n, confidence, accuracy), empty
        bins left out.
    """
    log_probs = np.asarray(log_probs, dtype="float64")
    confidence = np.exp(log_probs.max(axis=-1))
    correct = log_probs.argmax(axis=-1) == label_index
    low = 1 / log_probs.shape[-1]
    position = (confidence - low) / (1 - low) * num_bins
    bins = np.clip(position.astype(int), 0, num_bins - 1)
    rows, ece = [], 0.0
    for b in range(num_bins):
        inside = bins == b
        own = None if weights is None else weights[inside]
        if inside.any() if own is None else own.sum() > 0:
            row = (
                inside.sum(),
                mean(confidence[inside], own),
                mean(correct[inside], own),
            )
            rows.append(tuple(float(value) for value in row))
            ece += mean(inside, weights) * abs(row[2] - row[1])
    return float(ece), rows


def fit_scale(margin, weights=None):
    """Scale a > 0 of P = 1 / (1 + e^(-a m)), fitted to margins.

    It is the most probable a under a standard normal prior on ln a: the minimum of the
    total -ln P plus (ln a)^2 / 2. The prior weighs about as much as one example. It
    keeps a finite where the margins separate the labels. (Platt's smoothed targets do
    so too, but cost 0.05 nats on 57 rows.) No offset: the sign of the margin decides.

    Args:
        margin: float [N], m = 2 y s(x).
        weights: float [N] or None, how much each counts, 1 on average.

    Returns:
        float, a.

    Source: the idea of a fitted sigmoid is Platt's, 1999.
    """
    from scipy.optimize import minimize_scalar

    margin = np.asarray(margin, "float64")
    weights = 1.0 if weights is None else weights

    def objective(log_scale):
        losses = np.logaddexp(0, -np.exp(log_scale) * margin)
        return (weights * losses).sum() + log_scale**2 / 2

    return math.exp(minimize_scalar(objective, bounds=(-10, 10), method="bounded").x)


def token_nll(log_prob, offsets, sizes):
    """Mean -ln P per token, with its 95 % interval, and bits per character and byte.

    The interval is that of a `ratio` of sums over texts, since tokens of one text are
    not independent.

    Args:
        log_prob: float [tokens], nats, EOS of each text included.
        offsets: int64 [N + 1]; text i has the tokens offsets[i] ... offsets[i + 1] - 1.
        sizes: int64 [N, 2], characters and bytes of each text as the data have it.

    Returns:
        dict: nll, nll_low, nll_high (nats per token), bits (per token), n (tokens),
        perplexity, bits_per_character, bits_per_byte.
    """
    lengths = np.diff(offsets)
    totals = -np.add.reduceat(np.asarray(log_prob, "float64"), offsets[:-1])
    count = lengths.sum()
    mean, error = ratio(totals, lengths)
    bits = totals.sum() / math.log(2)
    characters, num_bytes = np.maximum(sizes.sum(axis=0), 1)
    return {
        **interval(mean, 0.0 if math.isnan(error) else error),
        "n": int(count),
        "perplexity": math.exp(mean),
        "bits_per_character": bits / characters,
        "bits_per_byte": bits / num_bytes,
    }


def ratio(totals, counts):
    """Mean -ln P of the tokens of some texts, and its standard error.

    Args:
        totals: float [N], -ln P of the tokens of each text, nats.
        counts: int [N], how many they are.

    Returns:
        (mean, error), nats per token; the error of one text is nan.

    Source: Cochran, 1977, section 6.4 (a ratio of sums).
    """
    num_texts, count = len(totals), counts.sum()
    mean = totals.sum() / count
    if num_texts < 2:
        return mean, math.nan
    spread = ((totals - mean * counts) ** 2).sum() / (num_texts - 1)
    return mean, math.sqrt(num_texts * spread) / count


def token_floors(tokens, train_counts):
    """`floors` of tokens; one is added to each count, since train may lack a token.

    Args:
        tokens: int [N], in 0 ... V-1.
        train_counts: int [V], occurrences of each token in train.

    Returns:
        dict: nll_uniform and nll_prior, nats per token.
    """
    return floors(tokens, np.asarray(train_counts) + 1)
