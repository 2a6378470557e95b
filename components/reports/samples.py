"""Texts drawn from P, as the SavedModel's `sample` draws them."""

import keras
import numpy as np
from keras import ops

from phistar.components.decoding.sample import continue_texts, sample

TEMPERATURES, DRAWS, LENGTH = (0.5, 0.8, 1.0), 2, 400


class Drawn(keras.Model):
    """Texts drawn from P, as a Keras model: `predict_on_batch` compiles it.

    Args:
        network: TransformerLM.
        num_labels: V.
    """

    def __init__(self, network, num_labels):
        super().__init__()
        self.network, self.num_labels = network, num_labels
        self.built = True

    def call(self, inputs):
        """(temperature float [B], uniform float [B, M]) -> int32 [B, M]."""
        temperature, uniform = inputs
        rows, length = ops.shape(uniform)  # tensors, since batches differ in size
        no_text = ops.cast(ops.zeros_like(temperature), "int32")
        # top_k and top_p that cut nothing
        cut = no_text + self.num_labels, ops.ones_like(temperature)

        def choose(log_probs, number):
            place = ops.minimum(number, length - 1)[:, None]
            drawn = ops.take_along_axis(uniform, place, axis=1)[:, 0]
            return sample(log_probs, drawn, temperature, *cut)

        prompt = ops.zeros((rows, 0), "int32")
        most = no_text + length
        return continue_texts(
            self.network, prompt, no_text, most, length, choose
        ).tokens


def samples(network, encoder):
    """Texts drawn at several temperatures, always with the same random numbers.

    Args:
        network: TransformerLM.
        encoder: Text.

    Returns:
        list of (temperature float, text str).
    """
    temperature = np.repeat(np.array(TEMPERATURES, "float32"), DRAWS)
    uniform = np.random.default_rng(0).random((len(temperature), LENGTH), "float32")
    drawn = Drawn(network, len(encoder.names))
    tokens = drawn.predict_on_batch((temperature, uniform))
    texts = [encoder.decode(row) for row in tokens]
    return list(zip(temperature.tolist(), texts, strict=True))
