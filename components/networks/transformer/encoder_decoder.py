"""The Transformer: s(w | x, w_1 ... w_t) for every t at once, x another text.

The encoder reads x in both directions. Each block of the decoder attends to the target
so far, then to x. Without the attention to x the decoder is `transformer_lm`: the same
normalisation, positions, embeddings and no bias, with the differences from the paper
that decoder.py lists. `positions="sinusoidal"` gives the paper's positions.

Source: Vaswani et al., 2017, arXiv:1706.03762; see decoder.py for the others.
"""

from typing import Annotated, Literal, NamedTuple

import keras
from keras import ops
from pydantic import Field

from phistar.components.networks.base import Network
from phistar.components.networks.transformer import layers
from phistar.components.networks.transformer.cross import CrossBlock, EncoderBlock
from phistar.components.networks.transformer.decoder import same_text
from phistar.components.networks.transformer.dropout import Dropout

TAKES = ("pairs",)  # kinds of data


def transformer(
    input_shape,
    input_dtype,
    num_outputs,
    *,
    num_layers: Annotated[int, Field(ge=1)] = 3,
    num_heads: Annotated[int, Field(ge=1)] = 4,
    model_dim: Annotated[int, Field(ge=2)] = 256,
    mlp_dim: Annotated[int, Field(ge=1)] = 1024,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    positions: Literal["rotary", "sinusoidal"] = "rotary",
):
    """An encoder and a decoder over tokens of one vocabulary.

    Args:
        input_shape: (None,), texts of any length.
        input_dtype: "int32".
        num_outputs: V, size of the vocabulary of both sides, EOS included.
        num_layers: blocks of the encoder, and of the decoder.
        num_heads: heads of each attention.
        model_dim: width of the residual stream, a multiple of 2 num_heads.
        mlp_dim: width of the hidden layer in each block.
        dropout: probability of dropping, after the embedding and each part.
        positions: "rotary" turns queries and keys; "sinusoidal" is added to the
            embeddings, times the square root of the width, as in the paper.

    Returns:
        Transformer.

    Raises:
        ValueError: if the inputs are not texts, or the sizes do not fit.
    """
    layers.require_texts("transformer", input_shape, model_dim, num_heads)
    sizes = (model_dim, num_heads, mlp_dim, dropout, num_layers)
    numbers = range(1, num_layers + 1)
    features = EncoderDecoder(
        layers.Embedding(num_outputs, model_dim, 0.0, name="embedding"),
        Dropout(dropout, name="dropout"),
        [EncoderBlock(*sizes, name=f"encoder_block_{i}") for i in numbers],
        [CrossBlock(*sizes, name=f"decoder_block_{i}") for i in numbers],
        positions,
    )
    return Transformer(features)


class Transformer(Network):
    """The network; a position of the target reads the token before it, 0 at the start.

    Args:
        features: EncoderDecoder.
    """

    def __init__(self, features):
        embedding = features.embedding
        head = layers.TiedHead(embedding.embeddings, name="head")
        super().__init__(features, embedding.vocab_size, head=head)


class Memory(NamedTuple):
    """The source as the decoder reads it.

    Args:
        heads: list by block of (keys, values), float [B, H, S, D / H] each.
        mask: float32 [B, 1, 1, S], see `hidden`.
    """

    heads: list
    mask: object


class EncoderDecoder(keras.Model):
    """(source int32 [B, S], read int32 [B, T]) -> float [B, T, D].

    The first 0 of a source is its end, and is read. All after it is padding, and no
    position attends to it. A 0 in `read` begins a text, as in `transformer_lm`.

    Args:
        embedding: Embedding, for both sides.
        dropout: Dropout, for the vectors of the embedding.
        encoder: list of EncoderBlock.
        decoder: list of CrossBlock.
        positions: "rotary" or "sinusoidal".
    """

    def __init__(self, embedding, dropout, encoder, decoder, positions):
        super().__init__(name="features")
        self.embedding, self.dropout = embedding, dropout
        self.encoder, self.decoder = encoder, decoder
        self.positions = positions
        self.encoder_norm = keras.layers.RMSNormalization(name="encoder_norm")
        self.norm = keras.layers.RMSNormalization(name="norm")
        for layer in (*encoder, self.encoder_norm, *decoder, self.norm):
            layer.build((None, None, embedding.model_dim))
        self.built = True

    def call(self, inputs, training=False):
        """Features of all positions of the target, float [B, T, D]."""
        source, read = inputs
        return self.decode(self.encode(source, training), read, training)

    def encode(self, source, training=False):
        """Read the source.

        Args:
            source: int32 [B, S], 0 at its end and as padding after it.

        Returns:
            Memory.
        """
        # one mask for all positions: each attends to the whole sentence
        mask = layers.hidden(before_padding(source)[:, None])  # [B, 1, 1, S]
        x, turn = self.embed(source, ops.arange(ops.shape(source)[1]), training)
        for block in self.encoder:
            x, _, _ = block(x, mask, *turn, training=training)
        x = self.encoder_norm(x)  # [B, S, D]
        # keys and values once, for the whole target and all steps
        return Memory([block.read_source(x) for block in self.decoder], mask)

    def decode(self, memory, read, training=False):
        """Features of all positions.  Memory, int32 [B, T] -> float [B, T, D]."""
        x, turn = self.embed(read, ops.arange(ops.shape(read)[1]), training)
        mask = layers.hidden(same_text(read))  # [B, 1, T, T]
        for block, heads in zip(self.decoder, memory.heads, strict=True):
            x, _, _ = block(x, mask, *turn, heads, memory.mask, training=training)
        return self.norm(x)

    def attention(self, source, read):
        """Attention of the last block to the source, mean of its heads.

        Args:
            source, read: int32 [B, S], [B, T].

        Returns:
            float32 [B, T, S], shares; they sum to one over S.
        """
        memory = self.encode(source)
        x, turn = self.embed(read, ops.arange(ops.shape(read)[1]), training=False)
        mask = layers.hidden(same_text(read))
        *before, last = zip(self.decoder, memory.heads, strict=True)
        for block, heads in before:
            x, _, _ = block(x, mask, *turn, heads, memory.mask)
        # of the last block only the part up to its attention to the source
        block, (keys, _) = last
        x, _, _ = block.read_back(x, mask, *turn)
        query = block.question(x, ops.shape(x)[1])
        shares = layers.attention_shares(query, keys, memory.mask)
        return ops.mean(shares, axis=1)  # [B, H, T, S] -> [B, T, S]

    def start_cache(self, batch, num_beams, size, dtype=None):
        """An empty cache for the keys and values of hypotheses.

        Args:
            batch: B.
            num_beams: K, hypotheses of a row.
            size: M, positions of each.
            dtype: of the cache; default: the dtype of the computation.

        Returns:
            list by block of (keys, values), zeros [B, H, M, K, D / H] each.
        """
        block = self.decoder[0]
        shape = (batch, block.num_heads, size, num_beams, block.head_dim)
        zeros = ops.zeros(shape, dtype or self.embedding.compute_dtype)
        return [(zeros, zeros) for _ in self.decoder]

    def step(self, read, index, cache, memory, ancestors):
        """Features at one more position of each hypothesis, equal to those of `decode`.

        Args:
            read: int32 [B, K], the tokens read, 0 at index 0 only.
            index: int32 [], the position, below M.
            cache: as `start_cache` returns it, with the positions before `index`.
            memory: Memory of the B sources.
            ancestors: int32 [B, K, M], the slot, of the row's K, that wrote each
                position of the hypothesis that is now in slot k; k itself at `index`.
                Entries after `index` are not read.

        Returns:
            (float [B, K, D], the cache with this position in it).
        """
        batch, num_beams, size = ops.shape(ancestors)
        slot = ops.arange(num_beams, dtype="int32")
        before = ops.arange(size, dtype="int32") <= index  # [M]
        # The mask follows the ancestors, so that the cache is never reordered: of the
        # K slots at a position, a hypothesis attends to its ancestor's.
        seen = ops.logical_and(ancestors[..., None] == slot, before[:, None])
        # [B, K, M, K] -> [B, 1, K, M K]
        mask = layers.hidden(ops.reshape(seen, (batch, num_beams, size * num_beams)))
        x, turn = self.embed(read, index[None], training=False)
        # [B, K, D] -> [B K, D]: a product of two axes with a kernel is one operation
        x, new = ops.reshape(x, (batch * num_beams, self.embedding.model_dim)), []
        for block, heads, kept in zip(self.decoder, memory.heads, cache, strict=True):
            x, *kept = block(x, mask, *turn, heads, memory.mask, kept, index)
            new.append(tuple(kept))
        x = ops.reshape(self.norm(x), (batch, num_beams, self.embedding.model_dim))
        return x, new

    def embed(self, tokens, place, training):
        """Vectors of the tokens, and the rotation of their positions.

        Args:
            tokens: int32 [B, T].
            place: int32 [T or 1], their positions.
            training: bool, with dropout.

        Returns:
            (float [B, T, D], (cos, sin): see `rotation`).
        """
        x = self.embedding(tokens)
        if self.positions == "sinusoidal":
            # as in the paper, section 3.4
            x = x * self.embedding.model_dim**0.5
            x = x + sinusoids(place, self.embedding.model_dim, x.dtype)
            place = ops.zeros_like(place)  # position 0 is no rotation
        x = self.dropout(x, training=training)
        return x, layers.rotation(place[None], self.decoder[0].head_dim, x.dtype)


def before_padding(source):
    """Mask of the real positions of a source: all up to its first 0, the EOS.

    Args:
        source: int32 [B, S].

    Returns:
        bool [B, S].
    """
    ended = ops.cumsum(ops.cast(source == 0, "int32"), axis=1)
    # 0s before a position, itself not counted: the first 0 is real
    return ended - ops.cast(source == 0, "int32") == 0


def sinusoids(place, model_dim, dtype):
    """Sine and cosine of the position at falling frequencies.

    Args:
        place: int32 [T].
        model_dim: D, even.
        dtype: of the result.

    Returns:
        float [T, D], in -1 ... 1: D / 2 sines, then D / 2 cosines (the paper has them
        by turns).

    Source: Vaswani et al., 2017, section 3.5.
    """
    pair = ops.arange(0, model_dim, 2, dtype="float32") / model_dim
    angle = ops.cast(place, "float32")[:, None] / layers.WAVELENGTH**pair
    return ops.cast(ops.concatenate([ops.sin(angle), ops.cos(angle)], -1), dtype)
