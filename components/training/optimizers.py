"""The optimizers, and the table of them.

Each function returns the optimizer and its schedule: what is done to the learning
rate at a border of training, given all valid_nll so far.

    cosine    a half cosine from the start to 0 over the run; nothing at a border
              (Loshchilov and Hutter, 2016, arXiv:1608.03983, without restarts)
    inverse_sqrt   with the inverse square root of the step, after its warm-up
              (Vaswani et al., 2017, arXiv:1706.03762, equation 3)
    plateau   divided by 10 when valid_nll has stopped falling
              (Simonyan and Zisserman, 2014, arXiv:1409.1556, section 3.1)
"""

from typing import Annotated, Literal

import keras
from pydantic import Field

from components.training.schedules import by_step, cosine, plateaus, warmed

STEPS_AT_ONCE = 3  # of Muon's iteration

# Words in the names of variables: biases, normalisation, and a text's start.
NOT_DECAYED = ("bias", "gamma", "beta", "scale", "start")


def optimizer(name):
    """The function that makes the optimizer called `name`.

    Raises:
        ValueError: if there is none.
    """
    match name:
        case "adamw":
            return adamw
        case "muon":
            return muon
        case "sgd":
            return sgd
        case _:
            raise ValueError(
                f"no such optimizer. Received: {name!r}. "
                "Expected one of the cases in components/training/optimizers.py."
            )


def adamw(
    steps,
    parts=1,
    *,
    learning_rate: Annotated[float, Field(gt=0)] = 0.001,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
    schedule: Literal["cosine", "inverse_sqrt"] = "cosine",
    warmup_steps: Annotated[int, Field(ge=0)] = 0,
    beta_2: Annotated[float, Field(gt=0, lt=1)] = 0.999,
    clip_norm: Annotated[float, Field(gt=0)] | None = None,
):
    """AdamW: Adam with the decay of the weights kept apart from the gradient.

    Args:
        steps: int, length of the run.
        parts: int, gradients that are averaged in a step.
        learning_rate: the largest, at the first step after the warm-up.
        weight_decay: share of each kernel taken off a step, times the learning
            rate; biases and normalisation parameters are left alone.
        schedule: how the learning rate falls.
        warmup_steps: steps in which it rises from 0, at most half of the run.
        beta_2: how slowly the mean of the squared gradients moves.
        clip_norm: the largest norm of the gradient of all weights together.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).

    Source: Loshchilov and Hutter, 2017, arXiv:1711.05101.
    """
    result = keras.optimizers.AdamW(
        warmed(schedule, learning_rate, steps, warmup_steps, parts),
        weight_decay=weight_decay,
        beta_2=beta_2,
        global_clipnorm=clip_norm,
        gradient_accumulation_steps=parts if parts > 1 else None,
    )
    result.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return result, _nothing


def muon(
    steps,
    parts=1,
    *,
    learning_rate: Annotated[float, Field(gt=0)] = 0.001,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
    schedule: Literal["cosine", "inverse_sqrt"] = "cosine",
    warmup_steps: Annotated[int, Field(ge=0)] = 0,
    beta_2: Annotated[float, Field(gt=0, lt=1)] = 0.999,
    clip_norm: Annotated[float, Field(gt=0)] | None = None,
):
    """Muon: momentum whose matrix is made orthogonal; AdamW for what is no matrix.

    The embeddings, biases and normalisation get AdamW's step. A matrix's step has the
    root mean square that AdamW's usually has (0.2 times the learning rate), so the
    learning rates of `adamw` suit it too.

    Args:
        steps: int, length of the run.
        parts: int, gradients that are averaged in a step.
        learning_rate: the largest, at the first step after the warm-up.
        weight_decay: as in `adamw`.
        schedule: how the learning rate falls.
        warmup_steps: steps in which it rises from 0, at most half of the run.
        beta_2: AdamW's; how slowly the mean of the squared gradients moves.
        clip_norm: the largest norm of the gradient of all weights together.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).

    Source: Jordan et al., 2024, https://kellerjordan.github.io/posts/muon; Liu et al.,
    2025, arXiv:2502.16982 (the scale of the step).
    """
    result = Muon(
        warmed(schedule, learning_rate, steps, warmup_steps, parts),
        weight_decay=weight_decay,
        adam_beta_2=beta_2,
        global_clipnorm=clip_norm,
        gradient_accumulation_steps=parts if parts > 1 else None,
    )
    result.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return result, _nothing


def sgd(
    steps,
    parts=1,
    *,
    learning_rate: Annotated[float, Field(gt=0)] = 0.01,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
    schedule: Literal["cosine", "plateau"] = "cosine",
    patience: Annotated[int, Field(ge=1)] = 3,
):
    """Stochastic gradient descent with momentum and L2, as VGG was trained.

    Args:
        steps: int, length of the run.
        parts: int, gradients that are averaged in a step.
        learning_rate: at the first step.
        momentum: share of the last update that is kept.
        weight_decay: the minimised loss gets weight_decay / 2 times the sum of the
            squared kernels; biases and normalisation parameters are left alone.
        schedule: cosine, or plateau: divided by 10 when valid_nll stops falling.
        patience: evaluations without a new least valid_nll that make a plateau.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).
    """
    if schedule == "cosine":
        rate = by_step(cosine(learning_rate, steps), parts)
        return L2SGD(rate, momentum, weight_decay, parts), _nothing
    result = L2SGD(learning_rate, momentum, weight_decay, parts)

    def at_border(valid_nll):
        result.learning_rate = learning_rate / 10 ** plateaus(valid_nll, patience)

    return result, at_border


class Muon(keras.optimizers.Muon):
    """Keras's, but matrices are made orthogonal in the precision of the layers.

    In bfloat16, as the authors do it, that takes half the time, and it is a fifth of a
    step of small batches. Not in float16, whose numbers end at 6e-8.

    Three steps at a time are taken on x x^T, which is smaller than x: a Transformer
    needs a fifth fewer multiplications. Five at a time enlarge the rounding of bfloat16
    beyond all use where singular values are small.

    Source: Dao, Zhang, Amsel and Chen, 2026, "Gram Newton-Schulz",
    https://dao-lab.ai/blog/2026/gram-newton-schulz.
    """

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        dtype = keras.config.dtype_policy().compute_dtype
        self.inner_dtype = "bfloat16" if dtype == "bfloat16" else "float32"

    def zeropower_via_newtonschulz5(self, x, steps):
        """Steps towards U V^T of x = U S V^T; Keras calls it.  [n, m] -> same.

        One is x <- a x + b (x x^T) x + c (x x^T)^2 x.
        """
        matmul, transpose = keras.ops.matmul, keras.ops.transpose
        a, b, c = self.muon_a, self.muon_b, self.muon_c
        x = x / (keras.ops.norm(x) + 1e-7)  # the sum of squares in float32
        x = keras.ops.cast(x, self.inner_dtype)
        tall = x.shape[0] > x.shape[1]
        x = transpose(x) if tall else x
        one = keras.ops.eye(x.shape[0], dtype=x.dtype)
        for first in range(0, steps, STEPS_AT_ONCE):
            square = matmul(x, transpose(x))
            factor = product = a * one + matmul(square, b * one + c * square)
            for _ in range(min(STEPS_AT_ONCE, steps - first) - 1):
                square = matmul(matmul(factor, square), factor)  # of factor times x
                factor = a * one + matmul(square, b * one + c * square)
                product = matmul(factor, product)
            x = matmul(product, x)
        x = transpose(x) if tall else x
        return keras.ops.cast(x, "float32")


class L2SGD(keras.optimizers.SGD):
    """velocity <- momentum velocity - rate (gradient + decay w); w <- w + velocity.

    That is the paper's L2: gradient descent on loss + decay / 2 |w|^2. The
    `weight_decay` of keras.optimizers.SGD takes rate decay w off beside the momentum
    instead, and so needs 1 / (1 - momentum) times the value, 10 for the usual 0.9, to
    have the same minimum.

    Args:
        learning_rate: float or a Keras schedule.
        momentum: float.
        decay: float.
        parts: int, gradients that are averaged in a step.
    """

    def __init__(self, learning_rate, momentum, decay, parts=1):
        super().__init__(
            learning_rate,
            momentum=momentum,
            gradient_accumulation_steps=parts if parts > 1 else None,
        )
        self.decay = decay

    def update_step(self, gradient, variable, learning_rate):
        """One variable's update; Keras calls it."""
        if self.decay and not any(name in variable.name for name in NOT_DECAYED):
            gradient = gradient + self.decay * keras.ops.convert_to_tensor(variable)
        super().update_step(gradient, variable, learning_rate)


def _nothing(valid_nll):
    """At a border, when the learning rate follows the step."""
