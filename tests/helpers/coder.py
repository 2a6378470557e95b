"""An arithmetic coder: a text of probability p takes -log2 p bits."""

import numpy as np

TOTAL = 2**30  # the shares of a token are whole parts of it


def shares(log_probs):
    """Cumulated shares, each at least 1.  ln P [V] -> int [V + 1]."""
    counts = np.floor(np.exp(log_probs.astype("float64")) * TOTAL).astype(int) + 1
    return [0, *map(int, np.cumsum(counts))]


class Interval:
    """Interval [low, low + width] / 2^bits, narrowed by one share after another."""

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
        """Shortest number inside, and its number of bits."""
        cut = self.width.bit_length() - 1
        return -(-self.low // 2**cut), self.bits - cut

    def find(self, code, length, cumulated):
        """Token whose share holds the number."""
        value = (code << self.bits >> length) - self.low
        target = value * cumulated[-1] // self.width
        token = int(np.searchsorted(cumulated, target, "right")) - 1
        while self.width * cumulated[token + 1] // cumulated[-1] <= value:
            token += 1  # the share's border was rounded down
        return token


def encode(rows, following):
    """Code of rows of tokens, each ended by 0.  -> (number, its number of bits).

    Args:
        rows: lists of int.
        following: list of beginnings of rows -> ln P [rows, V] of the next token.
    """
    coder = Interval()
    for t in range(max(map(len, rows))):
        going = [row for row in rows if t < len(row)]
        answers = following([row[:t] for row in going])
        for row, log_probs in zip(going, answers, strict=True):
            coder.narrow(row[t], shares(log_probs))
    return coder.code()


def decode(code, num_bits, num_rows, following):
    """Rows of tokens that `encode` was given."""
    decoder, rows = Interval(), [[] for _ in range(num_rows)]
    while going := [row for row in rows if row[-1:] != [0]]:
        for row, log_probs in zip(going, following(going), strict=True):
            cumulated = shares(log_probs)
            row.append(decoder.find(code, num_bits, cumulated))
            decoder.narrow(row[-1], cumulated)
    return rows
