"""Binary labels: Y = {-1, +1}, one score s(x), everything on m = 2 y s(x)."""

import numpy as np
from keras import ops

from phistar.components.losses import binary_log_prob, hinge
from phistar.components.metrics import fit_scale
from phistar.components.tasks.base import Task


class Binary(Task):
    """P(y | x) = softmax over y in {-1, +1} of y s(x) = 1 / (1 + e^-m).

    Args:
        space: the `LabelSpace`, (negative, positive).
        positive: the label that is +1.
    """

    losses = ("logistic", "hinge")

    def __init__(self, space=None, *, positive: str):
        super().__init__(space)
        self.positive = positive

    @property
    def num_outputs(self):
        """One score."""
        return 1

    def example_loss(self, logits, labels, loss, label_smoothing=0.0):
        """`logistic` ln(1 + e^-m), nats, or `hinge` max(0, 1 - m).  -> float [B]."""
        score = logits[..., 0]
        match loss:
            case "logistic":
                return -binary_log_prob(score, labels)
            case "hinge":
                return hinge(score, labels)
            case _:
                raise ValueError(
                    "not a loss on the margin. "
                    f"Received: {loss!r}. Expected one of {self.losses}."
                )

    def log_probs(self, logits):
        """(ln P(-1 | x), ln P(+1 | x)).  [B, 1] -> float [B, 2], nats."""
        score = logits[..., 0]
        ones = ops.ones_like(score)
        both = [binary_log_prob(score, labels) for labels in (-ones, ones)]
        return ops.stack(both, axis=-1)

    def log_prob(self, logits, labels):
        """ln P(y | x) = -ln(1 + e^-m).  [B, 1], int [B] -> float [B], nats."""
        return binary_log_prob(logits[..., 0], labels)

    def predict(self, logits):
        """+1 if s(x) >= 0 else -1, as a position: 1 or 0.  [B, 1] -> int32 [B]."""
        return ops.cast(logits[..., 0] >= 0, "int32")

    def measure(self, network, inputs, labels, loss, weights=None):
        """ln P of each label; hinge's scale is fitted.  -> (float [N], float)."""
        logits, labels, scale = network.logits(inputs), np.asarray(labels), 1.0
        if loss == "hinge":
            scale = fit_scale(2.0 * labels * logits[:, 0], weights)
        return np.asarray(self.log_prob(scale * logits, labels)), scale
