"""Which export is meant: by a run's id or name, a recipe's name, or its folder.

What ran is read from the records in mlruns/runs/, so that mlflow is not needed.
"""

import json
import time
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from pipeline.journal import read_all
from pipeline.sending import read_state
from pipeline.store import Store

SHOWN = 10  # runs that an error lists
PREFIX = 4  # letters of an id that may stand for it


class Run(NamedTuple):
    """One execution.

    Args:
        run_id: ours.
        mlflow_run_id: MLflow's; "" while it does not have the run.
        name: as MLflow lists it.
        recipe: its name.
        time: when it began, ms since the epoch.
        parent: run_id of the execution that it belongs to, or None.
        finished: whether it came to the end of all stages.
        key: of its export; None without one.
    """

    run_id: str
    mlflow_run_id: str
    name: str
    recipe: str
    time: int
    parent: str | None
    finished: bool
    key: str | None

    def __str__(self):
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.time / 1000))
        return f"{self.run_id[:8]} ({self.name}, {began})"


class Export(NamedTuple):
    """A SavedModel.

    Args:
        folder: Path of saved_model.pb's folder.
        contract: dict, its contract.json.
        run_id: of the execution that it is named by; its maker's, if by its folder.
        name: of that execution, or the folder.
    """

    folder: Path
    contract: dict
    run_id: str
    name: str


def find(word, root):
    """The export that a word names.

    Args:
        word: folder of an export or of its SavedModel; a run's id (ours or MLflow's),
            or the beginning of one, 4 letters or more; a recipe's name or file, for
            its newest finished run; or a run's name.
        root: project root.

    Returns:
        Export.

    Raises:
        ValueError: none, or several.
    """
    for folder in (Path(word).expanduser(), Path(word).expanduser() / "saved_model"):
        if (folder / "contract.json").is_file():
            contract = read_contract(folder)
            return Export(folder, contract, contract["run_id"], word)
    known = runs(root)
    found = matching(word, known)
    if not found:
        raise ValueError(f"no such run or export. {expected(word, known, root)}")
    ids = {run.run_id for run in found}  # and of what ran under them, seed by seed
    with_export = [run for run in known if run.key and {run.run_id, run.parent} & ids]
    if not with_export:
        raise ValueError(
            f"a run without an export. Received: {word}, that is {found[-1]}. Run "
            f"`phistar export {found[-1].recipe}` with the same overrides."
        )
    if len({run.key for run in with_export}) > 1:
        listed = ", ".join(str(run) for run in with_export[-SHOWN:])
        raise ValueError(
            f"{len(with_export)} runs with different exports are meant. Received: "
            f"{word}. Expected one of their ids: {listed}."
        )
    run = with_export[-1]
    folder = Store(Path(root) / "mlruns").get("export", run.key)
    if folder is None:
        raise ValueError(
            f"the export of {run} is no longer in the store. Run `phistar export "
            f"{run.recipe}` with the same overrides, and it is made again."
        )
    folder = folder / "saved_model"
    return Export(folder, read_contract(folder), run.run_id, run.name)


def read_contract(folder):
    """The contract.json of a SavedModel's folder.  -> dict.

    Raises:
        ValueError: if it was written by an earlier phistar.
    """
    contract = json.loads((folder / "contract.json").read_text("utf-8"))
    if "kind" not in contract:
        raise ValueError(
            f"{folder / 'contract.json'} does not say what the inputs are. Received: "
            f"{', '.join(contract)}. Expected `kind`: export it again."
        )
    return contract


def runs(root):
    """Every execution below a root, the oldest first.  -> list of Run."""
    found = []
    for record, entries in read_all(root):
        key = None
        for entry in entries:
            if entry["kind"] == "stage" and entry["stage"] == "export":
                key = entry["key"] if entry["status"] in ("ran", "cached") else key
        last = entries[-1]
        found.append(
            Run(
                run_id=record.run_id,
                mlflow_run_id=read_state(root, record.run_id).get("mlflow_run_id", ""),
                name=entries[0]["name"],
                recipe=entries[0]["experiment"],
                time=entries[0]["time"],
                parent=entries[0].get("parent"),
                finished=last["kind"] == "end" and last["status"] == "FINISHED",
                key=key,
            )
        )
    return found


def matching(word, known):
    """The runs that a word names: by its id, its recipe, its name, its id's beginning.

    Args:
        word: str.
        known: list of Run, the oldest first.

    Returns:
        list of Run.
    """
    recipe = Path(word).stem if word.endswith((".yaml", ".yml")) else word
    of_recipe = [run for run in known if run.recipe == recipe]
    whole = [run for run in of_recipe if run.finished and run.key]
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


def expected(word, known, root):
    """What was received, what there is, and what is like it."""
    exported = [run for run in known if run.key]
    if not exported:
        return (
            f"Received: {word}. Expected a run below {Path(root) / 'mlruns'}, where "
            "nothing has been exported yet, or the folder of an export. "
            "Begin with `phistar run NAME`."
        )
    recipes = list(dict.fromkeys(run.recipe for run in reversed(exported)))
    nearest = get_close_matches(word, [*recipes, *(r.name for r in exported)], 1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    newest = ", ".join(str(run) for run in exported[: -SHOWN - 1 : -1])
    return (
        f"Received: {word}. Expected the folder of an export, a recipe that has run "
        f"({', '.join(recipes)}), or a run's id or name: {newest}.{hint}"
    )
