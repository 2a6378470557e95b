"""What `fit` trains, and what happens at each border between two intervals."""

import math
import shutil
import sys
import time

import keras
import numpy as np

from components.artifacts import get_weights, set_weights
from components.training import checkpoints as checkpoint_files
from components.training.schedules import plateaus

CHECKPOINT_SHARE = 0.02  # of the time, at most, goes into checkpoints

# fields of Border that a checkpoint holds
STATE = ("best_nll", "best_step", "best_scale", "history", "step")


class Training(keras.Model):
    """What `fit` trains: features in `call`, the task's loss in `compute_loss`.

    Args:
        network: Network.
        task: Task.
        loss: name of the loss.
        label_smoothing: eps.
        augmentation: Augmentation, or None.
    """

    def __init__(self, network, task, loss, label_smoothing, augmentation=None):
        super().__init__()
        self.network, self.task = network, task
        self.loss_name, self.label_smoothing = loss, label_smoothing
        self.augmentation = augmentation
        # all weights are there; Keras would try a mean batch, whose tokens are no ints
        self.built = True

    def call(self, inputs, training=False):
        """Features.  [B, ...] -> [B, D]."""
        if self.augmentation is not None:
            inputs = self.augmentation(inputs, training=training)
        return self.network.features(inputs, training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """The step's mean loss: weights sum to one.  -> float []."""
        return self.task.loss(
            y_pred,
            self.network.head,
            y,
            sample_weight,
            self.loss_name,
            self.label_smoothing,
        )


class Border(keras.callbacks.Callback):
    """At each border: evaluate, log, keep the best weights, write a checkpoint.

    Args:
        training: Training, compiled.
        valid: (inputs, labels).
        log: Journal.
        steps: length of the run.
        eval_every: steps between two borders.
        at_border: called with the list of valid_nll; the optimizer's schedule.
        checkpoints: Path of their folder.
        arguments: plain data; only a checkpoint made with the same is gone on with.
        machine: plain data; going on with another machine's checkpoint warns.
        scorer: Network that takes the weights to score valid; default: the trained
            one. Several TensorFlow replicas would each score every row.
        accumulate: parts of a step; Keras counts them, we count steps.
        stop_after: evaluations without a new least valid_nll that end training, or
            None.
        average: evaluations whose weights are averaged at the end.
    """

    def __init__(
        self,
        training,
        valid,
        log,
        steps,
        eval_every,
        at_border,
        *,
        checkpoints,
        arguments,
        machine,
        scorer=None,
        accumulate=1,
        stop_after=None,
        average=1,
    ):
        super().__init__()
        self.training, self.log = training, log
        self.scorer, self.machine = scorer, machine
        self.inputs, self.labels = valid
        self.steps, self.eval_every, self.at_border = steps, eval_every, at_border
        self.checkpoints, self.arguments = checkpoints, arguments
        self.best_nll, self.best_step = math.inf, 0
        self.best_weights, self.best_scale = None, 1.0
        self.history = {"step": [], "train_loss": [], "valid_nll": []}
        self.accumulate, self.stop_after, self.average = accumulate, stop_after, average
        self.recent = []  # weights of the last evaluations, if they are to be averaged
        self.step = 0
        self.written, self.cost = -math.inf, 0.0  # of the last checkpoint, seconds
        # seconds of a step in each execution, and of each evaluation
        self.stepping, self.evaluating = [], []

    def variables(self):
        """All that training changes: weights, random states, optimizer."""
        training = self.training
        chance = training.augmentation.variables if training.augmentation else []
        return [*training.network.variables, *chance, *training.optimizer.variables]

    def restore(self):
        """Go back to the newest checkpoint, and the journal with it.

        Returns:
            int, the steps that are done: 0 without a checkpoint.
        """
        loaded = checkpoint_files.load(self.checkpoints, self.arguments, self.machine)
        if loaded is None:
            self.log.rewind(0)
            return 0
        state, variables, self.best_weights = loaded
        self.training.optimizer.build(self.training.trainable_variables)
        own = self.variables()
        for variable, value in zip(own, variables[: len(own)], strict=True):
            variable.assign(value)
        rest, size = variables[len(own) :], len(self.best_weights)
        self.recent = [rest[i : i + size] for i in range(0, len(rest), size)]
        for name in STATE:
            setattr(self, name, state[name])
        self.log.rewind(state["journal"])
        print(f"going on from step {self.step} of {self.steps}", file=sys.stderr)
        return self.step

    def save(self):
        """Write a checkpoint, unless that would take too large a share of the time."""
        now = time.monotonic()
        if now - self.written < self.cost / CHECKPOINT_SHARE:
            return
        names = (*STATE, "arguments", "machine")
        state = {name: getattr(self, name) for name in names}
        checkpoint_files.save(
            self.checkpoints,
            self.step,
            state | {"journal": self.log.position()},
            [
                *(keras.ops.convert_to_numpy(v) for v in self.variables()),
                *(values for weights in self.recent for values in weights),
            ],
            self.best_step,
            self.best_weights,
        )
        self.written = time.monotonic()
        self.cost = self.written - now

    def forget(self):
        """Remove the checkpoints: the run is done, and its network is on disk."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def on_epoch_begin(self, epoch, logs=None):
        """Count steps from here: Keras numbers batches within an interval."""
        self.interval_start = epoch * self.eval_every

    def on_train_batch_begin(self, batch, logs=None):
        """One execution begins (Keras gives the first of its steps)."""
        self.begun = batch, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """One execution has ended (Keras gives the last of its steps)."""
        self.step = self.interval_start + (batch + 1) // self.accumulate
        self.require_finite("loss", logs["loss"])  # and waits for it
        first, begun = self.begun
        steps = (batch + 1 - first) / self.accumulate
        self.stepping.append((time.perf_counter() - begun) / steps)
        self.log.progress(self.step, self.steps, {"loss": float(logs["loss"])})

    def on_epoch_end(self, epoch, logs=None):
        """A border: the score on valid is that of P, without smoothing."""
        weights = get_weights(self.training.network)
        for values in weights:
            self.require_finite("network", values)
        begun = time.perf_counter()
        valid_nll, scale = self.valid_nll(weights)
        self.evaluating.append(time.perf_counter() - begun)
        self.require_finite("valid_nll", valid_nll)
        values = {"train_loss": float(logs["loss"]), "valid_nll": valid_nll}
        rate = float(self.training.optimizer.learning_rate)  # of the last step
        self.log.metrics({**values, "learning_rate": rate}, step=self.step)
        for name, value in {"step": self.step, **values}.items():
            self.history[name].append(value)
        if valid_nll < self.best_nll:
            self.best_nll, self.best_step = valid_nll, self.step
            self.best_weights, self.best_scale = weights, scale
        if self.average > 1:
            self.recent = [*self.recent, weights][-self.average :]
        self.at_border(self.history["valid_nll"])
        self.save()
        self.model.stop_training = self.stopped()

    def speed(self):
        """What a step and an evaluation take, the first of each not counted.

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

    def stopped(self):
        """Whether valid_nll has stopped falling, so that training ends."""
        history = self.history["valid_nll"]
        return bool(self.stop_after) and plateaus(history, self.stop_after) > 0

    def average_last(self):
        """Keep the average of the last evaluations' weights if its nll is the least."""
        if len(self.recent) < 2:
            return
        weights = [
            np.mean(values, axis=0, dtype="float64").astype(values[0].dtype)
            for values in zip(*self.recent, strict=True)
        ]
        set_weights(self.training.network, weights)
        nll, scale = self.valid_nll(weights)
        self.log.params({"train.average_nll": nll})
        if nll < self.best_nll:
            self.best_nll, self.best_weights, self.best_scale = nll, weights, scale

    def valid_nll(self, weights):
        """(nats per label, the scale of P: fitted for hinge, else 1)."""
        network = self.training.network
        if self.scorer is not None:
            network = self.scorer
            set_weights(network, weights)
        log_prob, scale = self.training.task.measure(
            network, self.inputs, self.labels, self.training.loss_name
        )
        return float(-log_prob.sum(dtype="float64") / len(log_prob)), scale

    def require_finite(self, what, values):
        """Raise FloatingPointError unless all `values` are finite."""
        if not np.isfinite(values).all():
            raise FloatingPointError(
                f"the {what} is not finite at step {self.step} of {self.steps}. "
                "Lower `train.learning_rate`, or look for extreme inputs."
            )
