"""Texts -> flat tokens and offsets by split, written one text at a time."""

import numpy as np

from components.data.arrays import RaggedFile
from components.data.splits import SPLITS
from components.data.text import sizes


class Corpus:
    """What two passes over the texts find out and write.

    Attributes:
        num_rows: split -> its number of texts.
    """

    def __init__(self):
        self.num_rows = dict.fromkeys(SPLITS, 0)

    def train_texts(self, pieces):
        """Look at all pieces; the texts of train are handed on, for the tokenizer.

        Args:
            pieces: of `split_rows`.

        Yields:
            bytes.
        """
        for split, rows in pieces:
            self.num_rows[split] += len(rows)
            if split == "train":
                yield from rows.labels

    def write(self, folder, pieces, encoder):
        """The second pass: tokens, sizes, and of test the texts as they are.

        Args:
            folder: Path of the Dataset.
            pieces: of `split_rows`.
            encoder: Text.

        Returns:
            (dict of split -> SHA-256 of its tokens, list of the tokens' counts in
            train).
        """
        vocab_size = len(encoder.names)
        for name in SPLITS:
            (folder / name).mkdir(parents=True)
        files = {
            name: RaggedFile(folder / name, "labels", np.min_scalar_type(vocab_size))
            for name in SPLITS
        }
        raw = RaggedFile(folder / "test", "raw", "uint8")
        counts = np.zeros(vocab_size, int)
        measured = {name: [] for name in SPLITS}
        for split, rows in pieces:
            for text in rows.labels:
                tokens = encoder.encode(text)
                files[split].append(tokens)
                measured[split].append(sizes(text))
                if split == "train":
                    counts += np.bincount(tokens, minlength=vocab_size)
                elif split == "test":
                    raw.append(np.frombuffer(text, "uint8"))
        raw.close()
        for name in SPLITS:
            np.save(folder / name / "sizes.npy", np.array(measured[name], "int64"))
        return {name: files[name].close() for name in SPLITS}, counts.tolist()
