"""The contract.json of a SavedModel, and the options for its knobs."""

import json
from pathlib import Path

# keys that earlier ones did not have
NEWEST = ("reads", "batch_size", "inputs", "ranges")


def read_contract(folder: Path) -> dict:
    """The contract.json of a SavedModel that is to be asked.  -> dict.

    Raises:
        ValueError: if it was written by an earlier phistar.
    """
    contract = load(folder)
    newest = [*NEWEST, *["white"] * (contract.get("reads") == "images")]
    if missing := [key for key in newest if key not in contract]:
        raise ValueError(
            f"{folder / 'contract.json'} is of an earlier phistar. Received: "
            f"{', '.join(contract)}. Expected also {', '.join(missing)}: export it "
            "again."
        )
    return contract


def read_served(folder: Path) -> dict:
    """The score of test through a SavedModel, also of an earlier phistar's.

    Returns:
        test_nll, nats a label; test_n; test_difference.
    """
    return load(folder)["served"]


def load(folder: Path) -> dict:
    """The contract.json of a SavedModel's folder."""
    return json.loads((folder / "contract.json").read_text("utf-8"))


# Knob -> (type of its option, help). The default is the contract's.
KNOBS = {
    "max_length": (int, "tokens at most, the end counted (default: the export's)"),
    "seed": (int, "input i, from 0, draws with seed + i (default: 0)"),
    "temperature": (float, "1 samples from P itself (default: 1)"),
    "top_k": (int, "sample from the k most probable only (default: all)"),
    "top_p": (float, "sample from the most probable that hold p (default: 1)"),
    "beam_size": (int, "hypotheses of the beam search (default: the export's)"),
    "length_penalty": (float, "of the beam search (default: the export's)"),
}
