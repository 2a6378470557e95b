"""Layers of the Transformers: embedding, block, tied head.

Shapes: B batch, T and S time, H heads, D width of the residual stream, V vocabulary.
"""

import keras
from keras import ops

STDDEV = 0.02  # of the initial weights, as in GPT-2
FEW = 1024  # tokens of a small vocabulary
WAVELENGTH = 10_000.0  # of the slowest rotation, in positions, over 2 pi


class Embedding(keras.layers.Layer):
    """Vectors of tokens; 0 is not a token but the start of a text, a learned vector.

    Args:
        vocab_size: V, EOS included.
        model_dim: D.
        dropout: probability.
    """

    def __init__(self, vocab_size, model_dim, dropout, **options):
        super().__init__(**options)
        self.vocab_size, self.model_dim = vocab_size, model_dim
        normal = keras.initializers.RandomNormal(stddev=STDDEV)
        shape = (vocab_size, model_dim)
        self.embeddings = self.add_weight(shape, normal, name="embeddings")
        self.start = self.add_weight((model_dim,), normal, name="start")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.built = True

    def call(self, read, training=False):
        """int32 [B, T] -> float [B, T, D]."""
        if self.vocab_size <= FEW and on_gpu():
            # the gradient of `take` adds rows one by one: slow if all are few rows
            chosen = ops.one_hot(read, self.vocab_size, dtype=self.compute_dtype)
            x = ops.matmul(chosen, self.embeddings)
        else:
            x = ops.take(self.embeddings, read, axis=0)
        start = ops.convert_to_tensor(self.start)  # JAX's `where` takes no variable
        # row 0 of E is for EOS in the head; a 0 that is read has its own vector
        x = ops.where((read == 0)[..., None], start, x)
        return self.dropout(x, training=training)


class TiedHead(keras.layers.Layer):
    """logits = x E^T in float32; E is that of the embedding, with a row for EOS.

    Args:
        embeddings: weight, float32 [V, D].
    """

    activation = staticmethod(keras.activations.linear)

    def __init__(self, embeddings, **options):
        super().__init__(dtype="float32", **options)
        self.embeddings = embeddings
        self.built = True

    @property
    def is_wide(self):
        """True if there are more logits than features: V > D."""
        vocab_size, model_dim = self.embeddings.shape
        return vocab_size > model_dim

    def call(self, x):
        """float [..., D] -> float32 [..., V]."""
        return ops.matmul(x, ops.transpose(self.embeddings))


class Block(keras.layers.Layer):
    """x + attention(norm(x)), then x + MLP(norm(x)).

    Args:
        model_dim: D.
        num_heads: H, a divisor of D / 2.
        mlp_dim: width of the MLP's hidden layer.
        dropout: probability.
        num_layers: blocks of the network; the initial scale of their output falls
            with it, so that their sum keeps its size.
    """

    causal = True  # no position attends to a later one

    def __init__(self, model_dim, num_heads, mlp_dim, dropout, num_layers, **options):
        super().__init__(**options)
        self.num_heads, self.head_dim = num_heads, model_dim // num_heads
        # 2 num_layers parts are added to the residual stream: their variances add up
        out = (2 * num_layers) ** -0.5
        self.query_key_value = dense(3 * model_dim, "query_key_value")
        self.attention_out = dense(model_dim, "attention_out", out)
        self.mlp_in = dense(mlp_dim, "mlp_in", activation="relu")
        self.mlp_out = dense(model_dim, "mlp_out", out)
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, x_shape, *_):
        """Create all weights; Keras calls it."""
        x_shape = (*x_shape[:-1], self.num_heads * self.head_dim)
        self.query_key_value.build(x_shape)
        self.attention_out.build(x_shape)
        self.mlp_in.build(x_shape)
        self.mlp_out.build((*x_shape[:-1], self.mlp_in.units))

    def call(self, x, mask, cos, sin, training=False):
        """One block.

        Args:
            x: float [B, T, D].
            mask: float32 [B, 1, T, T], see `hidden`.
            cos, sin: of the positions, see `rotation`.

        Returns:
            (float [B, T, D], keys, values), float [B, H, T, D / H] each.
        """
        length = ops.shape(x)[1]
        heads = self.query_key_value(ops.rms_normalization(x))
        # [B, T, 3 D] -> three [B, H, T, D / H]
        query, keys, values = self.split(heads, 3, length)
        query, keys = rotate(query, cos, sin), rotate(keys, cos, sin)
        mixed = attention(query, keys, values, mask, self.causal)
        mixed = join(mixed, (-1, length, self.num_heads * self.head_dim))  # [B, T, D]
        return self.rest(x, mixed, training), keys, values

    def step(self, x, mask, cos, sin, cache, rows):
        """The same block at one more position of each row.

        Arrays are small here, so the number of operations decides the time of a step.
        Operations that wake other threads are slow: on TensorFlow batched matrix
        products, `softmax` and `roll` take 30 microseconds each. The operations used
        here in their place take 5.

        Args:
            x: float [B, D].
            mask: float32 [B, 1, S], see `hidden`.
            cos, sin: float [B, 1, 1, D / H], of each row's position.
            cache: (keys, values) of S positions, float [B H S, D / H] each: one row for
                each position of each head of each text.
            rows: int32 [B H, 1], the rows of the cache that hold this position.

        Returns:
            (float [B, D], the cache with this position in it).
        """
        heads = self.query_key_value(ops.rms_normalization(x))  # [B, 3 D]
        # queries and keys are rotated by one operation, values by none
        both, value = ops.split(heads, [2 * self.mlp_out.units], axis=1)
        both = ops.reshape(both, (-1, 2, self.num_heads, self.head_dim))
        query, key = ops.unstack(rotate_few(both, cos, sin), 2, axis=1)  # [B, H, D / H]
        # whole rows of the cache are written, [B H, D / H]
        new = (ops.reshape(part, (-1, self.head_dim)) for part in (key, value))
        cache = tuple(
            ops.scatter_update(old, rows, part)
            for old, part in zip(cache, new, strict=True)
        )
        # [B H S, D / H] -> [B, H, S, D / H]
        shape = (-1, self.num_heads, ops.shape(mask)[2], self.head_dim)
        keys, values = (ops.reshape(part, shape) for part in cache)
        # sums of products, not batched matrix products: see above
        scores = ops.sum(query[:, :, None] * keys, axis=-1)  # [B, H, S]
        scores = ops.cast(scores, "float32") + mask
        shares = ops.exp(ops.log_softmax(scores, axis=-1))
        mixed = ops.sum(ops.cast(shares, values.dtype)[..., None] * values, axis=2)
        mixed = ops.reshape(mixed, (-1, self.num_heads * self.head_dim))  # [B, D]
        return self.rest(x, mixed), cache

    def rest(self, x, mixed, training=False):
        """The block after its heads: output of the attention, then the MLP.

        Args:
            x: float [..., D], the residual stream.
            mixed: float [..., D], the heads side by side.
            training: bool, with dropout.

        Returns:
            float [..., D].
        """
        x = x + self.dropout(self.attention_out(mixed), training=training)
        return self.after_mlp(x, training)

    def after_mlp(self, x, training=False):
        """x + MLP(norm(x)).  float [..., D] -> the same shape."""
        inner = self.mlp_out(self.mlp_in(ops.rms_normalization(x)))
        return x + self.dropout(inner, training=training)

    def split(self, x, parts, length):
        """Split the last axis into heads, and put them before the positions.

        Args:
            x: float [B, T, parts D], or [B T, parts D].
            parts: int.
            length: T.

        Returns:
            list of `parts`, each [B, H, T, D / H].
        """
        shape = (-1, length, parts, self.num_heads, self.head_dim)
        # [B, T, parts, H, D / H] -> [parts, B, H, T, D / H]
        x = ops.transpose(ops.reshape(x, shape), (2, 0, 3, 1, 4))
        # not several parts at once: the gradient of a slice takes ten times as long
        return ops.unstack(x, parts)


def join(x, shape):
    """Put the heads side by side.  [B, H, T, d] -> `shape`: [B, T, D] or [B T, D]."""
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), shape)


def dense(width, name, scale=1.0, activation=None):
    """A dense layer without bias, its initial weights from a normal distribution.

    Args:
        width: of the output.
        name: of the layer.
        scale: standard deviation of the weights, in units of STDDEV.
        activation: name, or None.

    Returns:
        Dense.
    """
    normal = keras.initializers.RandomNormal(stddev=STDDEV * scale)
    return keras.layers.Dense(
        width, activation, False, kernel_initializer=normal, name=name
    )


def hidden(seen):
    """Mask to add to the scores: 0 where a position attends to another, else -1e9.

    Args:
        seen: bool [B, T, S], or [B, S] for one position.

    Returns:
        float32 [B, 1, T, S], or [B, 1, S]; the new axis is for the heads.
    """
    return (ops.cast(seen, "float32")[:, None] - 1.0) * 1e9


def attention(query, keys, values, mask, causal=False):
    """Mean of the values, weighted by softmax(query keys^T + mask).

    Args:
        query: float [B, H, T, d], scaled.
        keys, values: float [B, H, S, d].
        mask: float32 [B, 1, T or 1, S].
        causal: True if the mask hides all positions after each one.

    Returns:
        float [B, H, T, d].
    """
    if on_gpu() and fits_flash(query, keys):
        return flash_attention(query, keys, values, mask, causal)
    # shares are float32, but their product with the values need not be
    shares = attention_shares(query, keys, mask)  # [B, H, T, S]
    return ops.matmul(ops.cast(shares, values.dtype), values)


def on_gpu():
    """True if this is JAX on a GPU; TensorFlow finds its own kernels."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() == "gpu"


def fits_flash(query, keys):
    """True if cuDNN's flash attention takes the arrays: 16 bits, even sizes."""
    (*_, length, size), (*_, width, _) = query.shape, keys.shape
    even = length % 2 == 0 and width % 2 == 0 and size % 8 == 0
    return even and query.dtype != "float32"


def flash_attention(query, keys, values, mask, causal, cudnn=True):
    """`attention` without an array of all scores, by cuDNN.

    Args:
        query, keys, values, mask, causal: as in `attention`.
        cudnn: False computes it in another way, where there is no cuDNN.
    """
    batch, _, length, _ = query.shape
    mask = ops.broadcast_to(mask, (batch, 1, length, keys.shape[2]))
    # [B, H, T, d] -> [B, T, H, d]
    heads = (ops.transpose(part, (0, 2, 1, 3)) for part in (query, keys, values))
    mixed = ops.dot_product_attention(
        # `is_causal` says again what the mask says: cuDNN then skips half of the work
        *heads,
        bias=mask,
        scale=1.0,
        is_causal=causal,
        flash_attention=cudnn,
    )
    return ops.transpose(mixed, (0, 2, 1, 3))


def attention_shares(query, keys, mask):
    """softmax(query keys^T + mask).

    Args:
        query, keys: float [B, H, T, d], [B, H, S, d].
        mask: float32 [B, 1, T or 1, S].

    Returns:
        float32 [B, H, T, S].
    """
    scores = ops.matmul(query, ops.transpose(keys, (0, 1, 3, 2)))
    # in float32, for the softmax; the mask too, since Keras casts a layer's arguments
    scores = ops.cast(scores, "float32") + ops.cast(mask, "float32")
    return ops.softmax(scores, axis=-1)


def require_texts(name, input_shape, model_dim, num_heads):
    """Refuse inputs that are not texts, or a width that heads do not divide.

    Args:
        name: of the network, for the error.
        input_shape: (None,), texts of any length.
        model_dim, num_heads: keys of the network.

    Raises:
        ValueError: if they do not fit.
    """
    if tuple(input_shape) != (None,):
        raise ValueError(
            f"`{name}` takes texts. Received: an input of shape "
            f"{tuple(input_shape)}. Use `mlp` for columns, `vgg_small` for images."
        )
    if model_dim % (2 * num_heads):
        raise ValueError(
            "`build.model_dim` must be a multiple of 2 num_heads, since heads turn "
            f"pairs. Received: model_dim={model_dim}, num_heads={num_heads}."
        )


def rotation(positions, head_dim, dtype):
    """Factors by which `rotate` multiplies a head, at given positions.

    They also scale queries and keys by d^(-1/4) each, so that the product of the two
    is scaled by d^(-1/2).

    Args:
        positions: int [B or 1, T].
        head_dim: int, even, d.
        dtype: of the result.

    Returns:
        two float [B or 1, 1, T, d]: cos, and sin with the sign of the rotation.

    Source: Su et al., 2021, arXiv:2104.09864.
    """
    pair = ops.arange(0, head_dim, 2, dtype="float32") / head_dim
    # [B or 1, 1, T, d / 2], one angle a pair
    angle = ops.cast(positions, "float32")[:, None, :, None] / WAVELENGTH**pair
    cos, sin = ops.cos(angle), ops.sin(angle)
    # pairs are (x_i, x_{i + d/2}), so the halves repeat, the first sine negative
    both = ops.concatenate([cos, cos], axis=-1), ops.concatenate([-sin, sin], axis=-1)
    return tuple(ops.cast(part * head_dim**-0.25, dtype) for part in both)


def rotate(x, cos, sin):
    """Rotate the pairs (x_i, x_{i + d/2}).  [..., d] -> the same shape."""
    return x * cos + ops.roll(x, x.shape[-1] // 2, axis=-1) * sin


def rotate_few(x, cos, sin):
    """Rotate small arrays, without `roll`, which wakes other threads on TensorFlow."""
    swapped = ops.concatenate(ops.split(x, 2, axis=-1)[::-1], axis=-1)
    return x * cos + swapped * sin
