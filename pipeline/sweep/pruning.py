"""Pruning: a trial that is worse than the median of the others is ended early.

The decision about an evaluation is one about the trials that had finished before. It is
taken in the order of the evaluations, also if the trial has come further meanwhile. So
with one worker a repetition prunes the same trials at the same evaluations.
"""

import math
from collections.abc import Sequence

import optuna
from optuna.trial import TrialState, create_trial

from phistar.pipeline.sweep.study import COMPLETE, Study

FIRST_TRIALS = 5  # finished before one is pruned
FIRST_EVALUATIONS = 2  # of every trial, at which none is pruned


class Pruner:
    """The median rule of Optuna over the finished trials of a moment.

    Args:
        study: the trials; those that finish later are not seen.
        first: evaluations of every trial at which it is not pruned.
    """

    def __init__(self, study: Study, first: int = FIRST_EVALUATIONS):
        self.others = [t for t in study.trials() if t.state == COMPLETE]
        self.known = optuna.create_study()
        self.known.add_trials(self.others)
        self.rule = optuna.pruners.MedianPruner(FIRST_TRIALS, first)

    def prunes(self, values: Sequence[float]) -> bool:
        """True if a trial with these evaluations ends at the last of them.

        Args:
            values: valid_nll, nats per label, the oldest first.
        """
        if not values or not math.isfinite(values[-1]):
            return False  # training itself ends with what is not finite
        trial = create_trial(
            state=TrialState.RUNNING, intermediate_values=dict(enumerate(values))
        )
        return self.rule.prune(self.known, trial)

    def reason(self, values: Sequence[float]) -> str:
        """The reason of a pruned trial, in words."""
        step = len(values) - 1
        others = [t for t in self.others if step in t.intermediate_values]
        return (
            f"pruned at evaluation {len(values)}: valid_nll {min(values):.4f} so far, "
            f"above the median of {len(others)} finished trials there"
        )
