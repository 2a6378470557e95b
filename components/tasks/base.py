"""The base of every task: a distribution P(y | x) over a label space, a decision."""

import abc

from keras import ops

from phistar.components.data.batches.passes import Plan


class Task(abc.ABC):
    """One label space, its P and its decision.

    Subclasses are final. Arrays may be NumPy's or the backend's; everything is
    written in `keras.ops`, so the same lines train, evaluate and are exported.

    Args:
        space: the `LabelSpace`, or None before the data are known.
    """

    # literals, since the config reads them without importing this
    losses = ()  # names legal for `train.loss`
    counted_by = "examples"  # what a step counts: examples, windows or tokens

    def __init__(self, space=None):
        self.space = space

    @property
    @abc.abstractmethod
    def num_outputs(self):
        """Width of the head: 1 score, or K logits."""

    @abc.abstractmethod
    def example_loss(self, logits, labels, loss, label_smoothing):
        """The training loss of each label.  -> float [...], without the last axis."""

    @abc.abstractmethod
    def log_probs(self, logits):
        """ln P(y | x) for every y, in the order of `space.names`.  [..., K] -> same."""

    @abc.abstractmethod
    def log_prob(self, logits, labels):
        """ln P(y | x) of `labels`, which hold values.  -> float [...], nats."""

    @abc.abstractmethod
    def predict(self, logits):
        """The decision, a position in `space.names`.  -> int [...]."""

    def plan(self, inputs, labels, network, batch_size, batch_tokens, seed, devices=1):
        """The plan of training's batches: passes over the examples.

        Args:
            inputs, labels: as `Dataset.split` gives them.
            network: Network.
            batch_size: examples or windows of a step.
            batch_tokens: tokens of a step, if `counted_by` them; else None.
            seed: of the order.
            devices: that split each batch evenly.

        Returns:
            Plan; of texts PackedPlan or BucketPlan.

        Raises:
            ValueError: `batch_tokens` of a task that is not counted by tokens, or none.
        """
        self.require_unit(batch_tokens)
        return Plan(len(labels), batch_size, seed, devices)

    @abc.abstractmethod
    def measure(self, network, inputs, labels, loss, weights=None):
        """ln P(y | x) of all labels of a split, under a fitted scale if there is one.

        Args:
            network: Network.
            inputs, labels: as `Dataset.split` gives them.
            loss: one of `losses`; a likelihood leaves the scale at 1.
            weights: float [N], how much each row counts for the scale; None: each as
                much as another.

        Returns:
            (float [number of labels], nats; float, the scale).
        """

    def require_unit(self, batch_tokens):
        """Refuse a step that is not given in the unit of this task, `counted_by`.

        Args:
            batch_tokens: tokens of a step, or None.

        Raises:
            ValueError: tokens where they are not counted, or none where they are.
        """
        if (batch_tokens is None) == (self.counted_by == "tokens"):
            raise ValueError(
                f"a step of this task is counted by its {self.counted_by}. Received: "
                f"train.batch_tokens={batch_tokens} for the task "
                f"{type(self).__name__.lower()}. Give train.batch_tokens, like 4096, "
                "to count tokens, else train.batch_size."
            )

    def loss(self, features, head, labels, weights, loss, label_smoothing=0.0):
        """Sum over the batch of weight x loss.

        The loss gets features and head, not logits, so that a loss may avoid
        building logits when B K is large.

        Args:
            features: float [..., D]; `...` is [B], of texts [B, T].
            head: the network's linear head, [..., D] -> float32 [..., num_outputs].
            labels: int [...], values of the label space.
            weights: float [...], 0 for padding; they sum to one over a whole step,
                so that the result is that step's mean.
            loss: one of `losses`.
            label_smoothing: eps of `cross_entropy`.

        Returns:
            float [], nats (hinge: dimensionless).
        """
        losses = self.example_loss(head(features), labels, loss, label_smoothing)
        return ops.sum(weights * losses)
