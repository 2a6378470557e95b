"""What every task is: a distribution P(y | x) over a label space, and a decision."""

import abc

from keras import ops


class Task(abc.ABC):
    """One label space, its P, its decision, and what is reported about it.

    Subclasses are final. Arrays may be NumPy's or the backend's; everything is
    written in `keras.ops`, so the same lines train, evaluate and are exported.

    Args:
        space: the `LabelSpace`, or None as long as the data are not known.
    """

    losses = ()  # names legal for `train.loss`; a literal: the config reads it

    def __init__(self, space=None):
        self.space = space

    @property
    @abc.abstractmethod
    def num_outputs(self):
        """Width of the head: 1 score, or K logits."""

    @abc.abstractmethod
    def example_loss(self, logits, labels, loss, label_smoothing):
        """The training loss of each example.  -> float [B]."""

    @abc.abstractmethod
    def log_probs(self, logits):
        """ln P(y | x) for every y, in the order of `space.names`.  -> float [B, K]."""

    @abc.abstractmethod
    def log_prob(self, logits, labels):
        """ln P(y | x) of `labels`, which hold values.  -> float [B], nats."""

    @abc.abstractmethod
    def predict(self, logits):
        """The decision, a position in `space.names`.  -> int [B]."""

    @abc.abstractmethod
    def metrics(self, logits, labels):
        """What is reported besides nll.  NumPy -> dict of float."""

    def loss(self, features, head, labels, weights, loss, label_smoothing=0.0):
        """Sum over the batch of weight x loss.

        The loss gets features and head, not logits, so that a loss may avoid
        building logits when B K is large.

        Args:
            features: float [B, D].
            head: the network's linear head, [B, D] -> float32 [B, num_outputs].
            labels: int [B], values of the label space.
            weights: float [B], 0 for padding; they sum to one over a whole step,
                so that the result is that step's mean.
            loss: one of `losses`.
            label_smoothing: eps of `cross_entropy`.

        Returns:
            float [], nats (hinge: dimensionless).
        """
        losses = self.example_loss(head(features), labels, loss, label_smoothing)
        return ops.sum(weights * losses)
