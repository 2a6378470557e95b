"""Stage 2, build: description of a Dataset -> Network to start from."""

import sys
from pathlib import Path
from typing import Annotated

import keras
from pydantic import Field

from components.artifacts import Dataset, make_network, make_task, save_network
from components.training.warm_start import report, start_from

SUMMARY_WIDTH = 100  # letters of a line of the model's summary


def run(
    task,
    dataset,
    out_dir,
    log,
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
        network: name of the network.
        seed: of the initial weights.
        weights: folder of an earlier network to start from, mlruns/stages/train/KEY;
            relative to the working directory. Layers are taken over by name and shape.
        weights_layers: layers to take over from it; `*` and `?` as in a shell.
        **options: keys of the network.

    Raises:
        ValueError: if `weights` has no layer to take over.
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
        lines = report(*start_from(built, weights, weights_layers))
        print("\n".join(lines), file=sys.stderr)
        (Path(out_dir) / "weights.txt").write_text("\n".join(lines) + "\n", "utf-8")
        log.artifact("weights.txt")
    lines = []
    built.features.summary(print_fn=lines.append, line_length=SUMMARY_WIDTH)
    head = f"head: {built.head.name}, {description['num_outputs']} outputs"
    text = "\n".join([*lines, head, f"{built.count_params():,} parameters in all"])
    (Path(out_dir) / "model_summary.txt").write_text(f"{text}\n", "utf-8")
    log.artifact("model_summary.txt")
    save_network(out_dir, built, description)
    log.params({"network.num_parameters": built.count_params()})
