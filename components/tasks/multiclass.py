"""Multiclass labels: Y = {y_1 ... y_K}, one score per label, P their softmax."""

import numpy as np

from components.data.batches.passes import Plan
from components.metrics import accuracy, top_accuracy
from components.reports import labels as labels_report
from components.tasks.softmax import Softmax


class Multiclass(Softmax):
    """P(y | x) = softmax over y of s(y | x).

    Args:
        space: the `LabelSpace`, K names.
    """

    losses = ("cross_entropy",)

    def metrics(self, logits, labels):
        """Accuracy (with interval) and, for K > 5, top-5.  -> dict of float."""
        logits = np.asarray(logits)
        result = accuracy(logits.argmax(axis=-1) == labels)
        if self.space.size > 5:
            result["top5"] = top_accuracy(logits, labels, 5)
        return result

    def plan(self, inputs, labels, network, batch_size, batch_tokens, seed, devices=1):
        """Passes over the examples.  -> Plan."""
        self.refuse_batch_tokens(batch_tokens)
        return Plan(len(labels), batch_size, seed, devices)

    def measure(self, network, inputs, labels, loss):
        """ln P of each label.  -> (float [N], 1)."""
        return np.asarray(self.log_prob(network.logits(inputs), labels)), 1.0

    def report(self, data, network, scale, encoder, *, num_bins, **_):
        """Metrics, golden answers and figures.  -> Report."""
        return labels_report.report(self, data, network, scale, encoder, num_bins)

    def figures(self, logits, labels):
        """None of its own.  -> {}."""
        return {}

    def server(self, encoder, network, scale, decoding=None):
        """The SavedModel's signatures.  -> tf.Module."""
        from components.serving.labels import Server

        return Server(self, encoder, network, scale)
