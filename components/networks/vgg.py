"""VGG, configurations A to E of the paper, as trained there.

Differences from the paper: initial weights are those of He et al. (2015), derived for
networks with ReLU. The paper trained A from N(0, 0.01), and started the deeper ones
with its weights (`build.weights` does so). Pixels are 0 ... 1; the training set's mean
is not subtracted. Layers are named by block and position, so layers that two
configurations share have equal names.

Source: Simonyan and Zisserman, 2014, arXiv:1409.1556, table 1 and section 3.1; He,
    Zhang, Ren and Sun, 2015, arXiv:1502.01852, equation 10.
"""

from typing import Annotated

import keras
from pydantic import Field

from phistar.components.networks.base import Network, network_inputs

TAKES = ("images",)  # kinds of data
WIDTHS = (64, 128, 256, 512, 512)  # channels of the blocks


class VGG(Network):
    """Five blocks of convolutions, each pooled 2x2, then two dense layers.

    A subclass defines `blocks`: for each block, the side of each convolution's kernel.

    Args:
        input_shape: (height, width, channels), 32 pixels a side or more.
        input_dtype: "uint8", or "float32" for pixels already scaled.
        num_outputs: width of the head.
        mlp_dim: width of the two dense layers.
        dropout: probability of dropping a unit of a dense layer.

    Raises:
        ValueError: if the input is not an image, or too small for five poolings.
    """

    def __init__(
        self,
        input_shape,
        input_dtype,
        num_outputs,
        *,
        mlp_dim: Annotated[int, Field(ge=1)] = 4096,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    ):
        if len(input_shape) != 3 or min(input_shape[:2]) < 32:
            raise ValueError(
                "VGG takes images of at least 32 pixels a side, since it halves them "
                f"five times. Received: an input of shape {tuple(input_shape)}. "
                "Enlarge the images, or use `vgg_small`; for feature columns use `mlp`."
            )
        layers, blocks = keras.layers, zip(WIDTHS, self.blocks, strict=True)
        inputs, x = network_inputs(input_shape, input_dtype)
        for block, (width, kernels) in enumerate(blocks, 1):
            for convolution, side in enumerate(kernels, 1):
                x = layers.Conv2D(
                    width,
                    side,
                    padding="same",
                    activation="relu",
                    kernel_initializer="he_normal",
                    name=f"block{block}_{convolution}",
                )(x)
            x = layers.MaxPooling2D(name=f"block{block}_pooling")(x)  # sides halve
        x = layers.Flatten(name="flatten")(x)
        for layer in (1, 2):
            x = layers.Dense(
                mlp_dim, "relu", kernel_initializer="he_normal", name=f"dense_{layer}"
            )(x)
            x = layers.Dropout(dropout, name=f"dropout_{layer}")(x)
        super().__init__(keras.Model(inputs, x, name="features"), num_outputs)


class VGG11(VGG):
    """Configuration A: 8 convolutions. 132,863,336 parameters as in the paper."""

    blocks = ((3,), (3,), (3, 3), (3, 3), (3, 3))


class VGG13(VGG):
    """Configuration B: 10 convolutions. 133,047,848 parameters as in the paper."""

    blocks = ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3))


class VGG16C(VGG):
    """Configuration C: 13 convolutions, three of them 1x1. 133,638,952 parameters."""

    blocks = ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))


class VGG16(VGG):
    """Configuration D: 13 convolutions. 138,357,544 parameters as in the paper."""

    blocks = ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))


class VGG19(VGG):
    """Configuration E: 16 convolutions. 143,667,240 parameters as in the paper."""

    blocks = ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))
