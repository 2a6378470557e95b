"""Small data of every kind, for every task."""

import random

import numpy as np

from phistar.components.data.arrays import Ragged
from phistar.components.data.sources.base import Rows, objects

TASKS = {
    "binary": {"name": "binary", "positive": "1"},
    "multiclass": {"name": "multiclass"},
    "language": {"name": "language", "tokenizer": "characters"},
    "translation": {
        "name": "translation",
        "tokenizer": "characters",
        "vocab_size": None,
        "max_length": 64,
    },
}
NUM_ROWS = 160
SMALL = {  # keys that keep the largest networks small
    name: {"mlp_dim": 8} for name in ("vgg11", "vgg13", "vgg16c", "vgg16", "vgg19")
}


def make_rows(kind, num_labels, num_rows=NUM_ROWS, seed=0):
    """Rows whose inputs tell the label a little.  -> Rows."""
    rng = np.random.default_rng(seed)
    if kind in ("text", "pairs"):
        songs = [song(rng) for _ in range(num_rows)]
        turned = [b" ".join(one.split(b" ")[::-1]) for one in songs]
        return Rows(objects(turned) if kind == "pairs" else None, objects(songs))
    label = np.arange(num_rows) % num_labels
    if kind == "columns":
        number = rng.normal(label)
        number[::7] = np.nan
        words = np.where(rng.random(num_rows) < 0.2 + 0.3 * label, "odd", "even")
        inputs = {"number": number, "word": words, "other": rng.normal(size=num_rows)}
    else:
        side = 32 if kind == "large images" else 8
        noise = rng.integers(0, 128, (num_rows, side, side, 1))
        inputs = (noise + 60 * label[:, None, None, None]).astype("uint8")
    return Rows(inputs, label.astype(str))


def song(rng):
    """Text of a few words: each tells the next one a little.  -> bytes."""
    words = rng.choice(["la", "lala", "bim", "bam\n", "dum dé"], rng.integers(1, 12))
    return " ".join(words).encode()


def word_lines(num, seed=0):
    """Lines of words, with numbers and rules among them.  -> list of bytes."""
    rng = random.Random(seed)
    words = ["the", "house", "größer", "houses", "is", "66", "666", "----", "東京"]
    words.append("\n")
    return [
        " ".join(rng.choices(words, k=rng.randrange(1, 12))).encode()
        for _ in range(num)
    ]


def ragged(rows, dtype="uint16"):
    """Rows of tokens, laid end to end.  list of lists of int -> Ragged"""
    tokens = np.concatenate([np.array(row, dtype) for row in rows])
    return Ragged(tokens, np.cumsum([0, *map(len, rows)]))
