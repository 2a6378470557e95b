"""Numbers of steps: of a run, between two evaluations, and of one compiled call."""

# The loss is checked between two calls, so a call stays short (a second, not a
# minute). It also costs about 1 ms, so tiny networks need many steps in one.
MAX_EXECUTION_STEPS = 128
MAX_EXECUTION_WORK = 2**27  # parameters x labels
GPU_STEPS = 8  # a GPU makes at least so many: meanwhile the host prepares nothing


def length(plan, steps, epochs, eval_every):
    """Steps of the run, and steps between two evaluations.

    Args:
        plan: of the batches; it knows the steps of one pass.
        steps, epochs: the keys; one of them is given.
        eval_every: the key, or None: one pass, or the largest divisor below.

    Returns:
        (int, int); the second divides the first.

    Raises:
        ValueError: if `eval_every` does not divide the steps.
    """
    steps = steps or epochs * plan.steps_per_epoch
    eval_every = eval_every or largest_divisor(steps, plan.steps_per_epoch)
    if steps % eval_every:
        raise ValueError(
            "the run must end with an evaluation. Received: "
            f"{steps} steps (a pass has {plan.steps_per_epoch}), train.eval_every="
            f"{eval_every}. Expected a divisor of {steps}, or "
            "null: one evaluation a pass."
        )
    return steps, eval_every


def execution_steps(interval, work, least=1):
    """Steps of one call of the compiled function, a divisor of the interval.

    Args:
        interval: steps between two evaluations.
        work: parameters x labels of one step.
        least: steps that are made in any case.

    Returns:
        int, from 1 to 128.
    """
    bound = min(interval, MAX_EXECUTION_STEPS, max(least, MAX_EXECUTION_WORK // work))
    return largest_divisor(interval, bound)


def largest_divisor(number, bound):
    """Largest divisor of `number` up to `bound`."""
    return next(n for n in range(min(number, bound), 0, -1) if number % n == 0)
