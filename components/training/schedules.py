"""Schedules: learning rates that fall with the step, or with valid_nll."""

import math

import keras


def plateaus(valid_nll, patience):
    """Number of times that valid_nll has stopped falling.

    A plateau is `patience` evaluations in a row, none of them below the least value
    before. After each plateau the counting starts again.

    Args:
        valid_nll: list of float, oldest first.
        patience: int.

    Returns:
        int. It depends on the history alone, so a resumed run needs no other state.
    """
    least, waited, count = math.inf, 0, 0
    for value in valid_nll:
        waited = 0 if value < least else waited + 1
        least = min(least, value)
        if waited == patience:
            waited, count = 0, count + 1
    return count


def by_step(schedule, parts):
    """Schedule of the parts of steps, which are what Keras counts."""
    return schedule if parts == 1 else ByStep(schedule, parts)


class ByStep(keras.optimizers.schedules.LearningRateSchedule):
    """schedule(part // parts): Keras 3.15 calls it with a part, not with a step.

    Args:
        schedule: LearningRateSchedule of the step.
        parts: int, parts of a step.
    """

    def __init__(self, schedule, parts):
        self.schedule, self.parts = schedule, parts

    def __call__(self, part):
        """Rate of a part, counted from 0.  int [] -> float []."""
        return self.schedule(keras.ops.floor_divide(part, self.parts))


class InverseSqrt(keras.optimizers.schedules.LearningRateSchedule):
    """learning_rate x min((step + 1) / warmup, sqrt(warmup / (step + 1))).

    Args:
        learning_rate: float, the largest.
        steps: int, length of the run; not used, `cosine` has the same arguments.
        warmup_steps: int.

    Source: Vaswani et al., 2017, arXiv:1706.03762, equation 3.
    """

    def __init__(self, learning_rate, steps, warmup_steps):
        self.learning_rate, self.warmup = learning_rate, max(1, warmup_steps)

    def __call__(self, step):
        """Rate of a step, counted from 0.  int [] -> float []."""
        share = (keras.ops.cast(step, "float32") + 1.0) / self.warmup
        return self.learning_rate * keras.ops.minimum(share, share**-0.5)


def warmed(schedule, learning_rate, steps, warmup_steps, parts):
    """Schedule called `schedule`, after its warm-up; see `adamw`."""
    # a preflight has a few steps, less than the warm-up of most recipes
    falling = InverseSqrt if schedule == "inverse_sqrt" else cosine
    return by_step(falling(learning_rate, steps, min(warmup_steps, steps // 2)), parts)


def cosine(learning_rate, steps, warmup_steps=0):
    """learning_rate x (1 + cos(pi step / steps)) / 2, counted after the warm-up.

    Source: Loshchilov and Hutter, 2016, arXiv:1608.03983, without restarts.
    """
    decay = keras.optimizers.schedules.CosineDecay
    if not warmup_steps:
        return decay(learning_rate, steps)
    return decay(
        0.0,
        steps - warmup_steps,
        warmup_target=learning_rate,
        warmup_steps=warmup_steps,
    )
