"""Each law of an untrained network, on one that holds it and on one that breaks it."""

import keras
import numpy as np
import pytest

from phistar.components.errors import RejectedModel
from phistar.components.labels import LabelSpace
from phistar.components.networks.base import Network
from phistar.components.networks.linear import linear
from phistar.components.networks.transformer import encoder_decoder
from phistar.components.networks.transformer.decoder import transformer_lm
from phistar.components.networks.transformer.encoder_decoder import transformer
from phistar.components.tasks.language import Language
from phistar.components.tasks.multiclass import Multiclass
from phistar.components.tasks.translation import Translation
from phistar.components.training import laws

K, ROWS, LENGTH = 5, 8, 6
NAMES = LabelSpace(tuple("abcde"), tuple(range(K)))
SMALL = {"num_layers": 1, "num_heads": 2, "model_dim": 8, "mlp_dim": 16}


def examples():
    """(inputs, labels, weights) of numbers."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(ROWS, 3)).astype("float32")
    labels = np.arange(ROWS, dtype="int32") % K
    return inputs, labels, np.full(ROWS, 1 / ROWS, "float32")


def texts():
    """(inputs, labels, weights) of texts of one length, two tokens of them padding."""
    rng = np.random.default_rng(0)
    labels = rng.integers(1, K, (ROWS, LENGTH)).astype("int32")
    weights = np.ones((ROWS, LENGTH), "float32")
    weights[:, -2:] = 0
    read = np.pad(labels[:, :-1], [(0, 0), (1, 0)])
    return read, labels, weights / weights.sum()


def pairs():
    """The same, given a source that ends with EOS."""
    read, labels, weights = texts()
    source = labels[::-1].copy()
    source[:, -1] = source[:3, -2] = 0
    return (source, read), labels, weights


def network(*layers, shape=(3,), dtype="float32"):
    """Layers, and a linear head."""
    inputs = outputs = keras.Input(shape, dtype=dtype)
    for layer in layers:
        outputs = layer(outputs)
    return Network(keras.Model(inputs, outputs), K)


@pytest.mark.parametrize(
    ("task", "make", "batch"),
    [
        (Multiclass(NAMES), lambda: linear((3,), "float32", K), examples()),
        (
            Language(NAMES),
            lambda: transformer_lm((None,), "int32", K, context=8, stride=4, **SMALL),
            texts(),
        ),
        (
            Translation(NAMES),
            lambda: transformer((None,), "int32", K, **SMALL),
            pairs(),
        ),
    ],
    ids=("numbers", "texts", "pairs"),
)
def test_good_networks_hold_all_laws(task, make, batch):
    made = make()
    laws.probabilities(task, made, batch)
    if batch[1].ndim == 2:
        laws.causal(task, made, batch)
    laws.padding(task, made, batch, "cross_entropy")
    laws.overfit(task, made, batch, "cross_entropy")


def test_first_loss_is_that_of_the_uniform():
    made = linear((3,), "float32", K)
    made.head.kernel.assign(3 * np.eye(3, K))
    with pytest.raises(RejectedModel, match=r"first loss.*ln K = 1.609"):
        laws.probabilities(Multiclass(NAMES), made, examples())
    laws.probabilities(Multiclass(NAMES), made, examples(), warm=True)


class Unnormalised(Multiclass):
    def log_probs(self, logits):
        return logits


def test_probabilities_sum_to_one():
    made = linear((3,), "float32", K)
    with pytest.raises(RejectedModel, match="probabilities sum to one"):
        laws.probabilities(Unnormalised(NAMES), made, examples())


def test_logits_are_causal():
    looks_ahead = network(
        keras.layers.Embedding(K, 8),
        keras.layers.Conv1D(8, 3, padding="same"),
        shape=(None,),
        dtype="int32",
    )
    causal = network(
        keras.layers.Embedding(K, 8),
        keras.layers.Conv1D(8, 3, padding="causal"),
        shape=(None,),
        dtype="int32",
    )
    for made in (looks_ahead, causal):
        made.head.kernel.assign(np.zeros((8, K)))  # all logits are 0
    laws.causal(Language(NAMES), causal, texts())
    with pytest.raises(RejectedModel, match="logits are causal"):
        laws.causal(Language(NAMES), looks_ahead, texts())


class Unweighted(Language):
    def loss(self, features, head, labels, weights, loss, label_smoothing=0.0):
        losses = self.example_loss(head(features), labels, loss, 0.0)
        return keras.ops.mean(losses)


def test_padding_changes_nothing():
    made = transformer_lm((None,), "int32", K, context=8, stride=4, **SMALL)
    rng = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(rng.normal(size=weight.shape))
    laws.padding(Language(NAMES), made, texts(), "cross_entropy")
    with pytest.raises(RejectedModel, match="padding changes nothing"):
        laws.padding(Unweighted(NAMES), made, texts(), "cross_entropy")


def test_padding_of_a_source_is_not_read(monkeypatch):
    made = transformer((None,), "int32", K, **SMALL)
    laws.padding(Translation(NAMES), made, pairs(), "cross_entropy")
    monkeypatch.setattr(
        encoder_decoder,
        "before_padding",
        lambda source: keras.ops.ones_like(source) > 0,
    )
    made = transformer((None,), "int32", K, **SMALL)
    with pytest.raises(RejectedModel, match="padding changes nothing"):
        laws.padding(Translation(NAMES), made, pairs(), "cross_entropy")


class SeesOthers(keras.layers.Layer):
    """A mean over all rows, which those of weight 0 change."""

    def call(self, inputs):
        return inputs - 2 * keras.ops.mean(inputs, axis=0)


def test_rows_of_no_weight_change_no_other_row():
    sees_others = network(SeesOthers())
    sees_others.head.kernel.assign(np.zeros((3, K)))  # all logits are 0
    inputs, labels, weights = examples()
    batch = (inputs[:5], labels[:5], np.array([1, 0, 0, 0, 0], "float32"))
    laws.padding(Multiclass(NAMES), linear((3,), "float32", K), batch, "cross_entropy")
    with pytest.raises(RejectedModel, match="padding changes nothing"):
        laws.padding(Multiclass(NAMES), sees_others, batch, "cross_entropy")


def test_one_batch_can_be_overfitted():
    blind = network(keras.layers.Rescaling(0.0))
    with pytest.raises(RejectedModel, match="overfitted.*less than 0.624"):
        laws.overfit(Multiclass(NAMES), blind, examples(), "cross_entropy")


def test_equal_examples_are_not_overfitted():
    inputs, labels, weights = examples()
    same = (np.zeros_like(inputs), labels, weights)
    blind = network(keras.layers.Rescaling(0.0))
    laws.overfit(Multiclass(NAMES), blind, same, "cross_entropy")
