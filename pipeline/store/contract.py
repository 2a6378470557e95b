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


# What a signature may take beside the input: its type, and what it is. Those that the
# export states are its `serving_default`'s where nothing is typed.
KNOBS = {
    "max_length": (int, "tokens at most, the end counted (default: the export's)"),
    "seed": (int, "input i, from 0, draws with seed + i (default: 0)"),
    "temperature": (float, "1 samples from P itself (default: 1)"),
    "top_k": (int, "sample from the k most probable only (default: all)"),
    "top_p": (float, "sample from the most probable that hold p (default: 1)"),
    "beam_size": (int, "hypotheses of the beam search (default: the export's)"),
    "length_penalty": (float, "of the beam search (default: the export's)"),
}
