"""The trials of a sweep on disk, and the proposals for new ones.

mlruns/sweeps/NAME/KEY/optuna.log is a journal of Optuna: `optuna.load_study` reads it
with a `JournalFileBackend`. One process at a time has it. A trial is there, with all of
its values, before it starts; so a process that dies loses none.

The n-th proposal is a function of the seed, of n, and of what is known of the trials
before. With one worker these are all of them, so it is the same in every repetition.
"""

import fcntl
import hashlib
import os
import random
import time
import uuid
from pathlib import Path
from typing import IO, Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.terminal import note
from phistar.pipeline.sweep.space import Dimension, Space

RUNNING, COMPLETE = TrialState.RUNNING, TrialState.COMPLETE
PRUNED, FAIL = TrialState.PRUNED, TrialState.FAIL
PARENT = "phistar.run_id"  # attribute of the study: the record of the sweep
REASON = "reason"  # attribute of a trial that failed or was pruned
SECONDS = 5.0  # to wait for a process of the same sweep that is ending

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Study:
    """The trials of one sweep.

    Args:
        folder: of the sweep; made if it is not there.
        space: its keys and values.
        seed: of the proposals.

    Raises:
        Failure: another process runs this sweep.
    """

    def __init__(self, folder: Path, space: Space, seed: int):
        self.folder, self.space, self.seed = Path(folder), space, seed
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = alone(self.folder / ".lock")
        journal = self.folder / "optuna.log"
        mend(journal)
        self.storage = JournalStorage(JournalFileBackend(str(journal), Held()))
        if not self.storage.get_all_studies():
            self.storage.create_new_study([StudyDirection.MINIMIZE], "sweep")
        self.study_id = self.storage.get_study_id_from_name("sweep")
        if PARENT not in self.storage.get_study_user_attrs(self.study_id):
            self.storage.set_study_user_attr(self.study_id, PARENT, uuid.uuid4().hex)

    @property
    def run_id(self) -> str:
        """The record of the sweep."""
        return self.storage.get_study_user_attrs(self.study_id)[PARENT]

    def run_of(self, number: int, fold: int | None = None) -> str:
        """The record of a trial, or of one of its folds."""
        name = f"{self.run_id}/{number}/{'' if fold is None else fold}"
        return hashlib.sha256(name.encode()).hexdigest()[:32]

    def trials(self) -> list[FrozenTrial]:
        """All trials so far, in their order."""
        return self.storage.get_all_trials(self.study_id, deepcopy=False)

    def propose(self, count: int) -> FrozenTrial | None:
        """A new trial, running from now on.

        Args:
            count: trials of the sweep in all.

        Returns:
            None if there are as many already.
        """
        trials = self.trials()
        if len(trials) >= count:
            return None
        spread = {d.key: distribution(d) for d in self.space.dimensions}
        if self.space.is_grid():
            values = self._next_point(trials, count)
        else:
            values = self._proposed(trials, spread)
        if values is None:
            return None
        # with all of its values at once: no kill leaves half a trial
        template = create_trial(state=RUNNING, params=values, distributions=spread)
        number = self.storage.create_new_trial(self.study_id, template)
        return self.storage.get_trial(number)

    def _next_point(self, trials: list[FrozenTrial], count: int) -> dict | None:
        """The first point of the grid that no trial has; of a part a random one."""
        points = self.space.grid()
        if count < len(points):
            random.Random(self.seed).shuffle(points)
        taken = [trial.params for trial in trials]
        return next((point for point in points if point not in taken), None)

    def _proposed(self, trials: list[FrozenTrial], spread: dict) -> dict:
        """The values of the next trial, by the tree-structured Parzen estimator."""
        number = len(trials)
        digest = hashlib.sha256(f"{self.seed}/{number}".encode()).digest()
        seed = int.from_bytes(digest[:4], "big")
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.add_trials(trials)
        found = study.ask(spread).params
        return {d.key: d.rounded(found[d.key]) for d in self.space.dimensions}

    def report(self, trial: FrozenTrial, step: int, value: float) -> None:
        """Keep a valid_nll of a trial that is under way.

        Args:
            trial: it.
            step: number of the evaluation, or of the fold, from 0.
            value: nats per label.
        """
        self.storage.set_trial_intermediate_value(self._id(trial), step, value)

    def tell(
        self,
        trial: FrozenTrial,
        state: TrialState,
        value: float | None = None,
        **about: Any,
    ) -> None:
        """End a trial.

        Args:
            trial: it.
            state: COMPLETE, PRUNED or FAIL.
            value: valid_nll, nats per label; None for FAIL.
            **about: plain data to keep with it.
        """
        for name, fact in about.items():
            self.storage.set_trial_user_attr(self._id(trial), name, fact)
        values = None if value is None else [value]
        self.storage.set_trial_state_values(self._id(trial), state, values)

    def _id(self, trial: FrozenTrial) -> int:
        """The storage's own number of a trial."""
        find = self.storage.get_trial_id_from_study_id_trial_number
        return find(self.study_id, trial.number)

    def in_memory(self) -> optuna.Study:
        """A copy of the trials, which Optuna's functions take."""
        study = optuna.create_study()
        study.add_trials(self.trials())
        return study

    def close(self) -> None:
        """Let another process have the sweep."""
        self.lock.close()


class Held:
    """The lock of Optuna's file: this process has the whole folder already."""

    def acquire(self) -> bool:
        """Take it."""
        return True

    def release(self) -> None:
        """Give it back."""


def distribution(one: Dimension) -> BaseDistribution:
    """The values of a key, as Optuna has them; those of a list as words."""
    if one.words:
        return CategoricalDistribution(one.words)
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(float(one.low), float(one.high), log=one.log)


def alone(path: Path) -> IO:
    """An open file that no other process has locked; it holds this one's pid.

    Raises:
        Failure: another process has it.
    """
    file = open(path, "a+")  # noqa: SIM115  it is the lock, for as long as it is open
    limit = time.monotonic() + SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > limit:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                file.close()
                raise Failure(
                    f"this sweep is running already. Received: the same keys as pid "
                    f"{holder}. Wait for it, or stop it: the same command goes on.",
                    USAGE,
                ) from None
            time.sleep(0.1)
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def mend(path: Path) -> None:
    """Cut the torn line at the end of a journal whose writer was killed."""
    if not path.exists():
        return
    text = path.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        note(f"{path.name}: the last line was torn, and is left out")
        with open(path, "r+b") as file:
            file.truncate(whole)
