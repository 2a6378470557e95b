"""Multiclass labels: Y = {y_1 ... y_K}, one score per label, P their softmax."""

import numpy as np
from keras import ops

from components.data.batches import Plan
from components.losses import cross_entropy, log_partition, log_prob
from components.metrics import accuracy, top_accuracy
from components.reports import labels as labels_report
from components.tasks.base import Task


class Multiclass(Task):
    """P(y | x) = softmax over y of s(y | x).

    Args:
        space: the `LabelSpace`, K names.
    """

    losses = ("cross_entropy",)

    @property
    def num_outputs(self):
        """K logits."""
        return self.space.size

    def example_loss(self, logits, labels, loss, label_smoothing=0.0):
        """`cross_entropy` with eps / K smoothing, nats.  -> float [B]."""
        if loss != "cross_entropy":
            raise ValueError(
                "not a loss on K logits. "
                f"Received: {loss!r}. Expected one of {self.losses}."
            )
        return cross_entropy(logits, labels, label_smoothing)

    def log_probs(self, logits):
        """ln P(y | x) for every y.  [B, K] -> float [B, K], nats."""
        return logits - log_partition(logits)[..., None]

    def log_prob(self, logits, labels):
        """ln P(y | x) = s(y | x) - ln Z.  [B, K], int [B] -> float [B], nats."""
        return log_prob(logits, labels)

    def predict(self, logits):
        """argmax_y s(y | x).  [B, K] -> int32 [B]."""
        return ops.cast(ops.argmax(logits, axis=-1), "int32")

    def metrics(self, logits, labels):
        """Accuracy (with interval) and, for K > 5, top-5.  -> dict of float."""
        logits = np.asarray(logits)
        result = accuracy(logits.argmax(axis=-1) == labels)
        if self.space.size > 5:
            result["top5"] = top_accuracy(logits, labels, 5)
        return result

    def plan(self, labels, network, batch_size, seed, devices=1):
        """Passes over the examples.  -> Plan."""
        return Plan(len(labels), batch_size, seed, devices)

    def measure(self, network, inputs, labels, loss):
        """ln P of each label.  -> (float [N], 1)."""
        return np.asarray(self.log_prob(network.logits(inputs), labels)), 1.0

    def report(self, data, network, scale, encoder, *, num_bins):
        """Metrics, golden answers and figures.  -> Report."""
        return labels_report.report(self, data, network, scale, encoder, num_bins)

    def figures(self, logits, labels):
        """None of its own.  -> {}."""
        return {}

    def server(self, encoder, network, scale):
        """The SavedModel's signatures.  -> tf.Module."""
        from components.serving.labels import Server

        return Server(self, encoder, network, scale)
