"""Beam search: the most probable texts that a search of a given width finds.

A hypothesis is ranked by

    score = ln P(y_1 ... y_n | x) / ((5 + n) / 6)^length_penalty,  EOS counted in n.

Each step extends a row's hypotheses by one token. An extension by EOS has ended if it
is among the best `beam_size` extensions; it is put aside and never changed again. The
best `beam_size` extensions by other tokens stay live, so ended hypotheses take no room
from live ones. A row is done when

  - it has `beam_size` ended hypotheses, and no live one can still be ranked before the
    last of them. Proof: ln P only falls, and n never exceeds `max_length`. So a text
    that begins with ln P scores at most ln P divided by the largest divisor ahead. That
    is the divisor of `max_length` tokens where length_penalty >= 0, else that of the
    next length;
  - or `beam_size` is 1 and a hypothesis has ended: a beam of 1 is greedy decoding,
    whatever length_penalty is;
  - or the live hypotheses have `max_length` tokens.

The network's cached keys and values are never reordered: `ancestors` holds the slot in
which each position of a hypothesis was computed.

Differences from the source: log-probabilities and scores are returned separately; no
coverage penalty; nothing is pruned by its distance to the best.

Source: Wu et al., 2016, arXiv:1609.08144, section 7 (length penalty); Sutskever et al.,
2014, arXiv:1409.3215, section 3.2 (ended hypotheses are put aside).
"""

from typing import NamedTuple

from keras import ops

from phistar.components.decoding.picking import best, joined, pick
from phistar.components.decoding.sample import EOS

NEVER = -1e30  # log_prob and score of an empty slot, finite


class Hypotheses(NamedTuple):
    """The best K texts of each row: ended ones, then cut ones, both by score.

    A text cut by `max_length` comes after all ended texts, since its log_prob is that
    of every text that begins so. Cut texts fill the slots that ended texts leave. A
    slot is empty where fewer than K texts are possible, or the row's beam is narrower:
    its log_prob and score are NEVER, its length is 0.

    Args:
        tokens: int32 [B, K, M], 0 after the end.
        lengths: int32 [B, K], EOS counted.
        log_prob: float32 [B, K], nats, of the whole text; of a cut text, of its tokens.
        score: float32 [B, K], log_prob / ((5 + n) / 6)^length_penalty.
        ended: bool [B, K], True if the text ends with EOS; False if `max_length` cut
            it, or the slot is empty.
    """

    tokens: object
    lengths: object
    log_prob: object
    score: object
    ended: object


class Live(NamedTuple):
    """Hypotheses that have not ended. log_prob falls along K; an empty slot has -inf.

    Args:
        tokens: int32 [B, K], the last token of each.
        log_prob: float32 [B, K], nats.
        ancestors: int32 [B, K, M + 1], the slot that read each position.
    """

    tokens: object
    log_prob: object
    ancestors: object


class Ended(NamedTuple):
    """Hypotheses that have ended, by score. An empty slot has log_prob -inf.

    Args:
        log_prob: float32 [B, K], nats.
        lengths: int32 [B, K], EOS counted.
        ancestors: int32 [B, K, M + 1], valid up to position length - 1.
    """

    log_prob: object
    lengths: object
    ancestors: object


def beam_search(step, state, *, num_slots, size, beam_size, max_length, length_penalty):
    """Search for the texts of the highest score, several rows at once.

    No row depends on another row, on `num_slots` or on `size`. So these two may be as
    large as the largest request in a batch needs, or larger.

    Args:
        step: (state, tokens int32 [B, K], index int32 scalar, ancestors int32
            [B, K, M]) -> (ln P float32 [B, K, V], state). Slot k of each row reads its
            token at position `index`: 0 at position 0, y_index later. Position
            t <= index of hypothesis k was read by slot ancestors[b, k, t]; entries
            after `index` have no meaning. V is static. Empty slots are read too; their
            ln P is left out. A token of ln P = -inf is never chosen.
        state: tensors, nested; of the same shapes after each step.
        num_slots: K, int or scalar tensor, the largest beam_size.
        size: M, int or scalar tensor, the largest max_length.
        beam_size: int32 [B], each 1 ... K.
        max_length: int32 [B], each 1 ... M, EOS counted.
        length_penalty: float32 [B], 0 ranks by ln P.

    Returns:
        Hypotheses.
    """
    rows = ops.shape(beam_size)[0]
    slot = ops.arange(num_slots, dtype="int32")[None, :]  # [1, K]
    slots = ops.zeros((rows, num_slots), "int32") + slot  # [B, K]
    place = ops.arange(size + 1, dtype="int32")[None, None, :]  # [1, 1, M + 1]
    # a row's slots from its own beam_size on stay empty
    inside = slot < beam_size[:, None]  # [B, K]
    alpha = length_penalty[:, None]  # [B, 1]

    def continued(live, log_probs):
        """The best K extensions without EOS.  -> (ln P, parents, tokens), [B, K] each.

        Args:
            live: Live.
            log_probs: float32 [B, K, V], of the next token.
        """
        # K + 1 tokens of each hypothesis are enough: one of them may be EOS
        of_token, token = best(log_probs, num_slots + 1)  # [B, K, V] -> [B, K, K + 1]
        of_token = ops.where(token == EOS, -float("inf"), of_token)
        of_token = of_token + live.log_prob[:, :, None]
        # the best of a row over all its hypotheses: [B, K, K + 1] -> [B, K (K + 1)]
        log_prob, chosen = ops.top_k(joined(of_token), num_slots)  # -> [B, K]
        return log_prob, chosen // ops.shape(token)[-1], pick(joined(token), chosen)

    def with_new(ended, live, log_prob, parent, length):
        """The best K of those that ended before or now.  -> (Ended, scores [B, K]).

        Args:
            ended: Ended.
            live: Live, the hypotheses that EOS extends.
            log_prob: float32 [B, K], of those that end now, else -inf.
            parent: int32 [B, K], their slots in `live`.
            length: int32 scalar, their length, EOS counted.
        """
        log_prob = ops.concatenate([ended.log_prob, log_prob], axis=1)  # [B, 2 K]
        now = ops.zeros_like(ended.lengths) + length
        lengths = ops.concatenate([ended.lengths, now], axis=1)  # [B, 2 K]
        score, chosen = ops.top_k(log_prob / divisor(lengths, alpha), num_slots)
        # the new ones take their ancestors from `live`, the second K of the 2 K
        origin = pick(ops.concatenate([slots, num_slots + parent], axis=1), chosen)
        ancestors = ops.concatenate([ended.ancestors, live.ancestors], axis=1)
        # top_k fills all K slots, also those that a narrower beam must not use
        log_prob = ops.where(inside, pick(log_prob, chosen), -float("inf"))
        return Ended(log_prob, pick(lengths, chosen), pick(ancestors, origin)), score

    def one_step(index, going, live, ended, written, state):
        """Extend all rows by one token; a row that is not `going` keeps its result."""
        seen = live.ancestors[:, :, :size]  # [B, K, M + 1] -> [B, K, M]
        log_probs, state = step(state, live.tokens, index, seen)  # [B, K, V]
        log_prob, parent, tokens = continued(live, log_probs)
        # EOS competes with all other tokens, else a beam of 1 would not be greedy
        of_end = live.log_prob + log_probs[:, :, EOS]
        both = ops.concatenate([of_end, log_prob], axis=1)  # [B, 2 K]
        of_best, chosen = ops.top_k(both, num_slots)  # [B, K]
        # the first K of the 2 K are the extensions by EOS
        ends = ops.logical_and(chosen < num_slots, inside)
        ends = ops.logical_and(ends, going[:, None])
        of_best = ops.where(ends, of_best, -float("inf"))
        # an index that is valid; those that do not end have -inf
        chosen = ops.minimum(chosen, num_slots - 1)
        length = index + 1
        ended, score = with_new(ended, live, of_best, chosen, length)

        log_prob = ops.where(inside, log_prob, -float("inf"))
        # a row that is done waits for the others: its result must not change
        log_prob = ops.where(going[:, None], log_prob, live.log_prob)
        parent = ops.where(going[:, None], parent, slot)
        # a child takes its parent's ancestors; its own token is read by its own slot
        here = place == length
        ancestors = ops.where(here, slot[:, :, None], pick(live.ancestors, parent))
        live = Live(tokens, log_prob, ancestors)
        written = ops.where(here, tokens[:, :, None], written)  # [B, K, M + 1]

        # the stop rule; the module's docstring has its proof
        ahead = ops.maximum(
            divisor(length + 1, length_penalty), divisor(max_length, length_penalty)
        )
        # -inf until all slots of the row's beam hold an ended hypothesis
        last = ops.min(ops.where(inside, score, float("inf")), axis=1)  # [B]
        going = ops.logical_and(going, length < max_length)
        going = ops.logical_and(going, log_prob[:, 0] / ahead > last)
        # with length_penalty > 0 a longer text could still score more: not greedy
        has_ended = score[:, 0] > -float("inf")
        greedy_ends = ops.logical_and(beam_size == 1, has_ended)
        going = ops.logical_and(going, ops.logical_not(greedy_ends))
        return length, going, live, ended, written, state

    nothing = ops.zeros((rows, num_slots), "float32") - float("inf")
    nowhere = ops.zeros((rows, num_slots, size + 1), "int32")
    # one empty hypothesis in slot 0: K equal ones would fill the beam with copies
    first = Live(
        ops.zeros_like(slots),
        ops.where(slots == 0, 0.0, nothing),
        nowhere + slot[:, :, None],
    )
    _, _, live, ended, written, _ = ops.while_loop(
        lambda index, going, *_: ops.any(going),
        one_step,
        (
            ops.zeros((), "int32"),
            max_length > 0,
            first,
            Ended(nothing, ops.zeros_like(slots), nowhere),
            nowhere,
            state,
        ),
    )
    return hypotheses(live, ended, written, inside, max_length, alpha)


def hypotheses(live, ended, written, inside, max_length, length_penalty):
    """The ended hypotheses, then the live ones that `max_length` cut, K in all.

    Args:
        live: Live.
        ended: Ended.
        written: int32 [B, K, M + 1], the token that each slot read at each position.
        inside: bool [B, K], the slots within each row's beam.
        max_length: int32 [B].
        length_penalty: float32 [B, 1].

    Returns:
        Hypotheses.
    """
    num_slots = ops.shape(inside)[1]
    slot = ops.arange(num_slots, dtype="int32")[None, :]  # [1, K]
    has_ended = ended.log_prob > -float("inf")  # [B, K], the first ones of each row
    num_ended = ops.sum(ops.cast(has_ended, "int32"), axis=1, keepdims=True)
    # places in [ended, live]: all ended ones, then the first live ones
    chosen = ops.where(has_ended, slot, num_slots + slot - num_ended)  # [B, K]

    def of_both(of_ended, of_live):
        return pick(ops.concatenate([of_ended, of_live], axis=1), chosen)

    log_prob = of_both(ended.log_prob, live.log_prob)
    there = ops.logical_and(inside, log_prob > -float("inf"))
    cut = ops.zeros_like(ended.lengths) + max_length[:, None]
    lengths = ops.where(there, of_both(ended.lengths, cut), 0)
    ancestors = of_both(ended.ancestors, live.ancestors)
    # the token read at position t + 1 is token t: [B, K, M + 1] -> [B, K, M]
    written, ancestors = written[:, :, 1:], ancestors[:, :, 1:]
    length = ops.shape(written)[2]
    place = ops.arange(length, dtype="int32")[None, None, :]
    # token t of hypothesis k is written[b, ancestors[b, k, t], t]: one flat index
    tokens = pick(joined(written), joined(ancestors * length + place))  # [B, K M]
    tokens = ops.reshape(tokens, ops.shape(ancestors))  # -> [B, K, M]
    # EOS itself is never written; it is 0, like the padding after it
    spoken = lengths - ops.cast(has_ended, "int32")
    tokens = ops.where(place < spoken[:, :, None], tokens, EOS)
    score = ops.where(there, log_prob / divisor(lengths, length_penalty), NEVER)
    log_prob = ops.where(there, log_prob, NEVER)
    return Hypotheses(tokens, lengths, log_prob, score, has_ended)


def divisor(length, length_penalty):
    """((5 + n) / 6)^length_penalty.  int, float -> float32."""
    return ops.power((5.0 + ops.cast(length, "float32")) / 6.0, length_penalty)
