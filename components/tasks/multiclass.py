"""Multiclass labels: Y = {y_1 ... y_K}, one score per label, P their softmax."""

import numpy as np

from phistar.components.tasks.softmax import Softmax


class Multiclass(Softmax):
    """P(y | x) = softmax over y of s(y | x).

    Args:
        space: the `LabelSpace`, K names.
    """

    losses = ("cross_entropy",)

    def measure(self, network, inputs, labels, loss, weights=None):
        """ln P of each label.  -> (float [N], 1)."""
        return np.asarray(self.log_prob(network.logits(inputs), labels)), 1.0
