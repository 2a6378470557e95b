"""From scores to decisions: draws, and texts made token by token.

Source: Fan et al., 2018, arXiv:1805.04833 (top-k); Holtzman et al., 2019,
arXiv:1904.09751 (top-p).
"""

from typing import NamedTuple

from keras import ops

from components.decoding.picking import pick

EOS = 0
_NEVER = -1e30  # a log-probability no noise can lift


def sample(log_probs, uniform, temperature, top_k, top_p):
    """Draw a label from the tempered, truncated distribution.

    P^(1/temperature), renormalised, cut to the `top_k` most probable labels and
    then to the smallest set of them that holds mass `top_p`. Drawn by the inverse of
    the distribution function, so that one number of noise, an argument, decides and
    the function is pure. The most probable label is never cut.

    Args:
        log_probs: float [B, K], ln P(y | x).
        uniform: float [B], noise in [0, 1).
        temperature: float [B], > 0; 1 is P itself.
        top_k: int [B], >= 1; K or more cuts nothing.
        top_p: float [B], in (0, 1]; 1 cuts nothing.

    Returns:
        int32 [B], positions in 0 ... K-1.
    """
    tempered = log_probs / temperature[:, None]
    whole = ops.logical_and(top_k >= log_probs.shape[-1], top_p >= 1.0)
    inside = ops.cond(
        ops.all(whole),
        lambda: ops.ones_like(tempered, dtype="bool"),
        lambda: _inside(tempered, top_k, top_p),
    )
    share = ops.softmax(ops.where(inside, tempered, _NEVER), axis=-1)
    mass = ops.cumsum(share, axis=-1)
    passed = ops.cast(mass <= uniform[:, None] * mass[:, -1:], "int32")
    drawn = ops.sum(passed, axis=-1)
    # rounding may pass all of them: the last one of any share is meant
    last = ops.argmax(ops.cast(mass >= mass[:, -1:], "int32"), axis=-1)
    return ops.minimum(drawn, ops.cast(last, "int32"))


def _inside(tempered, top_k, top_p):
    """Which labels `sample` may draw.  -> bool [B, K]."""
    rank = ops.arange(tempered.shape[-1], dtype="int32")[None, :]
    order = ops.argsort(-tempered, axis=-1)  # [B, K], most probable first
    ranked = ops.take_along_axis(tempered, order, axis=-1)
    inside_k = rank < ops.cast(top_k, "int32")[:, None]
    share = ops.softmax(ops.where(inside_k, ranked, _NEVER), axis=-1)
    mass_before = ops.cumsum(share, axis=-1) - share
    # top_p = 1 keeps every label, also where rounding makes the sum reach 1 early
    inside_p = ops.logical_or(mass_before < top_p[:, None], top_p[:, None] >= 1.0)
    inside = ops.logical_or(ops.logical_and(inside_k, inside_p), rank == 0)
    place = ops.argsort(order, axis=-1)  # where each label stands in the order
    return ops.take_along_axis(inside, place, axis=-1)


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
    place_in_window = ops.arange(width)[None, :]
    rows = ops.arange(ops.shape(prompt)[0])

    def active(number, ended):
        return ops.logical_and(ops.logical_not(ended), number < max_length)

    def put(array, column, values, going):
        """Values at one column of each row that goes on; others have one to spare."""
        column = ops.where(going, column, ops.shape(array)[1] - 1)
        place = ops.stack([rows, column], axis=1)
        return ops.scatter_update(array, place, values)

    def round_goes_on(going, *_):
        return ops.any(going)

    def step(going, index, number, ended, tokens, log_probs, x, cache, places):
        scores = ops.log_softmax(network.head(x), axis=-1)
        chosen = choose(scores, number)
        hot = ops.one_hot(chosen, scores.shape[-1], dtype="bool")
        of_chosen = ops.sum(ops.where(hot, scores, 0.0), axis=-1)
        tokens = put(tokens, prompt_lengths + number, chosen, going)
        log_probs = put(log_probs, number, of_chosen, going)
        ended = ops.logical_or(ended, ops.logical_and(going, chosen == EOS))
        taken = ops.cast(going, "int32")
        number, index = number + taken, index + taken
        going = ops.logical_and(active(number, ended), index < windows.context)
        # a row that waits for the others overwrites what it will read anew
        at = ops.minimum(index, width - 1)
        x, cache = features.step(chosen, at, cache, places)
        return going, index, number, ended, tokens, log_probs, x, cache

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
        at = ops.minimum(index, width - 1)
        x = pick(x, at[:, None])[:, 0]
        going = ops.logical_and(active(number, ended), index < windows.context)
        cache, places = features.start(cache, width)
        state = ops.while_loop(
            round_goes_on,
            lambda *state: step(*state, places),
            (going, index, number, ended, tokens, log_probs, x, cache),
        )
        return state[2:6]

    batch = ops.shape(prompt)[0]
    number, ended, tokens, log_probs = ops.while_loop(
        goes_on,
        one_round,
        (
            ops.zeros_like(prompt_lengths),
            ops.zeros_like(prompt_lengths) > 0,
            ops.concatenate([prompt, ops.zeros((batch, room + 1), "int32")], axis=1),
            ops.zeros((batch, room + 1), "float32"),
        ),
    )
    columns = prompt_lengths[:, None] + ops.arange(room)[None, :]
    tokens = ops.take_along_axis(tokens, columns, axis=1)
    return Continuation(tokens, number, log_probs[:, :room], ended)
