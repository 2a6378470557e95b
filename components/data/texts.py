"""The files of a split whose labels are texts, and whose inputs may be.

    kind     inputs_*   labels_*          sizes.npy         of test also
    text                a text            of that text      raw_*
    pairs    a source   its target        of the target     raw_inputs_*, raw_*

`*` is tokens.npy and offsets.npy: tokens, each text ended by EOS; and raw, the bytes as
the data have them.
"""

import hashlib

import numpy as np

from components.data.arrays import Ragged, RaggedFile

# kind -> what of the rows are texts
SIDES = {"text": ("labels",), "pairs": ("inputs", "labels")}
RAW = {"inputs": "raw_inputs", "labels": "raw"}


class TextFiles:
    """One split, written row by row.

    Args:
        folder: Path of the split; made here.
        kind: a key of SIDES.
        dtype: of the tokens.
        raw: whether the texts are kept too.
    """

    def __init__(self, folder, kind, dtype, raw):
        folder.mkdir(parents=True)
        self.path, self.sizes = folder / "sizes.npy", []
        self.tokens = [RaggedFile(folder, side, dtype) for side in SIDES[kind]]
        kept = SIDES[kind] if raw else ()
        self.raw = [RaggedFile(folder, RAW[side], "uint8") for side in kept]

    def append(self, tokens, raw, size):
        """Write the next row.

        Args:
            tokens: list of int [n], by side.
            raw: list of uint8 [n], by side; none if they are not kept.
            size: (characters, bytes) of the label.
        """
        for file, row in zip(self.tokens, tokens, strict=True):
            file.append(row)
        for file, row in zip(self.raw, raw, strict=True):
            file.append(row)
        self.sizes.append(size)

    def close(self):
        """Close all.  -> str, SHA-256 of the tokens."""
        for file in self.raw:
            file.close()
        np.save(self.path, np.array(self.sizes, "int64").reshape(-1, 2))
        digests = [file.close() for file in self.tokens]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("".join(digests).encode()).hexdigest()


def load_tokens(folder, kind):
    """(Ragged of the inputs' tokens, or None; Ragged of the labels')."""
    sides = {side: Ragged.load(folder, side) for side in SIDES[kind]}
    return sides.get("inputs"), sides["labels"]


def load_raw(folder, kind):
    """The texts as the data have them.  -> list of Ragged of bytes, by side."""
    return [Ragged.load(folder, RAW[side]) for side in SIDES[kind]]
