"""Checkpoints of one training: what they hold, and when one is written.

The training's variables, the state of its evaluation and the position in its journal
decide all later steps. So a resumed training equals an uninterrupted one, bit for bit
on the same machine.

The arguments of the training are not in them. The folder lies inside the one that the
store has named by the key of `train`, and only a run with the same key gets that.
"""

import os
import platform
import shutil
import sys
import time

import keras
import numpy as np

from phistar.components import progress
from phistar.components.training.checkpoint_files import load, save
from phistar.components.training.evaluation import Scored
from phistar.components.training.ranks import agreed

SHARE = 0.02  # of the time, at most, goes into checkpoints


class Checkpoints:
    """Checkpoints of a training, written and restored.

    Args:
        folder: Path.
        training: Training, compiled.
        evaluation: Evaluation.
        log: Journal.
        machine: plain data; a warning if a checkpoint was made on another one.
        placed: Devices; of several ranks the first one writes.
    """

    def __init__(self, folder, training, evaluation, log, machine, placed):
        self.folder, self.machine, self.placed = folder, machine, placed
        self.training, self.evaluation, self.log = training, evaluation, log
        self.next = 0.0  # time from which the next one may be written

    def save(self, step):
        """Write a checkpoint, unless that would take too large a share of the time."""
        begun = time.monotonic()
        if self.placed.rank or begun < self.next:
            return
        progress.doing("writing a checkpoint")
        evaluation = self.evaluation
        state = {
            "journal": self.log.position(),
            "machine": self.machine,
            "history": evaluation.history,
            "best_nll": evaluation.best.nll,
            "best_scale": evaluation.best.scale,
        }
        # the recent weights lie behind the variables, whose number the model knows
        arrays = [keras.ops.convert_to_numpy(v) for v in self.training.changing()]
        for weights in evaluation.recent:
            arrays += weights
        best = evaluation.best_step, evaluation.best.weights
        save(self.folder, step, state, arrays, *best)
        ended = time.monotonic()
        self.next = ended + (ended - begun) / SHARE

    def restore(self, steps):
        """Go back to the newest checkpoint, and the journal with it.

        Args:
            steps: length of the run.

        Returns:
            int, the steps that are done: 0 without a checkpoint.
        """
        loaded = self._load()
        if loaded is None:
            self.log.rewind(0)
            return 0
        state, arrays, best_weights = loaded
        step, evaluation = state["step"], self.evaluation
        if state["machine"] != self.machine:
            print(
                f"warning: the checkpoint of step {step} was made on "
                f"{state['machine']}, this is {self.machine}: the result may differ "
                "in the last bits.",
                file=sys.stderr,
            )
        # Keras makes an optimizer's variables at the first step: too late here
        self.training.optimizer.build(self.training.trainable_variables)
        variables = self.training.changing()
        values, recent = arrays[: len(variables)], arrays[len(variables) :]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        size = len(best_weights)
        evaluation.recent = [recent[i : i + size] for i in range(0, len(recent), size)]
        evaluation.history, evaluation.best_step = state["history"], state["best_step"]
        evaluation.best = Scored(state["best_nll"], state["best_scale"], best_weights)
        self.log.rewind(state["journal"])
        print(f"continuing from step {step} of {steps}", file=sys.stderr)
        return step

    def remove(self):
        """Remove the folder: the run is done, and its network is on disk."""
        if not self.placed.rank:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _load(self):
        """The newest checkpoint that is whole, the same on every rank; else None."""
        if self.placed.ranks == 1:
            return load(self.folder)
        # the first rank removes damaged ones before the others look
        first = None if self.placed.rank else load(self.folder)
        step = int(agreed(np.array([first[0]["step"] if first else -1]))[0])
        if step < 0 or not self.placed.rank:
            return first
        loaded = load(self.folder)
        if loaded is None or loaded[0]["step"] != step:
            found = "none" if loaded is None else f"one of step {loaded[0]['step']}"
            raise OSError(
                f"rank {self.placed.rank} does not see the checkpoint of rank 0. "
                f"Received: {found} in {self.folder}. Expected that of step {step}: "
                "the store must be one folder that all hosts share."
            )
        return loaded


def machine():
    """Facts besides code, data and versions that change the bits of a result."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "flags": {
            name: os.environ.get(name, "")
            for name in ("TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "OMP_NUM_THREADS")
        },
    }
