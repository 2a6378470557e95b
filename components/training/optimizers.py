"""Optimizers, and the table of them.

Each function returns the optimizer and a function for the borders of training, which
may change the learning rate, given all valid_nll so far.

    cosine        half a cosine, from the start to 0 over the run
    inverse_sqrt  the inverse square root of the step, after the warm-up
    plateau       divided by 10 at a border where valid_nll has stopped falling
"""

from functools import partial
from typing import Annotated, Literal

import keras
from pydantic import Field

from phistar.components.training.schedules import by_step, cosine, plateaus, warmed

STEPS_AT_ONCE = 3  # of the iteration of Muon, see there

# Words in the names of variables: biases, normalisation, and the start of a text.
# No decay: their size does not make a network more complex.
NOT_DECAYED = ("bias", "gamma", "beta", "scale", "start")


def optimizer(name):
    """Function that makes the optimizer called `name`.

    Raises:
        ValueError: if there is no such optimizer.
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
    """AdamW: Adam with weight decay that is not part of the gradient.

    Args:
        steps: int, length of the run.
        parts: int, gradients that are averaged in a step.
        learning_rate: the largest, at the first step after the warm-up.
        weight_decay: share of each kernel that a step subtracts, times the learning
            rate; biases and normalisation parameters have no decay.
        schedule: course of the learning rate after the warm-up.
        warmup_steps: steps in which it rises from 0, at most half of the run.
        beta_2: share of the mean of the squared gradients that a step keeps.
        clip_norm: the largest norm of the gradient of all weights together.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).

    Source: Loshchilov and Hutter, 2017, arXiv:1711.05101.
    """
    rate = warmed(schedule, learning_rate, steps, warmup_steps, parts)
    adam = partial(keras.optimizers.AdamW, beta_2=beta_2)
    return _decayed(adam, rate, weight_decay, clip_norm, parts), _nothing


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
    """Muon: momentum made orthogonal for matrices, AdamW for all other weights.

    Embeddings, biases and normalisation get the step of AdamW. The step of a matrix
    has the root mean square that one of AdamW usually has, 0.2 times the learning
    rate. So the learning rates of `adamw` suit it too.

    Args:
        steps: int, length of the run.
        parts: int, gradients that are averaged in a step.
        learning_rate: the largest, at the first step after the warm-up.
        weight_decay: as in `adamw`.
        schedule: course of the learning rate after the warm-up.
        warmup_steps: steps in which it rises from 0, at most half of the run.
        beta_2: of AdamW, share of the mean of the squared gradients that a step keeps.
        clip_norm: the largest norm of the gradient of all weights together.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).

    Source: Jordan et al., 2024, https://kellerjordan.github.io/posts/muon; Liu et al.,
    2025, arXiv:2502.16982 (the scale of the step).
    """
    rate = warmed(schedule, learning_rate, steps, warmup_steps, parts)
    orthogonal = partial(Muon, adam_beta_2=beta_2)
    return _decayed(orthogonal, rate, weight_decay, clip_norm, parts), _nothing


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
        momentum: share of the last update that a step keeps.
        weight_decay: the minimised loss gets weight_decay / 2 times the sum of the
            squared kernels; biases and normalisation parameters have no decay.
        schedule: cosine, or plateau: divided by 10 when valid_nll stops falling.
        patience: evaluations without a new least valid_nll that make a plateau.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).

    Source: Simonyan and Zisserman, 2014, arXiv:1409.1556, section 3.1 (plateau).
    """
    if schedule == "cosine":
        rate = by_step(cosine(learning_rate, steps), parts)
        return L2SGD(rate, momentum, weight_decay, parts), _nothing
    result = L2SGD(learning_rate, momentum, weight_decay, parts)

    def at_border(valid_nll):
        # from the whole history, so a resumed run has the same rate
        result.learning_rate = learning_rate / 10 ** plateaus(valid_nll, patience)

    return result, at_border


class Muon(keras.optimizers.Muon):
    """Keras's Muon, with matrices made orthogonal in the precision of the layers.

    In bfloat16, as in the authors' code, the iteration takes half the time, and it is a
    fifth of a step of small batches. float16 is not used: its numbers end at 6e-8.

    Three steps at a time are computed on x x^T, which is smaller than x: a Transformer
    needs a fifth fewer multiplications. Five at a time would be useless in bfloat16:
    they enlarge its rounding too much where singular values are small.

    Source: Dao, Zhang, Amsel and Chen, 2026, "Gram Newton-Schulz",
    https://dao-lab.ai/blog/2026/gram-newton-schulz.
    """

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        dtype = keras.config.dtype_policy().compute_dtype
        self.inner_dtype = "bfloat16" if dtype == "bfloat16" else "float32"

    def zeropower_via_newtonschulz5(self, x, steps):
        """Take steps from x = U S V^T towards U V^T; Keras calls it.  [n, m] -> same.

        One step is x <- a x + b (x x^T) x + c (x x^T)^2 x.
        """
        matmul, transpose = keras.ops.matmul, keras.ops.transpose
        a, b, c = self.muon_a, self.muon_b, self.muon_c
        # the iteration needs singular values up to 1; the sum of squares is float32
        x = x / (keras.ops.norm(x) + 1e-7)
        x = keras.ops.cast(x, self.inner_dtype)
        tall = x.shape[0] > x.shape[1]
        x = transpose(x) if tall else x  # [n, m], n <= m: x x^T is the small one
        one = keras.ops.eye(x.shape[0], dtype=x.dtype)
        for first in range(0, steps, STEPS_AT_ONCE):
            square = matmul(x, transpose(x))  # [n, n]
            factor = product = a * one + matmul(square, b * one + c * square)
            for _ in range(min(STEPS_AT_ONCE, steps - first) - 1):
                # (factor x) (factor x)^T, without x itself
                square = matmul(matmul(factor, square), factor)
                factor = a * one + matmul(square, b * one + c * square)
                product = matmul(factor, product)
            x = matmul(product, x)
        x = transpose(x) if tall else x
        return keras.ops.cast(x, "float32")


class L2SGD(keras.optimizers.SGD):
    """velocity <- momentum velocity - rate (gradient + decay w); w <- w + velocity.

    That is gradient descent on loss + decay / 2 |w|^2, the L2 of the paper. The
    `weight_decay` of keras.optimizers.SGD subtracts rate decay w outside of the
    momentum. For the same minimum it needs 1 / (1 - momentum) times the value: 10
    times for the usual 0.9.

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
        """Update one variable; Keras calls it."""
        if self.decay and not any(name in variable.name for name in NOT_DECAYED):
            gradient = gradient + self.decay * keras.ops.convert_to_tensor(variable)
        super().update_step(gradient, variable, learning_rate)


def _decayed(make, rate, weight_decay, clip_norm, parts):
    """An optimizer whose decay leaves NOT_DECAYED out; arguments as in `adamw`."""
    result = make(
        rate,
        weight_decay=weight_decay,
        global_clipnorm=clip_norm,
        gradient_accumulation_steps=parts if parts > 1 else None,
    )
    result.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return result


def _nothing(valid_nll):
    """Do nothing at a border: the learning rate follows the step."""
