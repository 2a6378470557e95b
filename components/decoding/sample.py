"""Decisions from scores: draws, and texts generated token by token.

Source: Fan et al., 2018, arXiv:1805.04833 (top-k); Holtzman et al., 2019,
arXiv:1904.09751 (top-p).
"""

from typing import NamedTuple

from keras import ops

from phistar.components.decoding.picking import pick

EOS = 0
_NEVER = -1e30  # ln P of a label that is cut; its share is exactly 0


def sample(log_probs, uniform, temperature, top_k, top_p):
    """Draw a label from the tempered, truncated distribution.

    The distribution is P^(1/temperature), renormalised. It is cut to the `top_k` most
    probable labels, then to the smallest set of them that holds mass `top_p`. The draw
    inverts the distribution function at `uniform`, so the function is pure. The most
    probable label is never cut.

    Args:
        log_probs: float [B, K], ln P(y | x).
        uniform: float [B], noise in [0, 1).
        temperature: float [B], > 0; 1 is P itself.
        top_k: int [B], >= 1; K or more cuts nothing.
        top_p: float [B], in (0, 1]; 1 cuts nothing.

    Returns:
        int32 [B], positions in 0 ... K-1.
    """
    tempered = log_probs / temperature[:, None]  # [B, K]
    # nothing to cut in any row: the two sorts of `_inside` are left out
    whole = ops.logical_and(top_k >= log_probs.shape[-1], top_p >= 1.0)
    inside = ops.cond(
        ops.all(whole),
        lambda: ops.ones_like(tempered, dtype="bool"),
        lambda: _inside(tempered, top_k, top_p),
    )
    share = ops.softmax(ops.where(inside, tempered, _NEVER), axis=-1)
    mass = ops.cumsum(share, axis=-1)
    # times the total, since rounding keeps the last sum from being exactly 1
    passed = ops.cast(mass <= uniform[:, None] * mass[:, -1:], "int32")
    drawn = ops.sum(passed, axis=-1)  # [B, K] -> [B], labels below the noise
    # rounding may pass all labels; then the last label with a share is drawn
    last = ops.argmax(ops.cast(mass >= mass[:, -1:], "int32"), axis=-1)
    return ops.minimum(drawn, ops.cast(last, "int32"))


def _inside(tempered, top_k, top_p):
    """Mask of the labels that `sample` may draw.  float [B, K] -> bool [B, K]."""
    rank = ops.arange(tempered.shape[-1], dtype="int32")[None, :]  # [1, K]
    order = ops.argsort(-tempered, axis=-1)  # [B, K], most probable first
    ranked = ops.take_along_axis(tempered, order, axis=-1)
    inside_k = rank < ops.cast(top_k, "int32")[:, None]
    share = ops.softmax(ops.where(inside_k, ranked, _NEVER), axis=-1)
    # a label stays if the labels before it do not hold top_p yet
    mass_before = ops.cumsum(share, axis=-1) - share
    # top_p = 1 keeps every label, also where rounding makes the sum reach 1 early
    inside_p = ops.logical_or(mass_before < top_p[:, None], top_p[:, None] >= 1.0)
    inside = ops.logical_or(ops.logical_and(inside_k, inside_p), rank == 0)
    # back from the order of probability to the order of the labels
    place = ops.argsort(order, axis=-1)
    return ops.take_along_axis(inside, place, axis=-1)


def greedy(log_probs):
    """The most probable label.  float [B, K] -> int32 [B]."""
    return ops.cast(ops.argmax(log_probs, axis=-1), "int32")


class Continuation(NamedTuple):
    """Texts generated token by token.

    Args:
        tokens: int32 [B, M], 0 after the end.
        lengths: int32 [B], EOS counted.
        log_probs: float32 [B, M], nats, of each token under P itself; 0 after the end.
        ended: bool [B], True if the text ends with EOS, False if `max_length` cut it.
    """

    tokens: object
    lengths: object
    log_probs: object
    ended: object


def continue_texts(network, prompt, prompt_lengths, max_length, room, choose):
    """Continue prompts until EOS or `max_length`, with cached keys and values.

    Generation runs in rounds. A round first reads each row's window, as the protocol
    (windows.py) defines it. Then single steps follow until every row is at the end of
    its window or of its text. After the first round all rows are at the same position
    in their windows. So each token has the conditional probability that scoring gives
    it, and no row depends on another row.

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
    size = ops.shape(prompt)[1] + room  # P + M
    # a short text needs no window of the full context: S = min(P + M, C)
    width = ops.minimum(size, windows.context)
    place_in_window = ops.arange(width)[None, :]  # [1, S]
    rows = ops.arange(ops.shape(prompt)[0])

    def active(number, ended):
        """True where a row is neither ended nor full.  int32, bool [B] -> bool [B]."""
        return ops.logical_and(ops.logical_not(ended), number < max_length)

    def put(array, column, values, going):
        """Write one column of each row that is `going`, the spare one of the others."""
        # a scatter writes every row; the last column is cut off at the end
        column = ops.where(going, column, ops.shape(array)[1] - 1)
        place = ops.stack([rows, column], axis=1)  # [B, 2]
        return ops.scatter_update(array, place, values)

    def step(going, index, number, ended, tokens, log_probs, x, cache, places):
        """Choose one token for each row, and read it."""
        scores = ops.log_softmax(network.head(x), axis=-1)  # [B, D] -> [B, V]
        chosen = choose(scores, number)
        # ln P under P itself, whatever `choose` draws from; [B, V] -> [B]
        hot = ops.one_hot(chosen, scores.shape[-1], dtype="bool")
        of_chosen = ops.sum(ops.where(hot, scores, 0.0), axis=-1)
        tokens = put(tokens, prompt_lengths + number, chosen, going)
        log_probs = put(log_probs, number, of_chosen, going)
        # rows that wait choose too: only those that are `going` can end or advance
        ended = ops.logical_or(ended, ops.logical_and(going, chosen == EOS))
        taken = ops.cast(going, "int32")
        number, index = number + taken, index + taken
        # at the window's end a row waits for the next round, which reads its window
        going = ops.logical_and(active(number, ended), index < windows.context)
        # a row that waits may overwrite its last position: the next round recomputes it
        at = ops.minimum(index, width - 1)
        x, cache = features.step(chosen, at, cache, places)
        return going, index, number, ended, tokens, log_probs, x, cache

    def one_round(number, ended, tokens, log_probs):
        """Read each row's window, then step until all rows wait."""
        place = prompt_lengths + number  # [B], of the next label in its text
        start = windows.start(place)
        index = place - start  # [B], of the next label in its window
        # position j of a window reads the token before label start + j
        before = start[:, None] + place_in_window - 1  # [B, S]
        # 0, the start of a text, before the first token; after `index` it is not seen
        known = ops.logical_and(before >= 0, place_in_window <= index[:, None])
        inside = ops.clip(before, 0, size - 1)
        read = ops.where(known, ops.take_along_axis(tokens, inside, axis=1), 0)
        x, cache = features.prefill(read)  # [B, S, D]
        # an ended text may fill the buffer: its `index` is then past the last position
        at = ops.minimum(index, width - 1)
        x = pick(x, at[:, None])[:, 0]  # [B, S, D] -> [B, D]
        going = ops.logical_and(active(number, ended), index < windows.context)
        # flat arrays, in which a step writes whole rows
        cache, places = features.start(cache, width)
        state = ops.while_loop(
            lambda going, *_: ops.any(going),
            lambda *state: step(*state, places),
            (going, index, number, ended, tokens, log_probs, x, cache),
        )
        # the cache ends with its round: the next one reads another window
        return state[2:6]

    batch = ops.shape(prompt)[0]
    # M + 1 columns: rows that wait write into the last one
    number, ended, tokens, log_probs = ops.while_loop(
        lambda number, ended, *_: ops.any(active(number, ended)),
        one_round,
        (
            ops.zeros_like(prompt_lengths),
            ops.zeros_like(prompt_lengths) > 0,
            ops.concatenate([prompt, ops.zeros((batch, room + 1), "int32")], axis=1),
            ops.zeros((batch, room + 1), "float32"),
        ),
    )
    # the part after each row's prompt: [B, P + M + 1] -> [B, M]
    columns = prompt_lengths[:, None] + ops.arange(room)[None, :]
    tokens = ops.take_along_axis(tokens, columns, axis=1)
    return Continuation(tokens, number, log_probs[:, :room], ended)
