"""The paper's networks: sizes, layers, what they take. Most tests build them narrow."""

import keras
import numpy as np
import pytest

from phistar.components.networks import network, vgg

PARAMETERS = {
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16c": 133_638_952,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
}
DEPTHS = {"vgg11": 8, "vgg13": 10, "vgg16c": 13, "vgg16": 13, "vgg19": 16}


@pytest.fixture
def narrow(monkeypatch):
    """All widths small, so that a network is built in no time."""
    monkeypatch.setattr(vgg, "WIDTHS", (2, 3, 4, 5, 6))
    return lambda name, shape, **keys: network(name)(
        shape, "uint8", 3, **{"mlp_dim": 8, **keys}
    )


def layers(model, kind):
    return [layer for layer in model.features.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters_is_the_papers(name):
    # shapes without values: the five together are 2.7 GB
    with keras.StatelessScope(initialize_variables=False):
        model = network(name)((224, 224, 3), "uint8", 1000)
    assert model.count_params() == PARAMETERS[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_layers_are_those_of_table_1(name, narrow):
    model = narrow(name, (32, 32, 3))
    convolutions = layers(model, keras.layers.Conv2D)
    assert len(convolutions) == DEPTHS[name]
    ones = [c.name for c in convolutions if c.kernel_size == (1, 1)]
    expected = ["block3_3", "block4_3", "block5_3"] if name == "vgg16c" else []
    assert ones == expected
    assert all(c.use_bias and c.padding == "same" for c in convolutions)
    assert all(c.activation is keras.activations.relu for c in convolutions)
    assert [d.rate for d in layers(model, keras.layers.Dropout)] == [0.5, 0.5]
    assert [d.units for d in layers(model, keras.layers.Dense)] == [8, 8]


def test_configurations_share_names_where_they_share_layers(narrow):
    first = {
        layer.name: [tuple(w.shape) for w in layer.weights]
        for layer in narrow("vgg11", (32, 32, 3)).features.layers
    }
    for name in PARAMETERS:
        other = narrow(name, (32, 32, 3))
        named = {layer.name: layer for layer in other.features.layers}
        for word in ("block1_1", "block2_1", "block3_1", "block3_2", "dense_1"):
            assert [tuple(w.shape) for w in named[word].weights] == first[word]


@pytest.mark.parametrize("shape", [(32, 32, 1), (33, 70, 1), (48, 64, 3)])
def test_any_size_is_halved_five_times(narrow, shape):
    model = narrow("vgg16", shape)
    pooled = model.features.get_layer("block5_pooling").output
    assert tuple(pooled.shape[1:]) == (shape[0] // 32, shape[1] // 32, 6)
    assert model.logits(np.zeros((2, *shape), "uint8")).shape == (2, 3)


@pytest.mark.parametrize("shape", [(30,), (31, 32, 1), (32, 31, 3), (8, 8)])
def test_too_small_an_input_is_refused(narrow, shape):
    with pytest.raises(ValueError, match="at least 32 pixels"):
        narrow("vgg16", shape)


def test_images_of_the_papers_size_are_scored_a_few_at_a_time(narrow, monkeypatch):
    model = narrow("vgg11", (224, 224, 3))
    sizes = []

    def predict_on_batch(rows):
        sizes.append(len(rows))
        return np.zeros((len(rows), 3), "float32")

    monkeypatch.setattr(model, "predict_on_batch", predict_on_batch)
    images = np.broadcast_to(np.uint8(0), (20, 224, 224, 3))
    assert model.logits(images).shape == (20, 3)
    assert sizes == [6, 6, 6, 6]
