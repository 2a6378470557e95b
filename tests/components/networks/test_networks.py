import functools
import inspect

import keras
import numpy as np
import pytest

from phistar.components.networks import network
from phistar.components.networks.base import network_inputs
from phistar.components.networks.vgg_small import vgg_small
from phistar.pipeline.config import choices, schema
from tests.helpers.data import SMALL
from tests.helpers.tables import table

pytestmark = pytest.mark.usefixtures("narrow_vgg")
NETWORKS = choices.names(table("build.network"))
INPUTS = {
    "columns": ((5,), "float32"),
    "images": ((8, 8, 1), "uint8"),
    "large images": ((32, 32, 3), "uint8"),
    "text": ((None,), "int32"),
}

OF_PAIRS = ("transformer",)  # what they take are texts, and what they say of them too


def inputs_of(kind, num=7, name=None):
    """Random inputs of a kind, for the network `name`."""
    if name in OF_PAIRS:
        return inputs_of(kind, num), inputs_of(kind, num)
    shape, dtype = INPUTS[kind]
    rng = np.random.default_rng(0)
    if kind == "text":
        return rng.integers(0, 3, (num, 6)).astype("int32")
    if dtype == "uint8":
        return rng.integers(0, 256, (num, *shape)).astype("uint8")
    return rng.normal(size=(num, *shape)).astype("float32")


def build(name, kind):
    """The network for a kind of inputs, or None if it refuses them."""
    try:
        return network(name)(*INPUTS[kind], 3, **SMALL.get(name, {}))
    except ValueError:
        return None


built = functools.cache(build)  # for tests that change nothing of it


@pytest.mark.parametrize("name", NETWORKS)
def test_network_takes_some_kind_of_inputs(name):
    assert any(built(name, kind) for kind in INPUTS)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_takes_the_kinds_that_its_file_names(name):
    named = set(schema.chosen("build", name).takes)
    texts = "pairs" if name in OF_PAIRS else "text"
    kinds = {"large images": "images", "text": texts}
    assert named == {kinds.get(kind, kind) for kind in INPUTS if built(name, kind)}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_head_of_features_in_float32(name, kind):
    model = built(name, kind)
    if model is None:
        return  # this one refuses such inputs, as the test above allows
    inputs = inputs_of(kind, name=name)
    features = model.features(inputs, training=False)
    labels = inputs_of(kind).shape[: 2 if kind == "text" else 1]
    assert features.shape[:-1] == labels
    logits = model(inputs, training=False)
    assert logits.shape == (*labels, 3)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    np.testing.assert_allclose(model.head(features), logits, rtol=1e-6)
    assert model.head.activation is keras.activations.linear  # P is the task's


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_in_batches_are_those_at_once(name, kind):
    model = built(name, kind)
    if model is None or name in OF_PAIRS:
        return  # pairs are scored by their task
    inputs = inputs_of(kind)
    at_once = model(inputs, training=False)
    for batch_size in (3, 100):
        logits = model.logits(inputs, batch_size)
        np.testing.assert_allclose(logits, at_once, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_is_a_function_of_its_keys_and_the_seed(name):
    kind = next(kind for kind in INPUTS if built(name, kind))
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        models.append(build(name, kind))
    first, second = ([np.asarray(v) for v in model.variables] for model in models)
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_network_keys_are_keyword_only_with_defaults(name):
    parameters = list(inspect.signature(network(name)).parameters.values())
    given, keys = parameters[:3], parameters[3:]
    assert [p.name for p in given] == ["input_shape", "input_dtype", "num_outputs"]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in keys)


def test_network_inputs_scale_pixels_to_one():
    inputs, x = network_inputs((2, 1, 1), "uint8")
    pixels = np.array([[[[0]], [[255]]]], dtype="uint8")
    scaled = keras.Model(inputs, x)(pixels)
    np.testing.assert_allclose(np.ravel(scaled), [0, 1])


@pytest.mark.parametrize("side", [8, 13, 64])
def test_vgg_small_halves_the_image_in_each_block(side):
    model = vgg_small((side, side, 3), "uint8", 2, num_blocks=3, width=2, mlp_dim=4)
    pooled = model.features.get_layer("block3_pooling").output
    assert tuple(pooled.shape[1:]) == (side // 8, side // 8, 2 * 4)


@pytest.mark.parametrize(
    ("shape", "num_blocks", "message"),
    [
        ((30,), 2, "mlp"),
        ((7, 8, 1), 2, "8 to 64 pixels"),
        ((65, 65, 1), 2, "8 to 64 pixels"),
        ((8, 8, 1), 4, "num_blocks=4"),
    ],
)
def test_vgg_small_refuses_what_it_cannot_take(shape, num_blocks, message):
    with pytest.raises(ValueError, match=message):
        vgg_small(shape, "uint8", 2, num_blocks=num_blocks)


def test_table_names_its_cases_for_an_unknown_name():
    with pytest.raises(ValueError, match="Received: 'nonesuch'"):
        network("nonesuch")


def test_mirror_image_has_the_same_logits():
    inputs = inputs_of("images")
    keras.utils.set_random_seed(1)
    plain, mirrored = (
        vgg_small((8, 8, 1), "uint8", 3, width=4, mirror=mirror)
        for mirror in (False, True)
    )
    mirrored.set_weights(plain.get_weights())
    expected = (plain(inputs) + plain(inputs[:, :, ::-1])) / 2
    np.testing.assert_allclose(mirrored(inputs), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        mirrored(inputs[:, :, ::-1]), mirrored(inputs), rtol=1e-5, atol=1e-7
    )
    assert not np.allclose(plain(inputs), expected)
