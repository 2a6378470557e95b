"""Border between two intervals of `fit`: evaluate, log, write a checkpoint."""

import time

import keras
import numpy as np

from phistar.components import progress
from phistar.components.artifacts import get_weights


class Border(keras.callbacks.Callback):
    """Count the steps, require finite numbers, and act at each border.

    Args:
        evaluation: Evaluation.
        checkpoints: Checkpoints.
        log: Journal.
        at_border: called with the list of valid_nll; the optimizer's schedule.
        steps: length of the run.
        eval_every: steps between two borders.
        accumulate: parts of a step; Keras counts them, we count steps.
    """

    def __init__(
        self, evaluation, checkpoints, log, at_border, steps, eval_every, accumulate
    ):
        super().__init__()
        self.evaluation, self.checkpoints, self.log = evaluation, checkpoints, log
        self.at_border, self.step = at_border, 0
        self.steps, self.eval_every, self.accumulate = steps, eval_every, accumulate
        # seconds of a step in each execution, and of each evaluation
        self.stepping, self.evaluating = [], []

    def on_epoch_begin(self, epoch, logs=None):
        """Count steps from here: Keras numbers batches within an interval."""
        self.interval_start = epoch * self.eval_every

    def on_train_batch_begin(self, batch, logs=None):
        """Start the clock of one execution (Keras gives the first of its steps)."""
        self.begun = batch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Check the loss of one execution (Keras gives the last of its steps)."""
        self.step = self.interval_start + (batch + 1) // self.accumulate
        self.require_finite("loss", logs["loss"])  # also waits for the device
        first, begun = self.begun
        steps = (batch + 1 - first) / self.accumulate
        self.stepping.append((time.perf_counter() - begun) / steps)
        self.show(float(logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        """Evaluate and write a checkpoint; stop if valid_nll no longer falls."""
        # before they are scored: weights that are not finite never become the best,
        # and no checkpoint holds them
        weights = get_weights(self.model.network)
        for values in weights:
            self.require_finite("network", values)
        begun = time.perf_counter()
        progress.doing("validating")
        scored = self.evaluation.score(weights)
        self.evaluating.append(time.perf_counter() - begun)
        self.require_finite("valid_nll", scored.nll)
        train_loss = float(logs["loss"])
        values = {"train_loss": train_loss, "valid_nll": scored.nll}
        rate = float(self.model.optimizer.learning_rate)  # of the last step
        self.log.metrics({**values, "learning_rate": rate}, step=self.step)
        self.evaluation.add(self.step, train_loss, scored)
        # before the checkpoint, which holds the new learning rate
        self.at_border(self.evaluation.history["valid_nll"])
        self.checkpoints.save(self.step)
        self.show(train_loss)
        self.model.stop_training = self.evaluation.stopped()

    def show(self, train_loss):
        """Show the step, the loss, and the scores on valid so far."""
        values, scores = {"train_loss": train_loss}, self.evaluation.history
        if scores["valid_nll"]:
            best = {"best": self.evaluation.best.nll}
            values |= {"valid_nll": scores["valid_nll"][-1]} | best
        self.log.progress(self.step, self.steps, values)

    def speed(self):
        """Median time of a step and of an evaluation, without the first of each.

        The first ones compile.

        Returns:
            dict of name -> str, milliseconds; empty if nothing came after the first.
        """
        seconds = {
            "step_milliseconds": self.stepping,
            "evaluation_milliseconds": self.evaluating,
        }
        return {
            name: f"{1e3 * np.median(values[1:]):.3g}"
            for name, values in seconds.items()
            if len(values) > 1
        }

    def require_finite(self, what, values):
        """Raise FloatingPointError unless all `values` are finite."""
        if not np.isfinite(values).all():
            raise FloatingPointError(
                f"the {what} is not finite at step {self.step} of {self.steps}. "
                "Lower `train.learning_rate`, or look for extreme inputs."
            )
