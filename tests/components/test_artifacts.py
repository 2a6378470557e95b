import json

import numpy as np
import pytest

from phistar.components.artifacts import (
    Dataset,
    load_network,
    make_network,
    save_network,
    truncate,
    write_json,
)

DESCRIPTIONS = {
    "linear": {"input_shape": [4], "input_dtype": "float32", "arguments": {}},
    "mlp": {
        "input_shape": [4],
        "input_dtype": "float32",
        "arguments": {"mlp_dim": 3, "dropout": 0.5},
    },
    "vgg_small": {
        "input_shape": [8, 8, 1],
        "input_dtype": "uint8",
        "arguments": {"num_blocks": 1, "width": 2, "mlp_dim": 3},
    },
}


def description_of(network):
    """A whole description of a small network."""
    return {**DESCRIPTIONS[network], "network": network, "num_outputs": 2, "scale": 0.5}


@pytest.mark.parametrize("network", DESCRIPTIONS)
def test_load_network_gives_equal_logits(network, tmp_path):
    description = description_of(network)
    saved = make_network(description)
    rng = np.random.default_rng(0)
    for variable in saved.variables:  # batch normalisation's too
        if "seed" not in variable.path:
            variable.assign(rng.uniform(0.1, 1, variable.shape))
    save_network(tmp_path, saved, description)
    loaded, again = load_network(tmp_path)
    inputs = rng.integers(0, 255, (5, *description["input_shape"]))
    inputs = inputs.astype(description["input_dtype"])
    np.testing.assert_array_equal(loaded.logits(inputs), saved.logits(inputs))
    assert again | description == again


def test_load_network_refuses_weights_of_another_shape(tmp_path):
    description = description_of("mlp")
    save_network(tmp_path, make_network(description), description)
    changed = json.loads((tmp_path / "network.json").read_text())
    changed["arguments"]["mlp_dim"] = 7
    write_json(tmp_path / "network.json", changed)
    with pytest.raises(ValueError, match="not those of this network"):
        load_network(tmp_path)


def test_save_network_writes_equal_bytes_for_equal_weights(tmp_path):
    description = description_of("mlp")
    network = make_network(description)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save_network(tmp_path / name, network, description)
    first, second = ((tmp_path / n / "weights.npz").read_bytes() for n in "ab")
    assert first == second


def test_write_json_of_equal_data_is_equal_bytes(tmp_path):
    write_json(tmp_path / "a", {"x": 1, "y": ["ä"]})
    write_json(tmp_path / "b", {"y": ["ä"], "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("kind", ["columns", "images"])
def test_truncate_keeps_the_first_rows(kind, make_dataset, tmp_path):
    whole = Dataset.load(make_dataset(kind, "binary"))
    truncate(whole.folder, tmp_path / "short", 5)
    short = Dataset.load(tmp_path / "short")
    for split in ("train", "valid", "test"):
        for part, all_rows in zip(short.split(split), whole.split(split), strict=True):
            np.testing.assert_array_equal(part, all_rows[:5])
    assert short.description == whole.description
    assert short.digests["all"] != whole.digests["all"]
    raw, first = short.raw(), whole.raw()
    if kind == "columns":
        raw, first = raw["number"], first["number"]
    np.testing.assert_array_equal(raw, first[:5])
