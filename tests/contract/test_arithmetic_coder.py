"""Law: P is real. A coder driven by the SavedModel stores a text in nll / ln 2 bits."""

import numpy as np
import pytest

from tests.components.conftest import song
from tests.contract.test_language import made

TOTAL = 2**30  # the shares of a token are whole parts of it


def shares(log_probs):
    """ln P [V] -> int [V + 1], cumulated, each share at least 1."""
    counts = np.floor(np.exp(log_probs.astype("float64")) * TOTAL).astype(int) + 1
    return [0, *map(int, np.cumsum(counts))]


class Interval:
    """low / 2^bits ... (low + width) / 2^bits, narrowed by one share after another."""

    def __init__(self):
        self.low, self.width, self.bits = 0, 2**64, 64

    def narrow(self, token, cumulated):
        start, stop = cumulated[token], cumulated[token + 1]
        part = self.width * start // cumulated[-1]
        self.low += part
        self.width = self.width * stop // cumulated[-1] - part
        while self.width < 2**56:
            self.low, self.width = self.low * 256, self.width * 256
            self.bits += 8

    def code(self):
        """The shortest number inside, as its bits."""
        cut = self.width.bit_length() - 1
        return -(-self.low // 2**cut), self.bits - cut

    def find(self, code, length, cumulated):
        """The token whose share holds the number."""
        value = (code << self.bits >> length) - self.low
        target = value * cumulated[-1] // self.width
        token = int(np.searchsorted(cumulated, target, "right")) - 1
        while self.width * cumulated[token + 1] // cumulated[-1] <= value:
            token += 1  # the share's border was rounded down
        return token


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return made(tmp_path_factory.mktemp("coder"), "songs")


def test_coder_stores_test_text_in_nll_bits_and_gives_it_back(songs):
    rng = np.random.default_rng(9)
    size, length = 128, 165  # texts beside each other: together 20 kB
    texts = [
        " ".join(song(rng).decode() for _ in range(12))[:length] for _ in range(size)
    ]
    rows = [songs.encoder.encode(text.encode()).tolist() for text in texts]
    assert sum(len(text.encode()) for text in texts) > 20_000
    steps = max(map(len, rows))

    def following(known):
        """The shares of the next token of each text, as both sides see them."""
        ended = [row[:-1] if row[-1:] == [0] else row for row in known]
        return map(shares, songs.score(ended)["next_log_probs"])

    coder = Interval()
    for t in range(steps):
        for row, cumulated in zip(rows, following([r[:t] for r in rows]), strict=True):
            if t < len(row):
                coder.narrow(row[t], cumulated)
    code, num_bits = coder.code()

    decoder, known = Interval(), [[] for _ in rows]
    for _ in range(steps):
        for row, cumulated in zip(known, following(known), strict=True):
            if row[-1:] != [0]:
                row.append(decoder.find(code, num_bits, cumulated))
                decoder.narrow(row[-1], cumulated)
    assert [songs.encoder.decode(row) for row in known] == texts

    bits = -songs.ask("log_prob", text=texts)["log_prob"].sum() / np.log(2)
    assert num_bits == pytest.approx(bits, rel=1e-3)
