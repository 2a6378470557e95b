"""The runs below a root, and the run that a word names.

They are read from the records in mlruns/runs/, so that mlflow is not needed.
"""

import time
from pathlib import Path
from typing import NamedTuple

from pipeline.process.terminal import nearest
from pipeline.record.journal import read_all
from pipeline.record.sent import read_state
from pipeline.store.store import Store

SHOWN = 10  # runs that an error lists
PREFIX = 4  # letters, at least, of the beginning of an id


class Run(NamedTuple):
    """One execution.

    Args:
        run_id: ours.
        mlflow_run_id: MLflow's; "" while it does not have the run.
        name: in MLflow's list.
        recipe: its name.
        time: of its start, ms since the epoch.
        parent: run_id of the execution that it belongs to, or None.
        finished: True if all stages ended.
        keys: stage -> key of its result.
    """

    run_id: str
    mlflow_run_id: str
    name: str
    recipe: str
    time: int
    parent: str | None
    finished: bool
    keys: dict[str, str]

    def __str__(self) -> str:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.time / 1000))
        return f"{self.run_id[:8]} ({self.name}, {began})"


def runs(root: Path) -> list[Run]:
    """All executions below a root, the oldest first."""
    found = []
    for record, entries in read_all(root):
        keys = {
            entry["stage"]: entry["key"]
            for entry in entries
            if entry["kind"] == "stage" and entry["status"] in ("ran", "cached")
        }
        start, last = entries[0], entries[-1]
        run = Run(
            run_id=record.run_id,
            mlflow_run_id=read_state(root, record.run_id).get("mlflow_run_id", ""),
            name=start["name"],
            recipe=start["experiment"],
            time=start["time"],
            parent=start.get("parent"),
            finished=last["kind"] == "end" and last["status"] == "FINISHED",
            keys=keys,
        )
        found.append(run)
    return found


def matching(word: str, known: list[Run]) -> list[Run]:
    """The runs that a word names: by id, by recipe, by name, by the id's beginning.

    Args:
        word: see `find`.
        known: the runs, the oldest first.
    """
    recipe = Path(word).stem if word.endswith((".yaml", ".yml")) else word
    of_recipe = [run for run in known if run.recipe == recipe]
    whole = [run for run in of_recipe if run.finished and "export" in run.keys]
    candidates = (
        [run for run in known if word in (run.run_id, run.mlflow_run_id)],
        (whole or of_recipe)[-1:],
        [run for run in known if run.name == word],
        [
            run
            for run in known
            if len(word) >= PREFIX
            and (run.run_id.startswith(word) or run.mlflow_run_id.startswith(word))
        ],
    )
    return next(filter(None, candidates), [])


def find(word: str, root: Path, stage: str, other: str = "") -> Run:
    """The run that a word names, with a result of a stage.

    Args:
        word: a run's id (ours or MLflow's), or the beginning of one, 4 letters or
            more; a recipe's name or file, for its newest finished run; or a run's name.
        root: project root.
        stage: its name.
        other: other things that the caller accepts, in words.

    Raises:
        ValueError: no run, or several with different results.
    """
    known = runs(root)
    found = matching(word, known)
    if not found:
        known = [run for run in known if stage in run.keys]
        hint = expected(word, known, root, stage, other)
        what = f"run or {stage}" if other else "run"
        raise ValueError(f"no such {what}. {hint}")
    ids = {run.run_id for run in found}  # a parent's results are its children's
    having = [
        run for run in known if stage in run.keys and {run.run_id, run.parent} & ids
    ]
    if not having:
        raise ValueError(
            f"a run without the result of `{stage}`. Received: {word}, that is "
            f"{found[-1]}. Run `phistar {stage} {found[-1].recipe}` with the same "
            "overrides."
        )
    if len({run.keys[stage] for run in having}) > 1:
        listed = ", ".join(str(run) for run in having[-SHOWN:])
        raise ValueError(
            f"{len(having)} runs with different results of `{stage}` are meant. "
            f"Received: {word}. Expected one of their ids: {listed}."
        )
    return having[-1]


def result(run: Run, stage: str, root: Path) -> Path:
    """The folder of the result of a run's stage, checked.

    Raises:
        ValueError: it is no longer in the store.
    """
    folder = Store(Path(root) / "mlruns").get(stage, run.keys[stage])
    if folder is None:
        raise ValueError(
            f"the result of `{stage}` of {run} is no longer in the store. Run "
            f"`phistar {stage} {run.recipe}` with the same overrides, and it is made "
            "again."
        )
    return folder


def expected(
    word: str, known: list[Run], root: Path, stage: str, other: str = ""
) -> str:
    """The end of an error: the word received, the runs expected, the nearest name.

    Args:
        word: received.
        known: the runs that could be meant.
        root: project root.
        stage: they have its result.
        other: other things that the caller accepts, in words.
    """
    if not known:
        return (
            f"Received: {word}. Expected {other}a run below {Path(root) / 'mlruns'}, "
            f"where no run has come to `{stage}` yet. Begin with `phistar run NAME`."
        )
    recipes = list(dict.fromkeys(run.recipe for run in reversed(known)))
    hint = nearest(word, [*recipes, *(run.name for run in known)])
    newest = ", ".join(str(run) for run in known[: -SHOWN - 1 : -1])
    return (
        f"Received: {word}. Expected {other}a recipe that has run "
        f"({', '.join(recipes)}), or a run's id or name: {newest}.{hint}"
    )
