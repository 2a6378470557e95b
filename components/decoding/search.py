"""Texts of an encoder-decoder, by search or by draws, with cached steps.

The source is read once. All rows begin together, so each step is at one position for
all of them; a row that is done waits for the others.
"""

from keras import ops

from phistar.components.decoding.beam import beam_search
from phistar.components.decoding.sample import EOS, Continuation


def search(network, source, *, num_slots, size, beam_size, max_length, length_penalty):
    """The best texts for each source that a beam search finds.

    Args:
        network: Transformer.
        source: int32 [B, S], each ended by EOS, 0 as padding after it.
        num_slots, size, beam_size, max_length, length_penalty: see `beam_search`.

    Returns:
        Hypotheses.
    """
    features = network.features
    memory = features.encode(source)

    def step(cache, tokens, index, ancestors):
        x, cache = features.step(tokens, index, cache, memory, ancestors)  # [B, K, D]
        return ops.log_softmax(network.head(x), axis=-1), cache

    return beam_search(
        step,
        features.start_cache(ops.shape(source)[0], num_slots, size),
        num_slots=num_slots,
        size=size,
        beam_size=beam_size,
        max_length=max_length,
        length_penalty=length_penalty,
    )


def draw(network, source, *, size, max_length, choose):
    """One text for each source, token by token.

    Args:
        network: Transformer.
        source: int32 [B, S], each ended by EOS, 0 as padding after it.
        size: M, int or scalar tensor.
        max_length: int32 [B], each 1 ... M, EOS counted.
        choose: (ln P float32 [B, V], index int32 scalar) -> int32 [B].

    Returns:
        Continuation.
    """
    features = network.features
    memory, rows = features.encode(source), ops.shape(source)[0]
    first = ops.zeros_like(max_length)
    # one hypothesis a row: slot 0 read every position
    alone = ops.zeros((rows, 1, size), "int32")
    place = ops.arange(size, dtype="int32")[None, :]  # [1, M]

    def step(index, going, read, lengths, tokens, log_probs, cache):
        """Read one token of each row, and choose the next."""
        x, cache = features.step(read[:, None], index, cache, memory, alone)
        scores = ops.log_softmax(network.head(x[:, 0]), axis=-1)  # [B, 1, D] -> [B, V]
        chosen = choose(scores, index)
        # ln P under P itself, whatever `choose` draws from; [B, V] -> [B]
        hot = ops.one_hot(chosen, scores.shape[-1], dtype="bool")
        of_chosen = ops.sum(ops.where(hot, scores, 0.0), axis=-1)
        # a row that is done keeps its 0s
        here = ops.logical_and(place == index, going[:, None])  # [B, M]
        tokens = ops.where(here, chosen[:, None], tokens)
        log_probs = ops.where(here, of_chosen[:, None], log_probs)
        lengths = lengths + ops.cast(going, "int32")
        going = ops.logical_and(going, chosen != EOS)
        going = ops.logical_and(going, lengths < max_length)
        return index + 1, going, chosen, lengths, tokens, log_probs, cache

    _, _, _, lengths, tokens, log_probs, _ = ops.while_loop(
        lambda index, going, *_: ops.any(going),
        step,
        (
            ops.zeros((), "int32"),
            max_length > 0,
            first,
            first,
            ops.zeros((rows, size), "int32"),
            ops.zeros((rows, size), "float32"),
            features.start_cache(rows, 1, size),
        ),
    )
    # EOS or a cut: only the last token of a text shows it, since padding is 0 too
    at_end = place == (lengths - 1)[:, None]
    ended = ops.any(ops.logical_and(at_end, tokens == EOS), axis=1)
    return Continuation(tokens, lengths, log_probs, ended)
