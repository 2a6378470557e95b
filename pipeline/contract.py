"""What a SavedModel's contract.json says."""

import json

NEWEST = ("knobs",)  # what earlier ones did not have, and everybody reads


def read_contract(folder):
    """The contract.json of a SavedModel's folder.  -> dict.

    Raises:
        ValueError: if it was written by an earlier phistar.
    """
    contract = json.loads((folder / "contract.json").read_text("utf-8"))
    if missing := [key for key in NEWEST if key not in contract]:
        raise ValueError(
            f"{folder / 'contract.json'} is of an earlier phistar. Received: "
            f"{', '.join(contract)}. Expected also {', '.join(missing)}: export it "
            "again."
        )
    return contract
