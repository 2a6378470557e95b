"""Law: P is real. A coder driven by the SavedModel stores a text in nll / ln 2 bits."""

import numpy as np
import pytest

from tests.helpers import coder
from tests.helpers.data import song


def test_coder_stores_test_text_in_nll_bits_and_gives_it_back(songs):
    rng = np.random.default_rng(9)
    size, length = 256, 82  # texts beside each other: together 20 kB
    texts = [
        " ".join(song(rng).decode() for _ in range(12))[:length] for _ in range(size)
    ]
    rows = [songs.encoder.encode(text.encode()).tolist() for text in texts]
    assert sum(len(text.encode()) for text in texts) > 20_000

    def following(known):
        return songs.by_token(known)["next_log_probs"]

    code, num_bits = coder.encode(rows, following)
    assert coder.decode(code, num_bits, size, following) == rows
    assert [songs.encoder.decode(row) for row in rows] == texts
    bits = -songs.ask("log_prob", prompt=b"", text=texts)["log_prob"].sum() / np.log(2)
    assert num_bits == pytest.approx(bits, rel=1e-3)
