"""Evaluation of a network in training: its scores on valid, the weights to keep."""

import math
from typing import NamedTuple

import numpy as np

from phistar.components.artifacts import set_weights
from phistar.components.metrics import interval, mean, ratio
from phistar.components.training.devices import alone
from phistar.components.training.ranks import agreed
from phistar.components.training.schedules import plateaus


class Scored(NamedTuple):
    """Weights with their score on valid.

    Args:
        nll: nats per label, never smoothed.
        scale: of P; fitted for hinge, else 1.
        weights: list of np.ndarray; None before the first evaluation.
    """

    nll: float
    scale: float
    weights: list | None


class Evaluation:
    """Scores on valid so far, the best weights, and those to average at the end.

    Args:
        task: Task.
        loss: name of the loss.
        valid: (inputs, labels, weights of the rows or None).
        network: Network in training.
        scorer: Network that takes the weights to score; None: `network` scores, and
            has them. Several TensorFlow replicas would each score every row.
        placed: Devices; of several ranks the first one scores for all.
        average: evaluations whose weights are averaged at the end.
        stop_after: evaluations without a new least valid_nll that end training, or
            None.
    """

    def __init__(self, task, loss, valid, network, scorer, placed, average, stop_after):
        self.task, self.loss = task, loss
        self.inputs, self.labels, self.weights = valid
        self.network, self.scorer = network, network if scorer is None else scorer
        self.placed, self.average, self.stop_after = placed, average, stop_after
        self.best, self.best_step = Scored(math.inf, 1.0, None), 0
        self.history = {"step": [], "train_loss": [], "valid_nll": []}
        self.recent = []  # weights of the last evaluations, if they will be averaged

    def score(self, weights):
        """Score of `weights`, which the network in training has.  -> Scored."""
        if self.placed.ranks == 1:
            return self._score(weights)
        measured = 0.0, 0.0
        if not self.placed.rank:
            with alone():
                measured = self._score(weights)[:2]
        # a rank that found another nll would stop, or change its rate, alone
        nll, scale = agreed(np.array(measured))
        return Scored(float(nll), float(scale), weights)

    def _score(self, weights):
        """Score of `weights`, by this process.  -> Scored."""
        if self.scorer is not self.network:
            set_weights(self.scorer, weights)
        log_prob, scale = self.task.measure(
            self.scorer, self.inputs, self.labels, self.loss, self.weights
        )
        nll = float(-mean(log_prob, self.weights))
        return Scored(nll, scale, weights)

    def add(self, step, train_loss, scored):
        """Record an evaluation, and keep its weights if they are the best."""
        values = {"step": step, "train_loss": train_loss, "valid_nll": scored.nll}
        for name, value in values.items():
            self.history[name].append(value)
        if scored.nll < self.best.nll:
            self.best, self.best_step = scored, step
        if self.average > 1:
            self.recent = [*self.recent, scored.weights][-self.average :]

    def stopped(self):
        """True if valid_nll has stopped falling, so that training ends."""
        history = self.history["valid_nll"]
        return bool(self.stop_after) and plateaus(history, self.stop_after) > 0

    def add_average(self):
        """Score the mean of the recent weights, and keep it if it is the best.

        Returns:
            dict, "train.average_nll" -> nats per label; empty with less than two
            evaluations to average.
        """
        if len(self.recent) < 2:
            return {}
        mean = [
            np.mean(values, axis=0, dtype="float64").astype(values[0].dtype)
            for values in zip(*self.recent, strict=True)
        ]
        set_weights(self.scorer, mean)
        scored = self.score(mean)
        if scored.nll < self.best.nll:
            self.best = scored
        return {"train.average_nll": scored.nll}

    def kept(self):
        """-ln P of valid under the weights that are kept.

        Returns:
            (metrics, examples): valid_nll with its 95 % interval, nats per label, and
            valid_n; and a dict of two float64 [N]. `nll` is of all labels of an example
            together, `count` is the number of its labels; both are times its weight.
        """
        set_weights(self.scorer, self.best.weights)
        log_prob, _ = self.task.measure(
            self.scorer, self.inputs, self.labels, self.loss, self.weights
        )
        losses = -np.asarray(log_prob, "float64")
        counts = np.ones(len(self.labels))
        if hasattr(self.labels, "offsets"):  # a label is a token of a text
            losses = np.add.reduceat(losses, self.labels.offsets[:-1])
            counts = np.diff(self.labels.offsets).astype("float64")
        if self.weights is not None:
            losses, counts = losses * self.weights, counts * self.weights
        found, error = ratio(losses, counts)
        known = interval(found, 0.0 if math.isnan(error) else error)
        metrics = {
            f"valid_{name}": known[name] for name in ("nll", "nll_low", "nll_high")
        }
        return metrics | {"valid_n": len(losses)}, {"nll": losses, "count": counts}
