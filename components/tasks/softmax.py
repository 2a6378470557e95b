"""The shared part of the tasks whose P is one softmax over K logits."""

from keras import ops

from phistar.components import losses
from phistar.components.networks.transformer.layers import TiedHead
from phistar.components.tasks.base import Task


class Softmax(Task):
    """P(y) = softmax over y of s(y); of texts, one for each token.

    Args:
        space: the `LabelSpace`, K names.
    """

    @property
    def num_outputs(self):
        """K logits."""
        return self.space.size

    def example_loss(self, logits, labels, loss, label_smoothing=0.0):
        """`cross_entropy` with eps / K smoothing, nats.

        Args:
            logits: float [..., K].
            labels: int [...].
            loss: "cross_entropy".
            label_smoothing: eps.

        Returns:
            float [...].

        Raises:
            ValueError: if it is another loss.
        """
        if loss != "cross_entropy":
            raise ValueError(
                "not a loss on K logits. "
                f"Received: {loss!r}. Expected one of {self.losses}."
            )
        return losses.cross_entropy(logits, labels, label_smoothing)

    def loss(self, features, head, labels, weights, loss, label_smoothing=0.0):
        """Sum over the batch of weight x loss; see Task.

        Where there are more logits than features, their gradient is never in memory as
        a whole: the logits of 4,096 tokens over a V of 8,000 are 131 MB.
        """
        wide = isinstance(head, TiedHead) and head.is_wide
        if loss != "cross_entropy" or not wide:
            return super().loss(features, head, labels, weights, loss, label_smoothing)
        of_labels = losses.linear_cross_entropy(
            features, head.embeddings, labels, label_smoothing
        )
        return ops.sum(weights * of_labels)

    def log_probs(self, logits):
        """ln P(y) for every y.  [..., K] -> float [..., K], nats."""
        return logits - losses.log_partition(logits)[..., None]

    def log_prob(self, logits, labels):
        """ln P(y) = s(y) - ln Z.  [..., K], int [...] -> float [...], nats."""
        return losses.log_prob(logits, labels)

    def predict(self, logits):
        """argmax_y s(y).  [..., K] -> int32 [...]."""
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
