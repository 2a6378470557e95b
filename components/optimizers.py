"""The optimizers, and the table of them.

The learning rate falls along a half cosine from its start to 0 over the run
(Loshchilov and Hutter, 2016, arXiv:1608.03983, without restarts).
"""

from typing import Annotated

import keras
from pydantic import Field


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
        keras.optimizers.Optimizer.

    Source: Loshchilov and Hutter, 2017, arXiv:1711.05101.
    """
    result = keras.optimizers.AdamW(
        _cosine(learning_rate, steps), weight_decay=weight_decay
    )
    result.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return result


def sgd(
    steps,
    *,
    learning_rate: Annotated[float, Field(gt=0)] = 0.01,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
):
    """Stochastic gradient descent with momentum, as VGG was trained.

    Args:
        steps: int, length of the run.
        learning_rate: at the first step.
        momentum: share of the last update that is kept.
        weight_decay: share of each kernel taken off a step, times the learning
            rate; biases and normalisation parameters are left alone.

    Returns:
        keras.optimizers.Optimizer.
    """
    result = keras.optimizers.SGD(
        _cosine(learning_rate, steps), momentum=momentum, weight_decay=weight_decay
    )
    result.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return result


def _cosine(learning_rate, steps):
    """learning_rate x (1 + cos(pi step / steps)) / 2."""
    return keras.optimizers.schedules.CosineDecay(learning_rate, steps)
