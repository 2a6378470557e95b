"""Facts that all trials of a sweep share, and the start of their processes."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from optuna.trial import FrozenTrial

from phistar.pipeline.config import parse
from phistar.pipeline.config.load import Config, load
from phistar.pipeline.process.workers import Handle, Worker
from phistar.pipeline.record.naming import BETWEEN, special
from phistar.pipeline.record.place import Place
from phistar.pipeline.sweep.space import Space
from phistar.pipeline.sweep.study import Study


class Sweep(NamedTuple):
    """Facts that all trials of a sweep share.

    Args:
        recipe: name or file.
        space: keys and values.
        root: project root.
        study: the trials.
        worker: the place where processes run.
        folds: number of folds, or None.
        prune: True ends trials that are worse than the median.
        send: called with the run_id of each record that MLflow is to have.
    """

    recipe: str
    space: Space
    root: Path
    study: Study
    worker: Worker
    folds: int | None
    prune: bool
    send: Callable[[str], None]

    def load(self, trial: FrozenTrial, more: tuple[str, ...] = ()) -> Config:
        """The config of a trial."""
        words = [*self.space.overrides(trial.params), *more]
        return load(self.recipe, words, self.root)

    def name(self, trial: FrozenTrial) -> str:
        """The name of a trial: its number, and the values that vary."""
        return BETWEEN.join([f"trial {trial.number}", *self.values(trial)])

    def values(self, trial: FrozenTrial) -> list[str]:
        """The values of a trial in few words."""
        return [
            special(d.key, parse.value(d.word(trial.params[d.key])))
            for d in self.space.dimensions
        ]

    def start(self, trial: FrozenTrial, place: Place, *more: str) -> Handle:
        """Start a process that runs the recipe with the values of a trial.

        Args:
            trial: it.
            place: of the record.
            *more: words behind the overrides.
        """
        self.send(place.run_id)
        words = [self.recipe, *self.space.overrides(trial.params), *more]
        words = ["run", *words, "--root", str(self.root)]
        log = self.study.folder / "trials" / f"trial_{trial.number}.log"
        return self.worker.start(words, place.environment(), Path.cwd(), log)
