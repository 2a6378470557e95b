"""A network that begins with an earlier one's weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from phistar.components import build
from phistar.components.artifacts import load_network
from phistar.components.training.warm_start import fingerprint
from tests.helpers import stages
from tests.helpers.data import TASKS

pytestmark = pytest.mark.usefixtures("narrow_vgg")
PAPER = ("block1_1", "block2_1", "block3_?", "dense_*", "head")


@pytest.fixture
def make(make_dataset, tmp_path):
    """(name, network, **keys of build) -> folder of the built network."""

    def call(name, network, kind="large images", task="multiclass", **keys):
        given = {"task": TASKS[task], "dataset": make_dataset(kind, task)}
        keys = {"mlp_dim": 8, **keys}
        return Path(
            stages.call(build, tmp_path / name, **given, network=network, **keys)
        )

    return call


def weights(folder):
    """{layer name: list of arrays}."""
    model, _ = load_network(folder)
    layers = [*model.features.layers, model.head]
    return {x.name: [np.asarray(w) for w in x.weights] for x in layers if x.weights}


def equal(one, other):
    return all((a == b).all() for a, b in zip(one, other, strict=True))


def test_same_network_is_taken_over_whole(make):
    old = make("old", "vgg_small", "images", width=2, seed=3)
    new = make("new", "vgg_small", "images", width=2, seed=4, weights=str(old))
    ours, theirs = weights(new), weights(old)
    assert ours.keys() == theirs.keys()
    assert all(equal(ours[name], theirs[name]) for name in ours)  # and the statistics


def test_vgg16_starts_with_layers_of_configuration_a_as_the_paper_does(make):
    old = make("old", "vgg11", seed=3)
    plain = make("plain", "vgg16", seed=4)
    new = make("new", "vgg16", seed=4, weights=str(old), weights_layers=PAPER)
    first, drawn, begun = weights(old), weights(plain), weights(new)
    taken = {
        name for name in begun if name in first and equal(begun[name], first[name])
    }
    # the first four convolutions of A and its dense layers
    assert taken == {
        *("block1_1", "block2_1", "block3_1", "block3_2"),
        *("dense_1", "dense_2", "head"),
    }
    for name in begun.keys() - taken:
        assert equal(begun[name], drawn[name])


def test_list_says_of_each_layer_what_became_of_it(make, capsys):
    old = make("old", "vgg16", task="binary")
    new = make("new", "vgg11", mlp_dim=9, weights=str(old), weights_layers=("[bdh]*",))
    text = (new / "weights.txt").read_text()
    assert text in capsys.readouterr().err
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert "taken over  3x3x1x2, 2" in lines["block1_1"]
    assert "left alone  6x9, 9 here, 6x8, 8 there" in lines["dense_1"]
    assert "left alone  9x3, 3 here, 8x1, 1 there" in lines["head"]
    assert "left alone  only the earlier network has it" in lines["block3_3"]
    names = weights(new).keys() | weights(old).keys()
    assert lines.keys() == names
    entries = map(json.loads, (new / "journal.jsonl").read_text().splitlines())
    assert "weights.txt" in [entry.get("path") for entry in entries]


def test_layers_that_are_not_asked_for_are_left_alone(make):
    old = make("old", "mlp", "columns", seed=3)
    new = make(
        "new", "mlp", "columns", seed=4, weights=str(old), weights_layers=("dense_1",)
    )
    assert equal(weights(new)["dense_1"], weights(old)["dense_1"])
    assert not equal(weights(new)["dense_2"], weights(old)["dense_2"])
    assert (
        "left alone  not in build.weights_layers" in (new / "weights.txt").read_text()
    )


def test_nothing_in_common_is_refused(make):
    old = make("old", "mlp", "columns", mlp_dim=5)
    with pytest.raises(ValueError, match=r"no layer of .* fits.*dense_1"):
        make("new", "mlp", "columns", mlp_dim=6, task="binary", weights=str(old))


def test_fingerprint_changes_with_each_file(make):
    folder = make("old", "mlp", "columns")
    first = fingerprint(folder)
    assert list(first) == ["network.json", "weights.npz"]
    with open(folder / "weights.npz", "ab") as file:
        file.write(b"x")
    second = fingerprint(folder)
    assert {name for name in first if first[name] != second[name]} == {"weights.npz"}


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"build\.weights=.*nonesuch.*stages/train"):
        fingerprint(tmp_path / "nonesuch")
