"""A trial: a process `run NAME key=value ... --to train`, or one for each fold.

Its record belongs to the sweep's. What it has measured is read from its journal while
it runs, and from the store when it has ended.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

from optuna.trial import FrozenTrial, TrialState

from phistar.pipeline.config.load import Config, ConfigError
from phistar.pipeline.process.root import command
from phistar.pipeline.record import journal
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.naming import run_entry
from phistar.pipeline.record.place import Place
from phistar.pipeline.record.runs import read
from phistar.pipeline.record.scores import read_json
from phistar.pipeline.store.store import Store
from phistar.pipeline.sweep import folds as pooled
from phistar.pipeline.sweep.pruning import Pruner
from phistar.pipeline.sweep.setting import Sweep
from phistar.pipeline.sweep.study import COMPLETE, FAIL, PRUNED, REASON

AGAIN = 1  # times that a process which something else has killed is started again


class Outcome(NamedTuple):
    """The end of a trial.

    Args:
        state: COMPLETE, PRUNED or FAIL.
        value: valid_nll, nats per label; None for FAIL.
        about: reason, or low and high of its interval, and seconds.
    """

    state: TrialState
    value: float | None
    about: dict[str, Any]


class Running:
    """A trial that is under way.

    Args:
        sweep: that it belongs to.
        trial: its number and values.
    """

    def __init__(self, sweep: Sweep, trial: FrozenTrial):
        self.sweep, self.trial, self.began = sweep, trial, time.monotonic()
        self.pruner = Pruner(sweep.study, 1) if sweep.folds else Pruner(sweep.study)
        self.handle, self.deaths, self.failed = None, 0, ""
        self.values: list[float] = []  # that the pruner has seen
        self.folders: list[Path] = []  # of the trainings that have ended
        self.reason = ""  # to prune it
        try:
            config = sweep.load(trial)
        except ConfigError as error:
            self.failed = " ".join(error.errors)
        else:
            if sweep.folds:
                self._open(config)
            self._start()

    @property
    def run_id(self) -> str:
        """The record of the process that runs, or ran last."""
        fold = len(self.folders) if self.sweep.folds else None
        return self.sweep.study.run_of(self.trial.number, fold)

    def _start(self) -> None:
        sweep, number = self.sweep, self.trial.number
        first = number == 0 and not self.folders
        if sweep.folds:
            fold = len(self.folders)
            above, tags = sweep.study.run_of(number), {"fold": str(fold)}
            place = Place(self.run_id, f"fold {fold}", above, tags, preflight=first)
            more = [f"ingest.fold=[{fold},{sweep.folds}]"]
        else:
            above, tags = sweep.study.run_id, {"trial": str(number)}
            place = Place(
                self.run_id, sweep.name(self.trial), above, tags, preflight=first
            )
            more = []
        self.handle = sweep.start(self.trial, place, *more, "--to", "train")

    def _open(self, config: Config) -> None:
        """Begin the record that the folds of this trial belong to."""
        sweep, number = self.sweep, self.trial.number
        record = Record(sweep.root, sweep.study.run_of(number))
        if record.entries():
            record.hold()
        else:
            start = run_entry(config, list(config.typed), sweep.study.run_id)
            words = ("run", sweep.recipe, *sweep.space.overrides(self.trial.params))
            tags = {"trial": str(number), "folds": str(sweep.folds)}
            about = {"name": sweep.name(self.trial), "tags": start["tags"] | tags}
            about["command"] = command(*words, root=sweep.root)
            record.append("start", **start | about)
        sweep.send(record.run_id)

    def terminate(self) -> None:
        """Ask its process to end in order."""
        if self.handle is not None:
            self.handle.terminate()

    def ended(self) -> bool:
        """True if no process of it runs."""
        return self.handle is None or self.handle.poll() is not None

    def step(self) -> Outcome | None:
        """Look at it; end it if it is to be pruned.

        Returns:
            Outcome of a trial that has ended, else None.
        """
        if self.failed:
            return self._close(FAIL, None, self.failed)
        status = self.handle.poll()
        if self.sweep.prune and not self.sweep.folds:
            self._judge(self._evaluations())
        if status is None:
            return None
        if self.reason:
            return self._close(PRUNED, min(self.values), self.reason)
        run = read(self.run_id, self._record().entries(), {})
        if status == 0 and "train" in run.keys:
            return self._trained(Path(run.keys["train"]))
        if self._killed(status) and self.deaths < AGAIN:
            self.deaths += 1
            self._start()
            return None
        return self._close(FAIL, None, self._why(status))

    def _killed(self, status: int) -> bool:
        """True if something else has ended the process, as a lack of memory may."""
        return status < 0 or status in (130, 143)

    def _why(self, status: int) -> str:
        """The reason of a process that has failed."""
        entries = self._record().entries()
        last = entries[-1] if entries else {}
        if last.get("status") == "FAILED" and last.get("reason"):
            return " ".join(filter(None, [last["reason"], last.get("advice")]))
        if status < 0:
            return f"signal {-status} ended its process: a lack of memory, maybe"
        return f"its process ended with status {status}: see its log"

    def _trained(self, key: Path) -> Outcome | None:
        """Go on to the next fold, or end, now that a training is in the store."""
        folder = Store(self.sweep.root / "mlruns").path("train", str(key))
        self.folders.append(folder)
        measured = read_json(folder / "valid.json")
        if not self.sweep.folds:
            ends = {end: measured[f"valid_nll_{end}"] for end in ("low", "high")}
            return self._close(COMPLETE, measured["valid_nll"], "", **ends)
        found = pooled.summary(self.folders)
        value, done = found.pop("mean"), len(self.folders) == self.sweep.folds
        if done:
            return self._close(COMPLETE, value, "", **found)
        if self.sweep.prune:
            self._judge([*self.values, value])
        else:
            self.values.append(value)
        if self.reason:
            return self._close(PRUNED, value, self.reason)
        self._start()
        return None

    def _judge(self, evaluations: list[float]) -> None:
        """Take the decisions about evaluations that are new."""
        for value in evaluations[len(self.values) :]:
            if self.reason:
                return
            self.values.append(value)
            self.sweep.study.report(self.trial, len(self.values) - 1, value)
            if self.pruner.prunes(self.values):
                self.reason = self.pruner.reason(self.values)
                if self.handle.poll() is None:
                    self.handle.terminate()

    def _record(self) -> Record:
        return Record(self.sweep.root, self.run_id)

    def _evaluations(self) -> list[float]:
        """valid_nll of each evaluation so far."""
        stages = [e for e in self._record().entries() if e.get("stage") == "train"]
        stages = [e for e in stages if e["kind"] == "stage" and e["status"] != "failed"]
        if not stages:
            return []
        folder = self.sweep.root / "mlruns" / stages[-1]["path"]
        found = journal.read(folder / "journal.jsonl")[0]
        values = [e["values"] for e in found if e["kind"] == "metrics"]
        return [value["valid_nll"] for value in values if "valid_nll" in value]

    def _close(
        self, state: TrialState, value: float | None, reason: str, **about: Any
    ) -> Outcome:
        """The outcome, which the record gets too where the process has not told it."""
        if reason:
            about[REASON] = reason
        about["seconds"] = round(time.monotonic() - self.began, 1)
        whole = Record(self.sweep.root, self.sweep.study.run_of(self.trial.number))
        entries = whole.entries()
        if state == COMPLETE and self.sweep.folds:
            metrics = {"valid_nll": value, "valid_nll_best": value}
            metrics |= {f"valid_nll_{end}": about[end] for end in ("low", "high", "sd")}
            whole.append("metrics", step=0, values=metrics)
            whole.append("end", status="FINISHED")
        elif state == PRUNED:
            whole.append("end", **self._pruned(reason))
        elif state == FAIL and entries and entries[-1].get("status") != "FAILED":
            why = {"stage": "train", "reason": reason, "advice": ""}
            whole.append("end", status="FAILED", **why)
        return Outcome(state, value, about)

    def _pruned(self, reason: str) -> dict[str, str]:
        """The fields of the end of a pruned trial."""
        words = ("run", self.sweep.recipe)
        words += tuple(self.sweep.space.overrides(self.trial.params))
        advice = f"`{command(*words, root=self.sweep.root)}` trains it to its end."
        return {
            "status": "KILLED",
            "stage": "train",
            "reason": reason,
            "advice": advice,
        }
