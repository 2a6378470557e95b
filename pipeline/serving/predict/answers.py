"""Inputs -> batches for a model -> answers as plain data.

An answer does not depend on what stands in a batch beside it, so inputs of about one
length are asked together: padding is small.
"""

import json
import sys
from typing import NamedTuple

import numpy as np

CUT = ("tokens", "token_log_probs")  # outputs that are filled up after their lengths


class Signature(NamedTuple):
    """One signature of a contract.

    Args:
        name: of it.
        inputs, outputs: name -> {"dtype", "shape", "meaning"}.
    """

    name: str
    inputs: dict
    outputs: dict


def answered(model, signature, chunk, knobs, size, progress):
    """The answers to a chunk.

    Args:
        model: Model.
        signature: Signature.
        chunk: list of Input.
        knobs: name -> number, or array of one for each input.
        size: inputs in a batch.
        progress: called with the number of inputs that have been answered.

    Returns:
        list of dict, in the order of the chunk.
    """
    answers = [None] * len(chunk)
    order = sorted(range(len(chunk)), key=lambda row: chunk[row].size)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        answer = asked(model, signature, chunk, rows, knobs)
        for row, one in zip(rows, by_row(signature, answer, len(rows)), strict=True):
            answers[row] = one
        progress(len(rows))
    return answers


def asked(model, signature, chunk, rows, knobs):
    """One batch.

    Args:
        model, signature, chunk, knobs: as `answered` takes them.
        rows: list of int, positions in the chunk.

    Returns:
        dict of name -> np.ndarray [B, ...].

    Raises:
        ValueError: which input the model does not take.
    """
    from components.serving.ask import Refused

    request = {
        name: argument(name, spec, chunk, rows, knobs)
        for name, spec in signature.inputs.items()
    }
    try:
        return model.call(signature.name, request)
    except Refused as refusal:
        if len(rows) == 1:
            raise ValueError(
                f"{chunk[rows[0]]}: the model does not take this input: {refusal}"
            ) from refusal
        together = refusal
    for row in sorted(rows):  # the first one that is refused alone
        asked(model, signature, chunk, [row], knobs)
    raise ValueError(
        f"the model takes each of {len(rows)} inputs, {chunk[min(rows)]} the first, "
        f"but not together: {together}. Try a smaller --batch-size."
    )


def argument(name, spec, chunk, rows, knobs):
    """One argument of a signature, for a batch.

    Args:
        name: of it.
        spec: what the contract says of it.
        chunk, rows, knobs: as `asked` takes them.

    Returns:
        np.ndarray [B], or [] where one number is for all.
    """
    if name in knobs:
        knob = np.asarray(knobs[name], spec["dtype"])
        if knob.ndim:
            return knob[rows]
        return np.full(len(rows), knob) if spec["shape"] else knob
    values = [chunk[row].values.get(name, b"") for row in rows]  # no prompt is ""
    # object: NumPy's own strings would drop NULs at the end
    return np.array(values, object if spec["dtype"] == "string" else spec["dtype"])


def by_row(signature, answer, size):
    """What a signature gives, as plain data.

    Args:
        signature: Signature.
        answer: dict of name -> np.ndarray [B, ...].
        size: B.

    Returns:
        list of dict, the outputs in the contract's order: bytes as text, floats in the
        shortest form of their dtype, None for those that are not finite; `tokens` as
        long as `lengths` says.
    """
    plain = {name: plain_data(answer[name]) for name in signature.outputs}
    rows = [{n: values[row] for n, values in plain.items()} for row in range(size)]
    if "lengths" in plain:
        for row in rows:
            row |= {n: cut(row[n], row["lengths"]) for n in CUT if n in row}
    return rows


def plain_data(values):
    """np.ndarray -> nested lists of str, int, float, bool and None."""
    if values.dtype == object:
        decoded = np.frompyfunc(lambda text: text.decode("utf-8", "replace"), 1, 1)
        return decoded(values).tolist()
    if values.dtype.kind != "f":
        return values.tolist()
    finite = np.isfinite(values)
    # by way of words: 0.1, where float32's own is 0.10000000149011612
    result = np.where(finite, values, 0).astype(str).astype("float64")
    if not finite.all():
        result = np.where(finite, result.astype(object), None)
    return result.tolist()


def cut(values, length):
    """The first ones; of lists in lists, each by its own length."""
    if isinstance(length, list):
        return [cut(v, n) for v, n in zip(values, length, strict=True)]
    return values[:length]


def dumped(row):
    """One line of JSON; characters as they are where stdout can say them."""
    escaped = (sys.stdout.encoding or "").lower() != "utf-8"
    return json.dumps(row, ensure_ascii=escaped, allow_nan=False)
