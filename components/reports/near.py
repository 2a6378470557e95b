"""Rows of test that are nearly rows of train, and equal rows with other labels."""

import numpy as np

from phistar.components.labels import NAMES
from phistar.components.reports import near_texts
from phistar.components.reports.duplicates import row_keys
from phistar.components.reports.near_images import near_images
from phistar.components.reports.near_rows import near_rows

MAX_TOKENS = 10**7
# A run as long as a sentence: in both it is a copy, not chance.
RUN = {"characters": 50, "bytes": 50, "sentencepiece": 13}  # tokens


def near(data, found, encoder):
    """Count what is nearly equal in train and test.

    Args:
        data: Dataset.
        found: Duplicates: what is equal is counted elsewhere.
        encoder: of the raw inputs.

    Returns:
        list of str, a sentence each; none where there is nothing to say.
    """
    if data.kind.gives == NAMES:
        lines = contradictions(data)
        if "columns" in data.description["inputs"]["encoder"]:
            lines += near_rows(data, found.in_train)
        return lines + (
            like_images(data, found.in_train) if data.kind.augmentable else []
        )
    return like_texts(data, found, encoder) + equal_runs(data)


def contradictions(data):
    """Rows of train whose input has another label elsewhere in train."""
    inputs, labels = data.split("train")
    keys = row_keys(inputs)
    labels = np.asarray(labels[: len(keys)])
    order = np.lexsort((labels, keys))
    keys, labels = keys[order], labels[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    lengths = np.diff(np.append(starts, len(keys)))
    ends = starts + lengths - 1
    number = int(lengths[labels[starts] != labels[ends]].sum())
    if not number:
        return []
    return [
        f"{number:,} of {len(keys):,} rows of train have the same input as a row with "
        "another label: no model is right on both."
    ]


def like_images(data, known):
    """Images of test that look like one of train; see near_images.py."""
    train, test = (data.split(name)[0] for name in ("train", "test"))
    near = near_images(train, test, known)
    if not near.any():
        return []
    return [
        f"{near.sum():,} of {len(near):,} images of test look like one of train, and "
        "are not equal to it (perceptual hashes)."
    ]


def like_texts(data, found, encoder):
    """Texts of test, of either side, that train has too, or nearly."""
    sides = {0: "sources", 1: "targets"} if len(data.kind.sides) > 1 else {1: "texts"}
    lines = []
    for side, what in sides.items():
        train, test = (data.split(name)[side] for name in ("train", "test"))
        known = found.in_train
        if what == "targets":
            known = np.isin(row_keys(test), row_keys(train))
            known = np.pad(known, (0, len(test) - len(known)))
            if known.any():
                share = f"{known.sum():,} of {len(test):,}"
                lines.append(f"{share} targets of test are in train too.")
        lines += near_texts.sentence(what, train, test, known, encoder)
    return lines


def equal_runs(data):
    """Long runs of tokens of test that train has too."""
    length = RUN[data.description["inputs"]["encoder"]["tokenizer"]]
    runs = {name: run_keys(data.split(name)[1], length) for name in ("train", "test")}
    if not len(runs["test"]):
        return []
    known = np.isin(runs["test"], runs["train"]).mean()
    if not known:
        return []
    return [
        f"{known:.2%} of the places of test begin a run of {length} tokens that train "
        "has too."
    ]


def run_keys(texts, length):
    """A hash of each run of tokens within one text.

    Args:
        texts: Ragged.
        length: int, tokens of a run.

    Returns:
        uint64 [M], of the first 10^7 tokens.
    """
    tokens = np.asarray(texts.tokens[:MAX_TOKENS]).astype("uint64")
    if len(tokens) < length:
        return np.zeros(0, "uint64")
    total = len(tokens) - length + 1
    keys = np.zeros(total, "uint64")
    for place in range(length):
        keys = (keys ^ tokens[place : place + total]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    # a run that holds the end of a text before its last place goes on into the next
    ends = np.append(0, np.cumsum(tokens == 0))  # EOS is 0
    return keys[ends[length - 1 : length - 1 + total] == ends[:total]]
