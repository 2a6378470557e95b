"""The Transformer as a language model: s(w | w_1 ... w_t) for every t at once.

Pre-norm, rotary positions, tied embeddings. Differences from the paper:

  - normalisation is before each part (Xiong et al., 2020) and divides by the root mean
    square (Zhang and Sennrich, 2019);
  - it has a gain only before the head, since each part begins with a kernel, which can
    hold the gain;
  - positions rotate queries and keys (Su et al., 2021);
  - no layer has a bias.

Source: Vaswani et al., 2017, arXiv:1706.03762; Xiong et al., arXiv:2002.04745; Zhang
and Sennrich, arXiv:1910.07467; Su et al., arXiv:2104.09864; Press and Wolf, 2016,
arXiv:1608.05859 (tied embeddings).
"""

from typing import Annotated, NamedTuple

import keras
from keras import ops
from pydantic import Field

from phistar.components.data.batches.windows import Windows
from phistar.components.networks.base import Network
from phistar.components.networks.transformer import layers

TAKES = ("text",)  # kinds of data


def transformer_lm(
    input_shape,
    input_dtype,
    num_outputs,
    *,
    num_layers: Annotated[int, Field(ge=1)] = 4,
    num_heads: Annotated[int, Field(ge=1)] = 4,
    model_dim: Annotated[int, Field(ge=2)] = 128,
    mlp_dim: Annotated[int, Field(ge=1)] = 512,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    context: Annotated[int, Field(ge=1)] = 256,
    stride: Annotated[int, Field(ge=1)] = 192,
):
    """A decoder over tokens; each is predicted from the tokens before it in its text.

    Args:
        input_shape: (None,), texts of any length.
        input_dtype: "int32".
        num_outputs: V, size of the vocabulary, EOS included.
        num_layers: blocks.
        num_heads: heads of each attention.
        model_dim: width of the residual stream, a multiple of 2 num_heads.
        mlp_dim: width of the hidden layer in each block.
        dropout: probability of dropping, after the embedding and each part.
        context: tokens that are read at most, the one just before included.
        stride: tokens that each further window of a long text scores; the rest of the
            context is read again.

    Returns:
        TransformerLM.

    Raises:
        ValueError: if the inputs are not texts, or the sizes do not fit.
    """
    layers.require_texts("transformer_lm", input_shape, model_dim, num_heads)
    if stride > context:
        raise ValueError(
            "`build.stride` must not be larger than the context, or tokens would be "
            f"left out. Received: stride={stride}, context={context}."
        )
    sizes = (model_dim, num_heads, mlp_dim, dropout, num_layers)
    numbers = range(1, num_layers + 1)
    decoder = Decoder(
        layers.Embedding(num_outputs, model_dim, dropout, name="embedding"),
        [layers.Block(*sizes, name=f"block_{i}") for i in numbers],
    )
    return TransformerLM(decoder, Windows(context, stride))


class TransformerLM(Network):
    """The network; a position reads the token before it, or 0 where a text begins.

    Args:
        features: Decoder.
        windows: Windows, the protocol for texts longer than the context.
    """

    def __init__(self, features, windows):
        embedding = features.embedding
        head = layers.TiedHead(embedding.embeddings, name="head")
        super().__init__(features, embedding.vocab_size, head=head)
        self.windows = windows


class Places(NamedTuple):
    """Constants that the cached steps of a window share.

    Args:
        first: int32 [B, H], the row of each head's first position in the cache.
        cos, sin: float [S, D / H], of the positions.
        width: S, positions of the window.
    """

    first: object
    cos: object
    sin: object
    width: object


class Decoder(keras.Model):
    """read int32 [B, T] -> float [B, T, D]; position t attends to read[:, : t + 1].

    A 0 begins a text, and no later position attends to tokens before it. So texts may
    lie end to end, and padding after the end needs no mask.

    Args:
        embedding: Embedding.
        blocks: list of Block.
    """

    def __init__(self, embedding, blocks):
        super().__init__(name="features")
        self.embedding, self.blocks = embedding, blocks
        self.norm = keras.layers.RMSNormalization(name="norm")
        for layer in (*blocks, self.norm):
            layer.build((None, None, embedding.model_dim))
        self.built = True

    def call(self, read, training=False):
        """Features of all positions.  int32 [B, T] -> float [B, T, D]."""
        return self.prefill(read, training)[0]

    def prefill(self, read, training=False):
        """Features, and the keys and values that further steps attend to.

        Args:
            read: int32 [B, T].

        Returns:
            (float [B, T, D], list by block of (keys, values), each [B, H, T, D / H]).
        """
        x, cache = self.embedding(read, training=training), []  # [B, T, D]
        mask = layers.hidden(same_text(read))  # [B, 1, T, T]
        turn = self.turn(ops.arange(ops.shape(read)[1])[None, :], x.dtype)
        for block in self.blocks:
            x, keys, values = block(x, mask, *turn, training=training)
            cache.append((keys, values))
        return self.norm(x), cache

    def start(self, cache, width):
        """The cache of `prefill` in the form that `step` takes, and its constants.

        Args:
            cache: as `prefill` returns it, of `width` positions.
            width: S, int or scalar tensor.

        Returns:
            (list by block of (keys, values), float [B H S, D / H] each; Places).
        """
        keys = cache[0][0]
        head_dim = keys.shape[-1]
        # [B, H, S, D / H] -> [B H S, D / H]: a step writes whole rows
        flat = [
            tuple(ops.reshape(part, (-1, head_dim)) for part in block)
            for block in cache
        ]
        num_heads = keys.shape[1]
        heads = ops.arange(ops.shape(keys)[0] * num_heads, dtype="int32")
        first = ops.reshape(heads * width, (-1, num_heads))  # [B H] -> [B, H]
        # computed once for all steps of the window
        cos, sin = self.turn(ops.arange(width)[None, :], keys.dtype)
        return flat, Places(first, cos[0, 0], sin[0, 0], width)

    def step(self, read, index, cache, places):
        """Features at one more position of each row, equal to those of the full pass.

        Args:
            read: int32 [B], the tokens read, none of them 0.
            index: int32 [B], each row's position, below S.
            cache, places: as `start` returns them. The cache is not read from `index`
                on.

        Returns:
            (float [B, D], the cache with this position in it).
        """
        # no 0 is read, so all earlier positions of the window are of the same text
        seen = ops.arange(places.width, dtype="int32")[None, :] <= index[:, None]
        mask = layers.hidden(seen)  # [B, S] -> [B, 1, S]
        rows = ops.reshape(places.first + index[:, None], (-1, 1))  # [B, H] -> [B H, 1]
        # rows are at different positions: [S, D / H] -> [B, 1, 1, D / H]
        cos, sin = (
            ops.take(part, index, axis=0)[:, None, None]
            for part in (places.cos, places.sin)
        )
        x, new = self.embedding(read), []  # [B, D]
        for block, before in zip(self.blocks, cache, strict=True):
            x, after = block.step(x, mask, cos, sin, before, rows)
            new.append(after)
        return self.norm(x), new

    def turn(self, positions, dtype):
        """cos and sin by which blocks rotate; see `rotation`."""
        return layers.rotation(positions, self.blocks[0].head_dim, dtype)


def same_text(read):
    """Mask of attention: a position and those before it, in the same text.

    Args:
        read: int32 [B, T], 0 where a text begins.

    Returns:
        bool [B, T, T], True where the first position attends to the second.
    """
    place = ops.arange(ops.shape(read)[1])
    # each 0 begins a text, so their number so far is the text's number
    text = ops.cumsum(ops.cast(read == 0, "int32"), axis=1)  # [B, T]
    before = place[:, None] >= place[None, :]
    return ops.logical_and(before, text[:, :, None] == text[:, None, :])
