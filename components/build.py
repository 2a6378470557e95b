"""Stage 2, build: a Dataset's description -> an untrained Network."""

import keras

from components.artifacts import (
    Dataset,
    make_network,
    make_task,
    save_network,
)


def run(task, dataset, out_dir, log, *, network: str, seed: int = 0, **options):
    """Build a network for the data's inputs and the task's outputs.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; only its description is read.
        out_dir: folder to write the Network to.
        log: Journal.
        network: which network.
        seed: of the initial weights.
        **options: keys of the network.
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
    save_network(out_dir, built, description)
    log.params({"network.num_parameters": built.count_params()})
