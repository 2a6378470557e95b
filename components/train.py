"""Stage 3, train: Dataset, Network -> the Network with the least valid_nll."""

import math
from pathlib import Path
from typing import Annotated, Literal

import keras
import numpy as np
from pydantic import Field

from components.artifacts import (
    Dataset,
    get_weights,
    load_network,
    make_task,
    save_network,
    set_weights,
    write_json,
)
from components.data.batches import Plan
from components.data.loader import loader
from components.metrics import fit_scale
from components.networks.base import JIT_COMPILE
from components.optimizers import optimizer as optimizer_function

# One execution is what the compiled function does at a call: between two of them
# the loss is looked at, so it must stay short (a second, not a minute), and a call
# costs about 1 ms, so tiny networks need many steps in one.
MAX_EXECUTION_STEPS = 128
MAX_EXECUTION_WORK = 2**27  # parameters x examples


def run(
    task,
    dataset,
    network,
    out_dir,
    log,
    *,
    loss: Literal["logistic", "hinge", "cross_entropy"],
    optimizer: str = "adamw",
    batch_size: Annotated[int, Field(ge=1)] = 32,
    steps: Annotated[int, Field(ge=1)] | None = None,
    epochs: Annotated[int, Field(ge=1)] | None = None,
    eval_every: Annotated[int, Field(ge=1)] | None = None,
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    seed: int = 0,
    backend: Literal["tensorflow", "jax"] = "tensorflow",
    precision: Literal["float32", "mixed_bfloat16"] = "float32",
    **options,
):
    """Minimise the mean loss on train; keep the weights with the least valid_nll.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; train and valid are read.
        network: folder of the Network to start from.
        out_dir: folder to write the trained Network to.
        log: Journal.
        loss: what is minimised; the task says which it may be.
        optimizer: how it is minimised.
        batch_size: examples a step.
        steps: length of the run in optimizer updates; or give `epochs`.
        epochs: length of the run in passes over train; or give `steps`.
        eval_every: steps between two evaluations on valid; default: one pass.
        label_smoothing: eps of `cross_entropy`, spread over all labels.
        seed: of the order of the examples, and of dropout.
        backend: what Keras runs on.
        precision: of the layers; weights and logits are float32 in any case.
        **options: keys of the optimizer.

    Raises:
        FloatingPointError: if the loss or a weight is not finite.
        ValueError: if the steps are not a multiple of `eval_every`.
    """
    keras.utils.set_random_seed(seed)
    data = Dataset.load(dataset)
    inputs, labels = data.split("train")
    plan = Plan(len(labels), batch_size, seed)
    steps = steps or epochs * plan.steps_per_epoch
    eval_every = min(eval_every or plan.steps_per_epoch, steps)
    if steps % eval_every:
        raise ValueError(
            "the run must end with an evaluation. Received: "
            f"{steps} steps (a pass has {plan.steps_per_epoch}), train.eval_every="
            f"{eval_every}. Expected a divisor of {steps}."
        )
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        model, description = load_network(network)
    finally:
        keras.config.set_dtype_policy(policy)
    the_task = make_task(task, data.space)
    trained = Training(model, the_task, loss, label_smoothing)
    trained.compile(
        optimizer=optimizer_function(optimizer)(steps, **options),
        jit_compile=JIT_COMPILE,
        steps_per_execution=execution_steps(
            eval_every, model.count_params() * batch_size
        ),
    )
    selection = KeepBest(trained, data.split("valid"), log, steps, eval_every)
    trained.fit(
        loader(inputs, labels, plan, 0, steps),
        steps_per_epoch=eval_every,  # Keras's epoch is our evaluation interval
        epochs=steps // eval_every,
        shuffle=False,
        verbose=0,
        callbacks=[selection],
    )
    set_weights(model, selection.best_weights)
    save_network(out_dir, model, {**description, "scale": selection.best_scale})
    write_json(Path(out_dir) / "history.json", selection.history)
    log.params({"train.total_steps": steps, "train.best_step": selection.best_step})


def execution_steps(eval_every, work):
    """Steps per call of the compiled function, a divisor of the interval.

    Args:
        eval_every: steps between two evaluations.
        work: parameters x examples of one step.

    Returns:
        int, from 1 to 128.
    """
    bound = min(eval_every, MAX_EXECUTION_STEPS, max(1, MAX_EXECUTION_WORK // work))
    return next(n for n in range(bound, 0, -1) if eval_every % n == 0)


class Training(keras.Model):
    """What `fit` trains: features in `call`, the task's loss in `compute_loss`.

    Args:
        network: Network.
        task: Task.
        loss: name of the loss.
        label_smoothing: eps.
    """

    def __init__(self, network, task, loss, label_smoothing):
        super().__init__()
        self.network, self.task = network, task
        self.loss_name, self.label_smoothing = loss, label_smoothing

    def call(self, inputs, training=False):
        """Features.  [B, ...] -> [B, D]."""
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


class KeepBest(keras.callbacks.Callback):
    """At each evaluation: log, keep the best weights, stop what is not finite.

    Args:
        training: Training.
        valid: (inputs, labels).
        log: Journal.
        steps: length of the run.
        eval_every: steps between evaluations.
    """

    def __init__(self, training, valid, log, steps, eval_every):
        super().__init__()
        self.training, self.log = training, log
        self.inputs, self.labels = valid
        self.steps, self.eval_every = steps, eval_every
        self.best_nll, self.best_step = math.inf, 0
        self.best_weights, self.best_scale = None, 1.0
        self.history = {"step": [], "train_loss": [], "valid_nll": []}
        self.step = 0

    def on_epoch_begin(self, epoch, logs=None):
        """Count steps from here: Keras numbers batches within an interval."""
        self.interval_start = epoch * self.eval_every

    def on_train_batch_end(self, batch, logs=None):
        """One execution has ended (Keras gives the last of its steps)."""
        self.step = self.interval_start + batch + 1
        self.require_finite("loss", logs["loss"])
        self.log.progress(self.step, self.steps, {"loss": float(logs["loss"])})

    def on_epoch_end(self, epoch, logs=None):
        """Score valid with P itself: no smoothing, hinge with its fitted scale."""
        network, task = self.training.network, self.training.task
        logits, scale = network.logits(self.inputs), 1.0
        self.require_finite("logits on valid", logits)
        if self.training.loss_name == "hinge":
            margin = 2.0 * self.labels * logits[:, 0]
            scale = fit_scale(margin)
        log_prob = np.asarray(task.log_prob(scale * logits, np.asarray(self.labels)))
        valid_nll = float(-log_prob.sum(dtype="float64") / len(log_prob))
        values = {"train_loss": float(logs["loss"]), "valid_nll": valid_nll}
        self.log.metrics(values, step=self.step)
        for name, value in {"step": self.step, **values}.items():
            self.history[name].append(value)
        if valid_nll < self.best_nll:
            self.best_nll, self.best_step = valid_nll, self.step
            self.best_weights, self.best_scale = get_weights(network), scale

    def require_finite(self, what, values):
        """Raise FloatingPointError unless all `values` are finite."""
        if not np.isfinite(values).all():
            raise FloatingPointError(
                f"the {what} is not finite at step {self.step} of {self.steps}. "
                "Lower `train.learning_rate`, or look for extreme inputs."
            )
