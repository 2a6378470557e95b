"""Pairs of texts: a source as the input, its target as the label."""

from components.data.kinds.base import StoredTexts
from components.labels import PAIRS


class StoredPairs(StoredTexts):
    """Texts to be translated."""

    gives = PAIRS
    sides = ("inputs", "labels")
