"""How the learning rate of an optimizer falls."""

import math

import keras


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


def by_step(schedule, parts):
    """The schedule as a function of what Keras counts: the parts of steps."""
    return schedule if parts == 1 else ByStep(schedule, parts)


class ByStep(keras.optimizers.schedules.LearningRateSchedule):
    """schedule(part // parts). Keras 3.15 asks for the rate of a part, not of a step.

    Args:
        schedule: LearningRateSchedule of the step.
        parts: int, parts of a step.
    """

    def __init__(self, schedule, parts):
        self.schedule, self.parts = schedule, parts

    def __call__(self, part):
        """The rate of a part, counted from 0."""
        return self.schedule(keras.ops.floor_divide(part, self.parts))


class InverseSqrt(keras.optimizers.schedules.LearningRateSchedule):
    """learning_rate x min((step + 1) / warmup, sqrt(warmup / (step + 1))).

    Args:
        learning_rate: float, the largest.
        steps: int, length of the run; the schedule does not depend on it.
        warmup_steps: int.
    """

    def __init__(self, learning_rate, steps, warmup_steps):
        self.learning_rate, self.warmup = learning_rate, max(1, warmup_steps)

    def __call__(self, step):
        """The rate of a step, counted from 0."""
        share = (keras.ops.cast(step, "float32") + 1.0) / self.warmup
        return self.learning_rate * keras.ops.minimum(share, share**-0.5)


def warmed(schedule, learning_rate, steps, warmup_steps, parts):
    """The schedule of that name behind its warm-up; see `adamw`."""
    falling = InverseSqrt if schedule == "inverse_sqrt" else cosine
    return by_step(falling(learning_rate, steps, min(warmup_steps, steps // 2)), parts)


def cosine(learning_rate, steps, warmup_steps=0):
    """learning_rate x (1 + cos(pi step / steps)) / 2, after the warm-up."""
    decay = keras.optimizers.schedules.CosineDecay
    if not warmup_steps:
        return decay(learning_rate, steps)
    return decay(
        0.0,
        steps - warmup_steps,
        warmup_target=learning_rate,
        warmup_steps=warmup_steps,
    )
