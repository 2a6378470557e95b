"""Blocks of an encoder, and of a decoder that attends to its output."""

from keras import ops

from phistar.components.networks.transformer import layers
from phistar.components.networks.transformer.dropout import Dropout


class EncoderBlock(layers.Block):
    """A Block with the faster dropout of dropout.py.

    Args:
        model_dim: D.
        num_heads: H, a divisor of D / 2.
        mlp_dim: width of the MLP's hidden layer.
        dropout: probability.
        num_layers: blocks of the network; the initial scale of their output falls
            with it, so that their sum keeps its size.
    """

    causal = False

    def __init__(self, model_dim, num_heads, mlp_dim, dropout, num_layers, **options):
        super().__init__(model_dim, num_heads, mlp_dim, 0.0, num_layers, **options)
        self.dropout = Dropout(dropout, name="dropout")


class CrossBlock(EncoderBlock):
    """x + attention(norm(x)), then x + attention to a source, then x + MLP(norm(x)).

    Args:
        model_dim: D.
        num_heads: H, a divisor of D / 2.
        mlp_dim: width of the MLP's hidden layer.
        dropout: probability.
        num_layers: blocks of the decoder; see EncoderBlock.
    """

    def __init__(self, model_dim, num_heads, mlp_dim, dropout, num_layers, **options):
        # three parts are added to the residual stream, where a Block adds two
        num_parts = 3 * num_layers
        super().__init__(
            model_dim, num_heads, mlp_dim, dropout, num_parts / 2, **options
        )
        self.cross_query = layers.dense(model_dim, "cross_query")
        self.cross_key_value = layers.dense(2 * model_dim, "cross_key_value")
        self.cross_out = layers.dense(model_dim, "cross_out", num_parts**-0.5)

    def build(self, x_shape, *_):
        """Create all weights; Keras calls it."""
        super().build(x_shape)
        for layer in (self.cross_query, self.cross_key_value, self.cross_out):
            layer.build(x_shape)

    def read_source(self, x):
        """Keys and values of the source.  [B, S, D] -> two [B, H, S, D / H]."""
        return tuple(self.split(self.cross_key_value(x), 2, ops.shape(x)[1]))

    def call(
        self,
        x,
        mask,
        cos,
        sin,
        source,
        source_mask,
        cache=None,
        index=None,
        training=False,
    ):
        """One block.

        Args:
            x: float [B, T, D], or [B T, D].
            mask: float32 [B, 1, T, N], see `hidden`; N: T, or M K with a cache.
            cos, sin: of the positions, see `rotation`.
            source: (keys, values), float [B, H, S, D / H] each.
            source_mask: float32 [B, 1, 1, S].
            cache: (keys, values), float [B, H, M, K, D / H] each, into which those of
                x are written: T = K hypotheses at one position. None: N is T.
            index: int32 [], the position in the cache.

        Returns:
            (float, the shape of x; keys, values: float [B, H, T, D / H] each, or the
            cache with those of x).
        """
        x, keys, values = self.read_back(x, mask, cos, sin, cache, index, training)
        # T from the mask, since x may be [B T, D]
        query = self.question(x, ops.shape(mask)[2])  # [B, H, T, D / H]
        mixed = layers.join(attention(query, *source, source_mask), ops.shape(x))
        x = x + self.dropout(self.cross_out(mixed), training=training)
        return self.after_mlp(x, training), keys, values

    def read_back(self, x, mask, cos, sin, cache=None, index=None, training=False):
        """Attention to the tokens of the target so far; arguments as in `call`."""
        heads = self.query_key_value(ops.rms_normalization(x))
        # [B, T, 3 D] -> three [B, H, T, D / H]
        query, keys, values = self.split(heads, 3, ops.shape(mask)[2])
        # with a cache the arrays are small, and another way to rotate is faster
        turn = layers.rotate if cache is None else layers.rotate_few
        query, keys = turn(query, cos, sin), turn(keys, cos, sin)
        if cache is not None:
            # [B, H, K, D / H] -> [B, H, M, K, D / H], all positions so far
            keys, values = put(cache[0], index, keys), put(cache[1], index, values)
        mixed = attention(query, keys, values, mask, causal=cache is None)
        mixed = layers.join(mixed, ops.shape(x))
        x = x + self.dropout(self.attention_out(mixed), training=training)
        return x, keys, values

    def question(self, x, length):
        """Queries to the source, scaled by (D / H)^(-1/2); no positions here.

        Args:
            x: float [B, T, D], or [B T, D].
            length: T.

        Returns:
            float [B, H, T, D / H].
        """
        query = self.cross_query(ops.rms_normalization(x)) * self.head_dim**-0.5
        return self.split(query, 1, length)[0]


def attention(query, keys, values, mask, causal=False):
    """Mean of the values, weighted by softmax(query keys^T + mask).

    Args:
        query: float [B, H, T, d], scaled.
        keys, values: float [B, H, S, d], or [B, H, M, K, d]: S = M K.
        mask: float32 [B, 1, T or 1, S].
        causal: True if the mask hides all positions after each one.

    Returns:
        float [B, H, T, d].
    """
    if len(keys.shape) == 5:
        # a position of any hypothesis is one more key; the mask holds the ancestors
        batch, num_heads, size, num_beams, head_dim = ops.shape(keys)
        shape = (batch, num_heads, size * num_beams, head_dim)
        keys, values = ops.reshape(keys, shape), ops.reshape(values, shape)
    return layers.attention(query, keys, values, mask, causal)


def put(cache, index, x):
    """Write one position, in whole rows: faster than `where`, which visits each number.

    Args:
        cache: float [B, H, M, K, d].
        index: int32 [], below M.
        x: float [B, H, K, d].

    Returns:
        float [B, H, M, K, d].
    """
    batch, num_heads, size, num_beams, head_dim = shape = ops.shape(cache)
    width = num_beams * head_dim
    # [B, H, M, K, d] -> [B H M, K d]: a position of a head is one row
    row = ops.arange(batch * num_heads, dtype="int32") * size + index
    rows = ops.reshape(cache, (batch * num_heads * size, width))
    x = ops.reshape(x, (batch * num_heads, width))
    return ops.reshape(ops.scatter_update(rows, row[:, None], x), shape)
