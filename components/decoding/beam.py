"""Beam search: the most probable texts that a search of a given width finds.

A hypothesis is ranked by

    score = ln P(y_1 ... y_n | x) / ((5 + n) / 6)^length_penalty,  EOS counted in n.

Of all continuations of a row's hypotheses by one token, those that end with EOS and are
among the best `beam_size` are ended: they are put aside and never touched again. The
best `beam_size` of those that do not end go on, so that the ended ones take no room
from them. A row is done when

  - it has `beam_size` ended hypotheses and none that goes on can be ranked before the
    last of them. Since ln P only falls and n stays below `max_length`, what begins with
    ln P can reach no more than ln P divided by the largest divisor still ahead: that of
    `max_length` tokens where length_penalty >= 0, that of one more where it is below;
  - or `beam_size` is 1 and it has ended: a beam of 1 is greedy decoding, whatever
    length_penalty is;
  - or `max_length` tokens are there.

Keys and values that a network keeps are never reordered: `ancestors` says where those
of a hypothesis are.

Differences from the source: log-probabilities and scores are given apart; no coverage
penalty; nothing is pruned by a distance to the best.

Source: Wu et al., 2016, arXiv:1609.08144, section 7 (length penalty); Sutskever et al.,
2014, arXiv:1409.3215, section 3.2 (ended hypotheses are put aside).
"""

from typing import NamedTuple

from keras import ops

from components.decoding.picking import best, joined, pick
from components.decoding.sample import EOS

NEVER = -1e30  # log_prob and score where there is no hypothesis


class Hypotheses(NamedTuple):
    """The best K texts of each row: those that ended first, each kind by its score.

    A text that `max_length` has cut comes after all that ended, since its log_prob is
    that of everything that begins so; such texts fill the places for which too few
    ended. What has no text (fewer than K are possible, or the row's beam is narrower)
    has log_prob and score NEVER, and length 0.

    Args:
        tokens: int32 [B, K, M], 0 after the end.
        lengths: int32 [B, K], EOS counted.
        log_prob: float32 [B, K], nats, of the whole text; of a cut one, of what is
            there.
        score: float32 [B, K], log_prob / ((5 + n) / 6)^length_penalty.
        ended: bool [B, K], whether EOS was said; else `max_length` has cut the text, or
            there is none.
    """

    tokens: object
    lengths: object
    log_prob: object
    score: object
    ended: object


class Live(NamedTuple):
    """What goes on. log_prob falls along K; it is -inf where a slot is empty.

    Args:
        tokens: int32 [B, K], the last ones.
        log_prob: float32 [B, K].
        ancestors: int32 [B, K, M + 1], the slot that read each position.
    """

    tokens: object
    log_prob: object
    ancestors: object


class Ended(NamedTuple):
    """What has ended, by score. log_prob is -inf where there is nothing yet.

    Args:
        log_prob: float32 [B, K].
        lengths: int32 [B, K], EOS counted.
        ancestors: int32 [B, K, M + 1], right up to position length - 1.
    """

    log_prob: object
    lengths: object
    ancestors: object


def beam_search(step, state, *, num_slots, size, beam_size, max_length, length_penalty):
    """Search for the texts of the highest score, several rows at once.

    No row depends on another one, and none on `num_slots` or `size`; so these may be as
    large as the largest request in a batch needs, or larger.

    Args:
        step: (state, tokens int32 [B, K], index int32 scalar, ancestors int32
            [B, K, M]) -> (ln P float32 [B, K, V], state). Slot k of each row reads its
            token at position `index`: 0 at position 0, y_index later. What hypothesis k
            has read at position t <= index was read by slot ancestors[b, k, t]; what
            stands after `index` means nothing. V is static. Slots without a hypothesis
            are read too, and what is said of them is left out. A token of ln P = -inf
            is never chosen.
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
    slot = ops.arange(num_slots, dtype="int32")[None, :]
    slots = ops.zeros((rows, num_slots), "int32") + slot
    place = ops.arange(size + 1, dtype="int32")[None, None, :]
    inside = slot < beam_size[:, None]  # [B, K]
    alpha = length_penalty[:, None]

    def continued(live, log_probs):
        """The best K that do not end.  -> (ln P, parents, tokens), each [B, K]."""
        # one more than K, for EOS may be among them
        of_token, token = best(log_probs, num_slots + 1)  # [B, K, K + 1] or less
        of_token = ops.where(token == EOS, -float("inf"), of_token)
        of_token = of_token + live.log_prob[:, :, None]
        log_prob, chosen = ops.top_k(joined(of_token), num_slots)
        return log_prob, chosen // ops.shape(token)[-1], pick(joined(token), chosen)

    def with_new(ended, live, log_prob, parent, length):
        """The best K of what has ended before, and has now.  -> (Ended, scores)."""
        log_prob = ops.concatenate([ended.log_prob, log_prob], axis=1)  # [B, 2 K]
        now = ops.zeros_like(ended.lengths) + length
        lengths = ops.concatenate([ended.lengths, now], axis=1)
        score, chosen = ops.top_k(log_prob / divisor(lengths, alpha), num_slots)
        origin = pick(ops.concatenate([slots, num_slots + parent], axis=1), chosen)
        ancestors = ops.concatenate([ended.ancestors, live.ancestors], axis=1)
        log_prob = ops.where(inside, pick(log_prob, chosen), -float("inf"))
        return Ended(log_prob, pick(lengths, chosen), pick(ancestors, origin)), score

    def one_step(index, going, live, ended, written, state):
        seen = live.ancestors[:, :, :size]
        log_probs, state = step(state, live.tokens, index, seen)
        log_prob, parent, tokens = continued(live, log_probs)
        # an EOS that is not among the best is no end: a beam of 1 is greedy
        of_end = live.log_prob + log_probs[:, :, EOS]
        both = ops.concatenate([of_end, log_prob], axis=1)  # [B, 2 K]
        of_best, chosen = ops.top_k(both, num_slots)
        ends = ops.logical_and(chosen < num_slots, inside)
        ends = ops.logical_and(ends, going[:, None])
        of_best = ops.where(ends, of_best, -float("inf"))
        chosen = ops.minimum(chosen, num_slots - 1)
        length = index + 1
        ended, score = with_new(ended, live, of_best, chosen, length)

        log_prob = ops.where(inside, log_prob, -float("inf"))
        # a row that is done stays as it is
        log_prob = ops.where(going[:, None], log_prob, live.log_prob)
        parent = ops.where(going[:, None], parent, slot)
        here = place == length
        ancestors = ops.where(here, slot[:, :, None], pick(live.ancestors, parent))
        live = Live(tokens, log_prob, ancestors)
        written = ops.where(here, tokens[:, :, None], written)

        ahead = ops.maximum(
            divisor(length + 1, length_penalty), divisor(max_length, length_penalty)
        )
        last = ops.min(ops.where(inside, score, float("inf")), axis=1)
        going = ops.logical_and(going, length < max_length)
        going = ops.logical_and(going, log_prob[:, 0] / ahead > last)
        has_ended = score[:, 0] > -float("inf")
        greedy_ends = ops.logical_and(beam_size == 1, has_ended)
        going = ops.logical_and(going, ops.logical_not(greedy_ends))
        return length, going, live, ended, written, state

    nothing = ops.zeros((rows, num_slots), "float32") - float("inf")
    nowhere = ops.zeros((rows, num_slots, size + 1), "int32")
    # one hypothesis, the empty one
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
    """What has ended, then what has been cut, as long as there is room.

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
    slot = ops.arange(num_slots, dtype="int32")[None, :]
    has_ended = ended.log_prob > -float("inf")
    num_ended = ops.sum(ops.cast(has_ended, "int32"), axis=1, keepdims=True)
    chosen = ops.where(has_ended, slot, num_slots + slot - num_ended)

    def of_both(of_ended, of_live):
        return pick(ops.concatenate([of_ended, of_live], axis=1), chosen)

    log_prob = of_both(ended.log_prob, live.log_prob)
    there = ops.logical_and(inside, log_prob > -float("inf"))
    cut = ops.zeros_like(ended.lengths) + max_length[:, None]
    lengths = ops.where(there, of_both(ended.lengths, cut), 0)
    ancestors = of_both(ended.ancestors, live.ancestors)
    # what was read at position t + 1 is token t
    written, ancestors = written[:, :, 1:], ancestors[:, :, 1:]
    length = ops.shape(written)[2]
    place = ops.arange(length, dtype="int32")[None, None, :]
    tokens = pick(joined(written), joined(ancestors * length + place))
    tokens = ops.reshape(tokens, ops.shape(ancestors))
    spoken = lengths - ops.cast(has_ended, "int32")  # EOS is 0, as what follows it
    tokens = ops.where(place < spoken[:, :, None], tokens, EOS)
    score = ops.where(there, log_prob / divisor(lengths, length_penalty), NEVER)
    log_prob = ops.where(there, log_prob, NEVER)
    return Hypotheses(tokens, lengths, log_prob, score, has_ended)


def divisor(length, length_penalty):
    """((5 + n) / 6)^length_penalty.  int, float -> float32."""
    return ops.power((5.0 + ops.cast(length, "float32")) / 6.0, length_penalty)
