"""Texts of test that are nearly texts of train, found by MinHash.

Two texts are alike by the share of their runs of letters that both have (Jaccard's
coefficient of the sets of runs). Candidates agree in one band of their MinHashes; each
is then compared exactly.

Source: A. Broder, 1997, "On the resemblance and containment of documents".
"""

import re

import numpy as np

LETTERS = 5  # of a run
ALIKE = 0.7  # share of the runs of both that are in both
BANDS, DEEP = 8, 4  # of 100 texts that are alike to 0.8, 98 meet in a band
MAX_LETTERS = 5 * 10**6  # of a side of a split, the first texts: seconds
PART = 2**18  # letters at a time, which fit a processor's cache
SHOWN = 90  # letters of an example


class Runs:
    """The runs of letters of some texts.

    Args:
        texts: iterable of str, read until MAX_LETTERS.

    Attributes:
        keys: uint64 [M], a hash of each run.
        offsets: int [N + 1]; those of text i are keys[offsets[i] : offsets[i + 1]].
        bands: uint64 [N, BANDS], hashes of MinHashes.
    """

    def __init__(self, texts):
        keys, bands, sizes, part, letters, waiting = [], [], [0], [], 0, 0
        for text in texts:
            part.append(spelled(text))
            waiting += len(part[-1])
            if letters + waiting >= MAX_LETTERS:
                break
            if waiting >= PART:
                self._add(part, keys, bands, sizes)
                part, letters, waiting = [], letters + waiting, 0
        self._add(part, keys, bands, sizes)
        self.keys, self.offsets = np.concatenate(keys), np.cumsum(sizes)
        self.bands = np.concatenate(bands)

    def __len__(self):
        return len(self.bands)

    def _add(self, texts, keys, bands, sizes):
        """Add the runs of some texts."""
        found, lengths = runs(texts)
        keys.append(found)
        sizes += lengths.tolist()
        bands.append(bands_of(found, lengths))

    def set(self, row):
        """The different runs of a text.  -> uint64 [n]"""
        return np.unique(self.keys[self.offsets[row] : self.offsets[row + 1]])


def spelled(text):
    """Words of a text in one case, with a space between them.  str -> str"""
    return " ".join(re.findall(r"\w+", text.casefold()))


def runs(texts):
    """A hash of each run of LETTERS letters within one text.

    Args:
        texts: list of str.

    Returns:
        (uint64 [M], int64 [N], runs of each text; 0 of a shorter one).
    """
    lengths = np.array([max(0, len(text) - LETTERS + 1) for text in texts], "int64")
    joined = "".join(text for text, n in zip(texts, lengths, strict=True) if n)
    points = np.frombuffer(joined.encode("utf-32-le", "replace"), "<u4").astype(
        "uint64"
    )
    total = max(0, len(points) - LETTERS + 1)
    keys = np.zeros(total, "uint64")
    for place in range(LETTERS):
        keys = mixed(keys ^ points[place : place + total])
    # a run that begins in the last letters of a text goes on into the next
    kept = np.ones(total, bool)
    ends = np.cumsum(lengths[lengths > 0] + LETTERS - 1)[:-1]
    for back in range(1, LETTERS):
        kept[ends - back] = False
    return keys[kept], lengths


def mixed(numbers):
    """Numbers scattered over 64 bits.  uint64 [M] -> uint64 [M]"""
    numbers = numbers * np.uint64(0x9E3779B97F4A7C15)
    return numbers ^ (numbers >> np.uint64(29))


def bands_of(keys, lengths):
    """Bands of MinHashes of texts.

    Args:
        keys: uint64 [M], runs of all texts.
        lengths: int64 [N], how many each has.

    Returns:
        uint64 [N, BANDS]; of a text without runs each is another's alone.
    """
    found = np.zeros((len(lengths), BANDS), "uint64")
    some = lengths > 0
    if not some.any():
        return found
    starts = np.append(0, np.cumsum(lengths[some]))[:-1]
    for band in range(BANDS):
        joined = np.full(len(starts), band + 1, "uint64")
        for number in range(DEEP):
            seed = mixed(np.array([band * DEEP + number + 1], "uint64"))
            least = np.minimum.reduceat(mixed(mixed(keys ^ seed)), starts)
            joined = mixed(joined ^ least)
        found[some, band] = joined
    return found


def near_texts(train, test, known):
    """Texts of test that are alike to one of train, but for equal ones.

    Args:
        train, test: Runs.
        known: bool [N], texts of test that train has exactly.

    Returns:
        dict of a row of test -> a row of train.
    """
    found = {}
    wanted = np.flatnonzero(~known[: len(test)] & (np.diff(test.offsets) > 0))
    for band in range(BANDS):
        order = np.argsort(train.bands[:, band], kind="stable")
        keys = train.bands[order, band]
        rows = np.array([row for row in wanted.tolist() if row not in found], int)
        place = np.searchsorted(keys, test.bands[rows, band]).clip(max=len(keys) - 1)
        same = keys[place] == test.bands[rows, band]
        pairs = zip(rows[same].tolist(), order[place[same]].tolist(), strict=True)
        for row, other in pairs:
            if alike(test.set(row), train.set(other)) >= ALIKE:
                found[row] = other
    return found


def alike(one, other):
    """Share of the runs of both texts that are in both.

    Args:
        one, other: uint64 [n], different runs.

    Returns:
        float.
    """
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / max(1, len(one) + len(other) - both)


def sentence(what, train, test, known, encoder):
    """A sentence about texts of test that are nearly those of train.

    Args:
        what: "texts", "sources" or "targets".
        train, test: Ragged of tokens.
        known: bool [N], texts of test that train has exactly.
        encoder: of the texts.

    Returns:
        list of str: one, or none.
    """

    def texts(side):
        return (encoder.decode(side[row]) for row in range(len(side)))

    both = Runs(texts(train)), Runs(texts(test))
    found = near_texts(*both, known)
    if not found:
        return []
    row, other = next(iter(sorted(found.items())))
    shown = [encoder.decode(side[at]) for side, at in ((test, row), (train, other))]
    here, there = (cut(" ".join(text.split())) for text in shown)
    of_test, of_train = (
        "" if len(part) == len(side) else f"the first {len(part):,} of "
        for part, side in zip(both[::-1], (test, train), strict=True)
    )
    return [
        f"{len(found):,} of {of_test}{len(test):,} {what} of test are nearly in "
        f"{of_train}train: {ALIKE:.0%} of the runs of {LETTERS} letters of both, or "
        f"more, are the same. For one, “{here}” in test, “{there}” in train."
    ]


def cut(text):
    """The beginning of a text.  str -> str"""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} …"
