"""Stage 2, build: description of a Dataset -> Network to start from."""

import sys
from pathlib import Path
from typing import Annotated

import keras
from pydantic import Field

from phistar.components.artifacts import Dataset, make_network, make_task, save_network
from phistar.components.training.warm_start import report, start_from


def run(
    task,
    dataset,
    out_dir,
    log,
    fingerprint=None,
    *,
    network: str,
    seed: Annotated[int, Field(ge=0)] = 0,
    weights: str | None = None,
    weights_layers: tuple[str, ...] = ("*",),
    **options,
):
    """Build a network for the data's inputs and the task's outputs.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; only its description is read.
        out_dir: folder to write the Network to.
        log: Journal.
        fingerprint: of `weights` in the result's key; None compares nothing.
        network: name of the network.
        seed: of the initial weights.
        weights: folder of an earlier network to start from, mlruns/stages/train/KEY;
            relative to the working directory. Layers are taken over by name and shape.
        weights_layers: layers to take over from it; `*` and `?` as in a shell.
        **options: keys of the network.

    Raises:
        ValueError: if `weights` has no layer to take over, or its files have changed.
    """
    keras.utils.set_random_seed(seed)
    data = Dataset.load(dataset)
    inputs = data.description["inputs"]
    description = {
        "network": network,
        "arguments": options,
        "input_shape": inputs["shape"],
        "input_dtype": inputs["dtype"],
        "num_outputs": make_task(task, data.space).num_outputs,
        "scale": 1.0,
    }
    built = make_network(description)
    if weights is not None:
        lines = report(*start_from(built, weights, weights_layers, fingerprint))
        print("\n".join(lines), file=sys.stderr)
        (Path(out_dir) / "weights.txt").write_text("\n".join(lines) + "\n", "utf-8")
        log.artifact("weights.txt")
    (Path(out_dir) / "model_summary.txt").write_text(summary(built), "utf-8")
    log.artifact("model_summary.txt")
    save_network(out_dir, built, description)
    log.params({"network.num_parameters": built.count_params()})


def summary(network):
    """Table of a network's layers: kind, shape of the output, number of weights.

    Keras's own table has names that count the layers of the process, so its bytes
    would differ from run to run.

    Args:
        network: Network.
    """
    rows = [("layer", "output", "weights")]
    for layer in [*network.features.layers, network.head]:
        count = f"{layer.count_params():,}"
        rows.append((type(layer).__name__, output_shape(layer), count))
    rows.append(("all", "", f"{network.count_params():,}"))
    return "".join(f"{kind:<28}{shape:<36}{count:>14}\n" for kind, shape, count in rows)


def output_shape(layer):
    """Shape of a layer's output, "[?, 28, 28, 32]"; "" if Keras does not know it."""
    try:
        outputs = keras.tree.flatten(layer.output)
    except (AttributeError, ValueError):  # Keras knows it in a functional model only
        return ""
    return " ".join(str(list(output.shape)).replace("None", "?") for output in outputs)
