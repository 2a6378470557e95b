"""Dropout that draws a quarter of the random numbers."""

import keras
from keras import ops

LEVELS = 256  # of a byte


class Dropout(keras.layers.Layer):
    """Zero numbers at random, and enlarge the others so that the mean stays.

    Unlike `keras.layers.Dropout` one byte decides about a number, not 32 bits: on a CPU
    random numbers were a tenth of a training step of the Transformer.

    Args:
        rate: probability, to the nearest 1/256; not 0 stays not 0.
    """

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.dropped = max(round(rate * LEVELS), 1) if rate else 0  # of LEVELS
        self.scale = LEVELS / (LEVELS - self.dropped)
        if rate:
            self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    def call(self, x, training=False):
        """float [..., D] -> the same shape."""
        if not (training and self.dropped):
            return x
        *outer, width = ops.shape(x)
        bits = keras.random.randint(
            (*outer, -(-width // 4)), -(2**31), 2**31 - 1, seed=self.seed_generator
        )
        byte = ops.view(bits, "uint8")[..., :width]
        return x * (ops.cast(byte >= self.dropped, x.dtype) * self.scale)
