"""The multilayer perceptron."""

from typing import Annotated

import keras
from pydantic import Field

from phistar.components.networks.base import Network, network_inputs

TAKES = ("columns", "images")  # kinds of data


def mlp(
    input_shape,
    input_dtype,
    num_outputs,
    *,
    num_layers: Annotated[int, Field(ge=1)] = 2,
    mlp_dim: Annotated[int, Field(ge=1)] = 64,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
):
    """Dense layers with ReLU between the flattened input and the head.

    Args:
        input_shape: tuple, one example's shape.
        input_dtype: "float32" or "uint8".
        num_outputs: width of the head.
        num_layers: hidden layers.
        mlp_dim: width of each hidden layer.
        dropout: probability of dropping a hidden unit.

    Returns:
        Network.
    """
    inputs, x = network_inputs(input_shape, input_dtype)
    x = keras.layers.Flatten(name="flatten")(x)
    for layer in range(1, num_layers + 1):
        x = keras.layers.Dense(mlp_dim, "relu", name=f"dense_{layer}")(x)
        x = keras.layers.Dropout(dropout, name=f"dropout_{layer}")(x)
    return Network(keras.Model(inputs, x, name="features"), num_outputs)
