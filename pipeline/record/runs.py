"""The runs below a root, and the run that a word names.

They are read from the records in mlruns/runs/, so that mlflow is not needed.
"""

import time
from pathlib import Path
from typing import NamedTuple

from phistar.pipeline.process.terminal import nearest
from phistar.pipeline.record.journal import read_all
from phistar.pipeline.record.life import alive
from phistar.pipeline.record.sent import read_state
from phistar.pipeline.store.store import Store

SHOWN = 10  # runs that an error lists
PREFIX = 4  # letters, at least, of the beginning of an id
# the last status in a record -> that of the run
STATUS = {
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "stopped",
    "SCHEDULED": "stopped",  # as asked, before the last stage
}


class Run(NamedTuple):
    """One execution.

    Args:
        run_id: ours.
        mlflow_run_id: MLflow's; "" while it does not have the run.
        name: in MLflow's list.
        recipe: its name.
        time: of its start, ms since the epoch.
        parent: run_id of the execution that it belongs to, or None.
        seeds: number of executions that it is the parent of, or None.
        trial: its number in a sweep, or None.
        sweep: True for a sweep itself, the parent of trials.
        folds: number of folds that a trial is the mean of, or None.
        fold: True for the training of one fold of a trial.
        params: the resolved config, flat.
        status: "finished" (all stages), "stopped", "failed" or "running".
        failure: stage, reason and advice of a failed run, "" where unknown; or None.
        keys: stage -> key of its result.
        means: metric -> its mean over the seeds of a parent.
    """

    run_id: str
    mlflow_run_id: str
    name: str
    recipe: str
    time: int
    parent: str | None
    seeds: int | None
    trial: int | None
    sweep: bool
    folds: int | None
    fold: bool
    params: dict
    status: str
    failure: dict[str, str] | None
    keys: dict[str, str]
    means: dict[str, float]

    def __str__(self) -> str:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.time / 1000))
        return f"{self.run_id[:8]} ({self.name}, {began})"


def runs(root: Path) -> list[Run]:
    """All executions below a root, the oldest first."""
    return [
        read(
            record.run_id,
            entries,
            read_state(root, record.run_id),
            entries[-1]["kind"] != "end" and alive(record.path),
        )
        for record, entries in read_all(root)
    ]


def read(run_id: str, entries: list[dict], sent: dict, living: bool = True) -> Run:
    """A run, from its record.

    Args:
        run_id: ours.
        entries: of the record.
        sent: state of its way to MLflow.
        living: True if a process writes the record.
    """
    start, last = entries[0], entries[-1]
    stages = [entry for entry in entries if entry["kind"] == "stage"]
    ended = last["kind"] == "end"
    status = STATUS[last["status"]] if ended else "running" if living else "stopped"
    failure = None
    if status == "failed":
        stage = stages[-1]["stage"] if stages else ""
        words = {"stage": stage, "reason": "", "advice": ""}
        failure = words | {name: last[name] for name in words if last.get(name)}
    metrics = [entry["values"] for entry in entries if entry["kind"] == "metrics"]
    tags = start.get("tags", {})
    seeds, trial = tags.get("seeds"), tags.get("trial")
    return Run(
        run_id=run_id,
        mlflow_run_id=sent.get("mlflow_run_id", ""),
        name=start["name"],
        recipe=start["experiment"],
        time=start["time"],
        parent=start.get("parent"),
        seeds=int(seeds) if seeds else None,
        trial=int(trial) if trial else None,
        sweep="sweep" in tags,
        folds=int(tags["folds"]) if "folds" in tags else None,
        fold="fold" in tags,
        params=start.get("params", {}),
        status=status,
        failure=failure,
        keys={
            entry["stage"]: entry["key"]
            for entry in stages
            if entry["status"] in ("ran", "cached")
        },
        means={name: value for values in metrics for name, value in values.items()},
    )


def named(word: str, known: list[Run]) -> list[Run]:
    """The run that has a word for its whole id, ours or MLflow's, as a list."""
    return [run for run in known if word in (run.run_id, run.mlflow_run_id)]


def recipe_of(word: str) -> str:
    """The recipe that a word names, if it names one: a name, or a YAML file."""
    return Path(word).stem if word.endswith((".yaml", ".yml")) else word


def matching(word: str, known: list[Run]) -> list[Run]:
    """The runs that a word names: by id, by recipe, by name, by the id's beginning.

    Args:
        word: see `find`.
        known: the runs, the oldest first.
    """
    of_recipe = [run for run in known if run.recipe == recipe_of(word)]
    whole = [
        run for run in of_recipe if run.status == "finished" and "export" in run.keys
    ]
    candidates = (
        named(word, known),
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
