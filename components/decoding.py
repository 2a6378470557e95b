"""From scores to decisions: draws, and texts made token by token.

Source: Fan et al., 2018, arXiv:1805.04833 (top-k); Holtzman et al., 2019,
arXiv:1904.09751 (top-p).
"""

from typing import NamedTuple

from keras import ops

EOS = 0
_NEVER = -1e30  # a log-probability no noise can lift


def sample(log_probs, uniform, temperature, top_k, top_p):
    """Draw a label from the tempered, truncated distribution.

    P^(1/temperature), renormalised, cut to the `top_k` most probable labels and
    then to the smallest set of them that holds mass `top_p`. Drawn by the inverse of
    the distribution function, labels in the order of their probability, so that one
    number of noise, an argument, decides and the function is pure. The first label of
    a row is never cut.

    Args:
        log_probs: float [B, K], ln P(y | x).
        uniform: float [B], noise in [0, 1).
        temperature: float [B], > 0; 1 is P itself.
        top_k: int [B], >= 1; K or more cuts nothing.
        top_p: float [B], in (0, 1]; 1 cuts nothing.

    Returns:
        int32 [B], positions in 0 ... K-1.
    """
    num_labels = log_probs.shape[-1]
    tempered = ops.log_softmax(log_probs / temperature[:, None], axis=-1)
    order = ops.argsort(-tempered, axis=-1)  # [B, K], most probable first
    ranked = ops.take_along_axis(tempered, order, axis=-1)
    rank = ops.arange(num_labels, dtype="int32")[None, :]
    inside_k = rank < ops.cast(top_k, "int32")[:, None]
    kept = ops.where(inside_k, ranked, _NEVER)
    share = ops.softmax(kept, axis=-1)
    mass_before = ops.cumsum(share, axis=-1) - share
    # top_p = 1 keeps every label, also where rounding makes the sum reach 1 early
    inside_p = ops.logical_or(mass_before < top_p[:, None], top_p[:, None] >= 1.0)
    inside = ops.logical_or(ops.logical_and(inside_k, inside_p), rank == 0)
    mass = ops.cumsum(ops.where(inside, share, 0.0), axis=-1)
    passed = ops.cast(mass <= uniform[:, None] * mass[:, -1:], "int32")
    # rounding may pass all of them: the last one inside is meant
    last = ops.sum(ops.cast(inside, "int32"), axis=-1) - 1
    drawn = ops.minimum(ops.sum(passed, axis=-1), last)
    label = ops.take_along_axis(order, drawn[:, None], axis=-1)[:, 0]
    return ops.cast(label, "int32")


def greedy(log_probs):
    """The most probable label.  float [B, K] -> int32 [B]."""
    return ops.cast(ops.argmax(log_probs, axis=-1), "int32")


class Continuation(NamedTuple):
    """Texts made token by token.

    Args:
        tokens: int32 [B, M], 0 after the end.
        lengths: int32 [B], EOS counted.
        log_probs: float32 [B, M], nats, of each token under P itself; 0 after the end.
        ended: bool [B], whether EOS was said; else `max_length` has cut the text.
    """

    tokens: object
    lengths: object
    log_probs: object
    ended: object


def continue_texts(network, prompt, prompt_lengths, max_length, room, choose):
    """Go on after prompts until EOS or `max_length`, with cached keys and values.

    In rounds: each row's window is read anew, as the protocol (windows.py) says, then
    single steps follow until every row has come to the end of its window, or of its
    text. After the first round all rows are at the same place of their windows. So the
    tokens' conditionals are those that texts are scored by, and no row depends on
    another one.

    Args:
        network: TransformerLM.
        prompt: int32 [B, P], tokens without EOS, 0 after the end.
        prompt_lengths: int32 [B].
        max_length: int32 [B], each 1 ... room, EOS counted.
        room: M, int or scalar tensor.
        choose: (ln P float32 [B, V], number of tokens so far int32 [B]) -> int32 [B].

    Returns:
        Continuation.
    """
    windows, features = network.windows, network.features
    size = ops.shape(prompt)[1] + room
    width = ops.minimum(size, windows.context)
    place_of_column = ops.arange(size)[None, :]
    place_in_window = ops.arange(width)[None, :]
    number_of_column = ops.arange(room)[None, :]

    def active(number, ended):
        return ops.logical_and(ops.logical_not(ended), number < max_length)

    def round_goes_on(index, number, ended, *_):
        return ops.any(ops.logical_and(active(number, ended), index < windows.context))

    def step(index, number, ended, tokens, log_probs, x, cache):
        scores = ops.log_softmax(network.head(x), axis=-1)
        chosen = choose(scores, number)
        going = ops.logical_and(active(number, ended), index < windows.context)
        of_chosen = ops.take_along_axis(scores, chosen[:, None], axis=-1)
        here = place_of_column == (prompt_lengths + number)[:, None]
        tokens = ops.where(
            ops.logical_and(here, going[:, None]), chosen[:, None], tokens
        )
        here = number_of_column == number[:, None]
        log_probs = ops.where(
            ops.logical_and(here, going[:, None]), of_chosen, log_probs
        )
        ended = ops.logical_or(ended, ops.logical_and(going, chosen == EOS))
        number = number + ops.cast(going, "int32")
        index = index + ops.cast(going, "int32")
        # a row that waits for the others overwrites what it will read anew
        x, cache = features.step(chosen, ops.minimum(index, width - 1), cache)
        return index, number, ended, tokens, log_probs, x, cache

    def goes_on(number, ended, *_):
        return ops.any(active(number, ended))

    def one_round(number, ended, tokens, log_probs):
        place = prompt_lengths + number  # of the next label
        start = windows.start(place)
        index = place - start
        before = start[:, None] + place_in_window - 1
        known = ops.logical_and(before >= 0, place_in_window <= index[:, None])
        inside = ops.clip(before, 0, size - 1)
        read = ops.where(known, ops.take_along_axis(tokens, inside, axis=1), 0)
        x, cache = features.prefill(read)
        # a text that has ended may fill the buffer to its last place
        at = ops.minimum(index, width - 1)[:, None, None]
        x = ops.take_along_axis(x, at, axis=1)[:, 0]
        state = ops.while_loop(
            round_goes_on, step, (index, number, ended, tokens, log_probs, x, cache)
        )
        return state[1], state[2], state[3], state[4]

    batch = ops.shape(prompt)[0]
    number, ended, tokens, log_probs = ops.while_loop(
        goes_on,
        one_round,
        (
            ops.zeros_like(prompt_lengths),
            ops.zeros_like(prompt_lengths) > 0,
            ops.concatenate([prompt, ops.zeros((batch, room), "int32")], axis=1),
            ops.zeros((batch, room), "float32"),
        ),
    )
    columns = prompt_lengths[:, None] + number_of_column
    return Continuation(
        ops.take_along_axis(tokens, columns, axis=1), number, log_probs, ended
    )
