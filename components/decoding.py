"""From scores to a decision: the decisions that are not an argmax.

Source: Fan et al., 2018, arXiv:1805.04833 (top-k); Holtzman et al., 2019,
arXiv:1904.09751 (top-p).
"""

from keras import ops

_NEVER = -1e30  # a log-probability no noise can lift


def sample(log_probs, uniform, temperature, top_k, top_p):
    """Draw a label from the tempered, truncated distribution.

    P^(1/temperature), renormalised, cut to the `top_k` most probable labels and
    then to the smallest set of them that holds mass `top_p`. Drawn by the Gumbel
    maximum, so that the noise is an argument and the function is pure. The first
    label of a row is never cut.

    Args:
        log_probs: float [B, K], ln P(y | x).
        uniform: float [B, K], noise in (0, 1).
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
    kept = ops.log_softmax(kept, axis=-1)
    mass_before = ops.cumsum(ops.exp(kept), axis=-1) - ops.exp(kept)
    # top_p = 1 keeps every label, also where rounding makes the sum reach 1 early
    inside_p = ops.logical_or(mass_before < top_p[:, None], top_p[:, None] >= 1.0)
    inside = ops.logical_or(ops.logical_and(inside_k, inside_p), rank == 0)
    gumbel = -ops.log(-ops.log(uniform))
    drawn = ops.argmax(ops.where(inside, ranked + gumbel, _NEVER), axis=-1)
    label = ops.take_along_axis(order, drawn[:, None], axis=-1)[:, 0]
    return ops.cast(label, "int32")
