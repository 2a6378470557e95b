"""A small VGG for images from 8x8 to 64x64."""

from typing import Annotated

import keras
from pydantic import Field

from phistar.components.networks.base import Network, network_inputs

TAKES = ("images",)  # kinds of data


def vgg_small(
    input_shape,
    input_dtype,
    num_outputs,
    *,
    num_blocks: Annotated[int, Field(ge=1, le=5)] = 2,
    width: Annotated[int, Field(ge=1)] = 32,
    mlp_dim: Annotated[int, Field(ge=1)] = 128,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    mirror: bool = False,
):
    """Blocks of two 3x3 convolutions and a 2x2 max pooling, then one dense layer.

    The width doubles from block to block, as in the paper. Unlike in the paper, batch
    normalisation follows each convolution.

    Args:
        input_shape: (height, width, channels), 8 to 64 pixels a side.
        input_dtype: "uint8", or "float32" for pixels already scaled.
        num_outputs: width of the head.
        num_blocks: blocks; each halves the image, so at most log2 of its side.
        width: channels of the first block.
        mlp_dim: width of the dense layer.
        dropout: probability of dropping, before and after the dense layer.
        mirror: score an image by itself and by its mirror image; twice the work,
            outside training only.

    Returns:
        Network.

    Raises:
        ValueError: if the input is not an image, or too small or large.

    Source: Simonyan and Zisserman, 2014, arXiv:1409.1556, section 2.1; Ioffe and
        Szegedy, 2015, arXiv:1502.03167.
    """
    if len(input_shape) != 3 or not 8 <= min(input_shape[:2]) <= 64:
        raise ValueError(
            "`vgg_small` takes images of 8 to 64 pixels a side. Received: an input "
            f"of shape {tuple(input_shape)}. For feature columns use `mlp`."
        )
    if 2**num_blocks > min(input_shape[:2]):
        raise ValueError(
            "`build.num_blocks` pools the image away. Received: "
            f"num_blocks={num_blocks} for {tuple(input_shape)}; each block halves it."
        )
    layers = keras.layers
    inputs, x = network_inputs(input_shape, input_dtype)
    for block in range(1, num_blocks + 1):
        for convolution in (1, 2):
            name = f"block{block}_{convolution}"
            # no bias: batch normalisation would subtract it again
            x = layers.Conv2D(
                width * 2 ** (block - 1),
                3,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
                name=f"{name}_convolution",
            )(x)
            x = layers.BatchNormalization(name=f"{name}_normalization")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(name=f"block{block}_pooling")(x)  # sides halve
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="dropout_1")(x)
    x = layers.Dense(mlp_dim, "relu", name="dense_1")(x)
    x = layers.Dropout(dropout, name="dropout_2")(x)
    return Network(keras.Model(inputs, x, name="features"), num_outputs, mirror)
