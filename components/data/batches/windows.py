"""Windows over texts longer than the context: one protocol wherever P is computed.

The labels of a text are its tokens and EOS, numbered 0 ... n. With context C, stride S
and C - S kept:

    window 0     scores the labels 0 ... C-1 and reads from the beginning
    window k     scores the S labels from kS + C - S on, and reads from label kS on

Label t is scored in window

    k(t) = 0 if t < C, else (t - C) // S + 1.

It is given the tokens before it from kS - 1 on: at least C - S + 1 of them, at most C.
The window is a function of t alone. Hence the product over t is a distribution over
texts, and sampling token by token draws from it.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops


@dataclass(frozen=True)
class Windows:
    """The protocol for one context and stride.

    Args:
        context: C, tokens that are read at most.
        stride: S, 1 ... C, labels that each further window scores.
    """

    context: int
    stride: int

    @property
    def kept(self):
        """C - S, labels that a further window reads, but earlier windows scored."""
        return self.context - self.stride

    def describe(self):
        """The protocol in words."""
        return (
            f"windows of {self.context} tokens; each further one scores {self.stride} "
            f"and reads the {self.kept} before them again"
        )

    def start(self, label):
        """First label of the window that scores `label`: k(t) S.

        Args:
            label: int tensor, t.

        Returns:
            int tensor of the same shape.
        """
        further = (label - self.context) // self.stride + 1  # 0 or less if t < C
        return self.stride * ops.maximum(further, 0)

    def of(self, offsets):
        """The windows of all texts.

        Args:
            offsets: int64 [N + 1], of the texts' labels laid end to end.

        Returns:
            (starts, scored, stops), int64 [W] each. A window reads from the label
            `starts` on, and scores the labels from `scored` up to `stops`, not
            included.
        """
        lengths = np.diff(offsets)
        counts = 1 + np.maximum(0, -(-(lengths - self.context) // self.stride))
        first = np.repeat(np.cumsum(counts) - counts, counts)
        number = np.arange(counts.sum()) - first  # [W], k of each window in its text
        starts = np.repeat(offsets[:-1], counts) + number * self.stride
        scored = starts + np.where(number > 0, self.kept, 0)
        stops = np.minimum(starts + self.context, np.repeat(offsets[1:], counts))
        return starts, scored, stops
