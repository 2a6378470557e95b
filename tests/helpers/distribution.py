"""The distribution that `sample` draws from, on its own; and a test of counts."""

import numpy as np
from scipy.stats import chisquare


def truncated(log_probs, temperature, top_k, top_p):
    """P^(1/temperature) renormalised, cut to top_k labels, then to mass top_p.

    One label after the other, as the definition reads.  float [K] -> float64 [K].
    """
    weight = np.exp(np.asarray(log_probs, "float64") / temperature)
    best_first = sorted(range(len(weight)), key=lambda k: -weight[k])[:top_k]
    total, mass, result = sum(weight[k] for k in best_first), 0.0, np.zeros(len(weight))
    for k in best_first:
        if mass < top_p:
            result[k] = weight[k]
        mass += weight[k] / total
    return result / result.sum()


def assert_frequencies(drawn, expected):
    """Require that drawn labels are a sample of `expected`, by chi-squared.

    Args:
        drawn: int [N], from fixed seeds, so that the verdict never changes.
        expected: float [K]; a label of probability 0 must not be drawn.
    """
    counts = np.bincount(drawn, minlength=len(expected))
    assert not counts[expected == 0].any(), f"a cut label was drawn: {counts}"
    mean = expected * len(drawn)
    rare = mean < 5  # where the chi-squared law is not yet true: one cell of them all
    cells = [(counts[i], mean[i]) for i in np.flatnonzero(~rare)]
    if mean[rare].sum() > 0:
        cells.append((counts[rare].sum(), mean[rare].sum()))
    if len(cells) > 1:
        observed, wanted = np.array(cells).T
        p_value = chisquare(observed, wanted).pvalue
        assert p_value > 1e-3, f"p = {p_value:.2g}: drawn {counts}, expected {mean}"
