"""Multiclass labels: Y = {y_1 ... y_K}, one score per label, P their softmax."""

import numpy as np

from components.data.batches.passes import Plan
from components.tasks.softmax import Softmax


class Multiclass(Softmax):
    """P(y | x) = softmax over y of s(y | x).

    Args:
        space: the `LabelSpace`, K names.
    """

    losses = ("cross_entropy",)

    def plan(self, inputs, labels, network, batch_size, batch_tokens, seed, devices=1):
        """Passes over the examples.  -> Plan."""
        self.require_unit(batch_tokens)
        return Plan(len(labels), batch_size, seed, devices)

    def measure(self, network, inputs, labels, loss):
        """ln P of each label.  -> (float [N], 1)."""
        return np.asarray(self.log_prob(network.logits(inputs), labels)), 1.0
