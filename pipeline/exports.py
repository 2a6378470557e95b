"""Which export is meant: by a run's id or name, a recipe's name, or its folder."""

import json
from pathlib import Path
from typing import NamedTuple

from pipeline.history import find as find_run
from pipeline.store import Store


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
    run = find_run(word, root, "export", "the folder of an export, ")
    folder = Store(Path(root) / "mlruns").get("export", run.keys["export"])
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
