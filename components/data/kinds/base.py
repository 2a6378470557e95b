"""The kinds of data, in two forms: labels are names, or they are texts.

    labels   inputs                   labels                   of test also
    names    inputs.npy [N, ...]      labels.npy int32 [N]
    texts    inputs_*, if texts too   labels_*, sizes.npy      raw_inputs_*, raw_*

`*` is tokens.npy and offsets.npy: all texts end to end, each ended by EOS, and where
each begins. In raw_* are bytes instead of tokens, as the data have them.
"""

import numpy as np

from phistar.components.data import raw_columns
from phistar.components.data.arrays import RAW, Ragged, load
from phistar.components.labels import NAMES, PAIRS, TEXTS


class StoredNames:
    """Inputs of one shape, and one name as the label of each.

    Attributes:
        gives: what the labels are, as `Labels.needs`.
        sides: sides of a row that are texts; none here.
        augmentable: True if training may flip and crop the inputs.
    """

    gives = NAMES
    sides = ()
    augmentable = False

    def split(self, folder):
        """Inputs and labels of a split, memory-mapped.

        Args:
            folder: Path of the split.

        Returns:
            (array [N, ...], int32 [N]).
        """
        labels = np.load(folder / "labels.npy", mmap_mode="r")
        return load(folder / "inputs.npy"), labels

    def weights(self, folder):
        """Weights of the rows of a split.  -> float64 [N], or None without any."""
        path = folder / "weights.npy"
        return np.load(path, mmap_mode="r") if path.exists() else None

    def raw(self, folder):
        """Inputs before they are encoded: here the same.  -> array [N, ...]."""
        return self.split(folder)[0]


class StoredTexts:
    """Texts as labels, and perhaps texts as inputs.

    Attributes:
        gives: what the labels are, as `Labels.needs`.
        sides: sides of a row that are texts, the label last.
        augmentable: False, text is not flipped.
    """

    augmentable = False

    def split(self, folder):
        """Tokens of a split, each text ended by EOS, memory-mapped.

        Args:
            folder: Path of the split.

        Returns:
            (Ragged of the inputs, or None where there are none; Ragged of the labels).
        """
        loaded = {side: Ragged.load(folder, side) for side in self.sides}
        return loaded.get("inputs"), loaded["labels"]

    def weights(self, folder):
        """None: each text counts as much as another."""

    def raw(self, folder):
        """Texts as the data have them.  -> tuple of Ragged of bytes, by side."""
        return tuple(Ragged.load(folder, RAW[side]) for side in self.sides)


class StoredColumns(StoredNames):
    """Encoded rows, float32 [N, D]; raw.npy has the columns of test as they were."""

    def raw(self, folder):
        """Columns before they are encoded.  -> dict of name -> array [N]."""
        return raw_columns.columns(folder)


class StoredImages(StoredNames):
    """Pixels, uint8 [N, H, W, C]."""

    augmentable = True


class StoredPairs(StoredTexts):
    """Texts to be translated: a source as the input, its target as the label."""

    gives = PAIRS
    sides = ("inputs", "labels")


class StoredText(StoredTexts):
    """Texts to be continued, without an input."""

    gives = TEXTS
    sides = ("labels",)

    def raw(self, folder):
        """Texts as the data have them.  -> Ragged of bytes."""
        return super().raw(folder)[0]
