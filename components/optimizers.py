"""The optimizers, and the table of them.

Each function returns the optimizer and its schedule: what is done to the learning
rate at a border of training, given all valid_nll so far.

    cosine    a half cosine from the start to 0 over the run; nothing at a border
              (Loshchilov and Hutter, 2016, arXiv:1608.03983, without restarts)
    plateau   divided by 10 when valid_nll has stopped falling
              (Simonyan and Zisserman, 2014, arXiv:1409.1556, section 3.1)
"""

import math
from typing import Annotated, Literal

import keras
from pydantic import Field

NOT_DECAYED = ("bias", "gamma", "beta")  # words in the names of variables


def optimizer(name):
    """The function that makes the optimizer called `name`.

    Raises:
        ValueError: if there is none.
    """
    match name:
        case "adamw":
            return adamw
        case "sgd":
            return sgd
        case _:
            raise ValueError(
                f"no such optimizer. Received: {name!r}. "
                "Expected one of the cases in components/optimizers.py."
            )


def adamw(
    steps,
    *,
    learning_rate: Annotated[float, Field(gt=0)] = 0.001,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
):
    """AdamW: Adam with the decay of the weights kept apart from the gradient.

    Args:
        steps: int, length of the run.
        learning_rate: at the first step.
        weight_decay: share of each kernel taken off a step, times the learning
            rate; biases and normalisation parameters are left alone.

    Returns:
        (keras.optimizers.Optimizer, function of the list of valid_nll).

    Source: Loshchilov and Hutter, 2017, arXiv:1711.05101.
    """
    result = keras.optimizers.AdamW(
        _cosine(learning_rate, steps), weight_decay=weight_decay
    )
    result.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return result, _nothing


def sgd(
    steps,
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
        return L2SGD(_cosine(learning_rate, steps), momentum, weight_decay), _nothing
    result = L2SGD(learning_rate, momentum, weight_decay)

    def at_border(valid_nll):
        result.learning_rate = learning_rate / 10 ** plateaus(valid_nll, patience)

    return result, at_border


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
    """

    def __init__(self, learning_rate, momentum, decay):
        super().__init__(learning_rate, momentum=momentum)
        self.decay = decay

    def update_step(self, gradient, variable, learning_rate):
        """One variable's update; Keras calls it."""
        if self.decay and not any(name in variable.name for name in NOT_DECAYED):
            gradient = gradient + self.decay * keras.ops.convert_to_tensor(variable)
        super().update_step(gradient, variable, learning_rate)


def plateaus(valid_nll, patience):
    """How often valid_nll has stopped falling.

    A plateau is `patience` evaluations in a row that do not get below the least value
    before them; counting begins anew after each.

    Args:
        valid_nll: list of float, oldest first.
        patience: int.

    Returns:
        int. A function of the history alone, so a resumed run needs no other state.
    """
    least, waited, count = math.inf, 0, 0
    for value in valid_nll:
        waited = 0 if value < least else waited + 1
        least = min(least, value)
        if waited == patience:
            waited, count = 0, count + 1
    return count


def _cosine(learning_rate, steps):
    """learning_rate x (1 + cos(pi step / steps)) / 2."""
    return keras.optimizers.schedules.CosineDecay(learning_rate, steps)


def _nothing(valid_nll):
    """At a border, when the learning rate follows the step."""
