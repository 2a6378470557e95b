"""The export that a word names: a run's id or name, a recipe's name, or its folder.

Also the addresses of MLflow: models:/digits@champion, models:/digits/3, runs:/ID.
"""

from pathlib import Path
from typing import NamedTuple

from phistar.pipeline.record.runs import find as find_run
from phistar.pipeline.record.runs import result
from phistar.pipeline.store import champions
from phistar.pipeline.store.contract import read_contract

ADDRESSES = ("models:/", "runs:/")


class Export(NamedTuple):
    """A SavedModel.

    Args:
        folder: Path of saved_model.pb's folder.
        contract: dict, its contract.json.
        run_id: of the execution that it is named by; its maker's, if by its folder.
        name: of that execution, or the folder, or MLflow's address.
    """

    folder: Path
    contract: dict
    run_id: str
    name: str


def find(word: str, root: Path) -> Export:
    """The export that a word names.

    Args:
        word: folder of an export or of its SavedModel. Or a recipe's name, for its
            champion, or, if nothing was promoted, its newest finished run. Or a run's
            name, its id (ours or MLflow's), or the beginning of one, 4 letters or more.
            Or MLflow's address of a model or a run.
        root: project root.

    Raises:
        ValueError: no export, or several.
    """
    for folder in (Path(word).expanduser(), Path(word).expanduser() / "saved_model"):
        if (folder / "contract.json").is_file():
            contract = read_contract(folder)
            return Export(folder, contract, contract["run_id"], word)
    if word.startswith(ADDRESSES):
        from phistar.pipeline.tracking import registry  # it imports mlflow

        folder = registry.fetch(word, root)
        contract = read_contract(folder)
        return Export(folder, contract, contract["run_id"], word)
    if champion := champions.champion(word, root):
        champions.require_whole(champion)
        run_id = champions.read_origin(champion)["run_id"]
        name = f"{word}, version {champion.name}"
        return Export(champion, read_contract(champion), run_id, name)
    run = find_run(word, root, "export", "the folder of an export, ")
    folder = result(run, "export", root) / "saved_model"
    return Export(folder, read_contract(folder), run.run_id, run.name)
