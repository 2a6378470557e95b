"""The base of every network: features(inputs) -> [..., D], and a linear head."""

import math

import keras
import numpy as np

from phistar.components import progress

# Input numbers of a batch that is only scored. A VGG's first block takes about 200
# bytes for each: 1,024 images of 224x224 at once would need 30 GB, 6 need 0.2.
BATCH_NUMBERS = 2**20


class Network(keras.Model):
    """logits = head(features(inputs)); there is no final softmax, P is the task's.

    Args:
        features: keras.Model, inputs -> float [..., D].
        num_outputs: width of the head.
        mirror: bool; outside training, the logits are the mean of those of an image
            and of its mirror image, left and right. So P is the same for both. The
            source averages probabilities; a mean of logits is the head of the mean
            features.
        head: a linear layer, with its own weights or tied ones; default: Dense.

    Source: Simonyan and Zisserman, 2014, arXiv:1409.1556, section 3.2 (mirror).
    """

    def __init__(self, features, num_outputs, mirror=False, head=None):
        super().__init__(name="network")
        self.features, self.mirror = features, mirror
        # for scoring; components/training/devices.py sets it for training
        self.jit_compile = keras.backend.backend() == "jax"
        self.built = True
        if head is not None:
            self.head = head
            return
        # Always float32, since logits are exponentiated. The small initial weights
        # make the first P nearly uniform: the first loss is ln K.
        self.head = keras.layers.Dense(
            num_outputs,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name="head",
        )
        self.head.build((None, features.output_shape[-1]))

    def call(self, inputs, training=False):
        """Logits.  [B, ...] -> float32 [..., num_outputs]."""
        logits = self.head(self.features(inputs, training=training))
        if self.mirror and not training:
            # axis 2 of [B, H, W, C]: left and right
            other = self.features(keras.ops.flip(inputs, axis=2), training=False)
            logits = (logits + self.head(other)) / 2
        return logits

    def weight_names(self):
        """Names of `weights`, like "dense_1/kernel" or "block_1/query/kernel".

        A name begins with its layer's, since the part of Keras's path before it is not
        stable inside one process.

        Returns:
            list of str, in the order of `weights`.
        """
        names = {}
        for layer in [self.head, *_layers(self.features)]:
            for weight in layer.weights:
                _, _, inside = weight.path.rpartition(f"{layer.name}/")
                names[id(weight)] = f"{layer.name}/{inside}"
        return [names[id(weight)] for weight in self.weights]

    def synchronize(self):
        """Let batch normalisation use the rows of all TensorFlow's replicas together.

        Then several devices train as one device does. On JAX this is always so.
        """
        for layer in _layers(self.features):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True

    def logits(self, inputs, batch_size=None):
        """Logits of a whole array, in batches of one shape (the last is padded).

        Args:
            inputs: array [N, ...], N >= 1; memory-mapped arrays are read by batch.
            batch_size: rows at a time; default: as many as BATCH_NUMBERS allows.

        Returns:
            np.ndarray, float32 [N, num_outputs], natural-log scale.
        """
        if batch_size is None:
            batch_size = max(1, min(1024, BATCH_NUMBERS // math.prod(inputs.shape[1:])))
        batch_size = min(batch_size, len(inputs))
        distribution = keras.distribution.distribution()  # JAX on several devices
        if distribution is not None:  # which must all get the same number of rows
            batch_size += -batch_size % distribution.device_mesh.devices.size
        parts, seen = [], progress.counter("rows", len(inputs))
        for start in range(0, len(inputs), batch_size):
            rows = np.asarray(inputs[start : start + batch_size])
            # one shape for all batches, so that one function is compiled
            padding = [(0, batch_size - len(rows))] + [(0, 0)] * (rows.ndim - 1)
            parts.append(self.predict_on_batch(np.pad(rows, padding))[: len(rows)])
            seen(len(rows))
        return np.concatenate(parts)


def _layers(model):
    """All layers of a model, those of models inside it too, one by one."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def network_inputs(input_shape, input_dtype):
    """The first layers of a network: numbers as floats, pixels as 0 ... 1.

    Args:
        input_shape: tuple, one example's shape.
        input_dtype: "float32" for feature columns, "uint8" for images.

    Returns:
        (keras.Input, float tensor of the same shape).

    Raises:
        ValueError: if the inputs are texts, which have no fixed size.
    """
    if None in input_shape:
        raise ValueError(
            "this network takes inputs of one size. Received: texts. "
            "Use `build.network=transformer_lm`."
        )
    inputs = keras.Input(input_shape, dtype=input_dtype, name="inputs")
    if input_dtype == "uint8":
        return inputs, keras.layers.Rescaling(1 / 255, name="pixels")(inputs)
    return inputs, inputs
