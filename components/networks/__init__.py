"""The table of networks: one case, one file."""


def network(name):
    """The function or class that builds the network called `name`.

    Raises:
        ValueError: if there is no such network.
    """
    match name:
        case "linear":
            from phistar.components.networks.linear import linear

            return linear
        case "mlp":
            from phistar.components.networks.mlp import mlp

            return mlp
        case "transformer":
            from phistar.components.networks.transformer.encoder_decoder import (
                transformer,
            )

            return transformer
        case "transformer_lm":
            from phistar.components.networks.transformer.decoder import transformer_lm

            return transformer_lm
        case "vgg11":
            from phistar.components.networks.vgg import VGG11

            return VGG11
        case "vgg13":
            from phistar.components.networks.vgg import VGG13

            return VGG13
        case "vgg16c":
            from phistar.components.networks.vgg import VGG16C

            return VGG16C
        case "vgg16":
            from phistar.components.networks.vgg import VGG16

            return VGG16
        case "vgg19":
            from phistar.components.networks.vgg import VGG19

            return VGG19
        case "vgg_small":
            from phistar.components.networks.vgg_small import vgg_small

            return vgg_small
        case _:
            raise ValueError(
                f"no such network. Received: {name!r}. "
                "Expected one of the cases in components/networks/__init__.py."
            )
