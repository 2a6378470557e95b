"""The linear network: s(x) is an affine function of the inputs."""

import keras

from phistar.components.networks.base import Network, network_inputs

TAKES = ("columns", "images")  # kinds of data


def linear(input_shape, input_dtype, num_outputs):
    """features(x) = x, flattened: logistic regression, or the linear SVM.

    Args:
        input_shape: tuple, one example's shape.
        input_dtype: "float32" or "uint8".
        num_outputs: width of the head.

    Returns:
        Network.
    """
    inputs, x = network_inputs(input_shape, input_dtype)
    x = keras.layers.Flatten(name="flatten")(x)
    return Network(keras.Model(inputs, x, name="features"), num_outputs)
