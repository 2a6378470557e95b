"""Pairs of sentences: no sentence of either language is in two splits."""

import numpy as np
import pytest

from phistar.components.data.connected import sentence_keys
from phistar.components.data.sources.base import Chunks, Rows, objects
from phistar.components.data.splits import SPLITS, split_rows


def word(number):
    """A word of letters for each number."""
    return "".join(chr(97 + int(digit)) for digit in str(number))


def pairs_of(num, seed=0):
    """Random pairs of which many share a sentence, in other letters or digits."""
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, 2 * num, (2, num))
    spelt = [str.upper, str.title, lambda s: f"{s} {rng.integers(9)}.", lambda s: s]
    return [
        (spelt[rng.integers(4)](f"s {word(s)}"), spelt[rng.integers(4)](f"t {word(t)}"))
        for s, t in zip(source, target, strict=True)
    ]


def pieces(pairs, size=64):
    """Rows of pairs of str, in pieces."""
    parts = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    return [
        Rows(*(objects([s.encode() for s in side]) for side in zip(*part, strict=True)))
        for part in parts
    ]


def split(pairs, seed=0, valid=0.2, test=0.2):
    """{split: list of the pairs in it}."""
    given = Chunks(lambda: pieces(pairs))
    found = {name: [] for name in SPLITS}
    for name, rows in split_rows({"all": given}, valid, test, seed):
        texts = zip(rows.inputs, rows.labels, strict=True)
        found[name] += [(s.decode(), t.decode()) for s, t in texts]
    return found


def keys(found, side):
    """{split: set of the keys of its sentences}, of the source (0) or target (1)."""
    return {
        name: set(sentence_keys(objects([p[side].encode() for p in pairs])).tolist())
        for name, pairs in found.items()
    }


@pytest.mark.parametrize("seed", range(5))
def test_no_sentence_of_either_language_is_in_two_splits(seed):
    pairs = pairs_of(500, seed)
    found = split(pairs, seed)
    assert sorted(sum(found.values(), [])) == sorted(pairs)
    for side in (0, 1):
        apart = keys(found, side)
        assert len(apart["train"]) > 100 < len(apart["valid"] | apart["test"])
        assert sum(map(len, apart.values())) == len(set.union(*apart.values()))


def test_a_chain_of_pairs_is_in_one_split():
    # a-b and b-c share a sentence, a-b and c-d none
    alone = [(f"s{word(i)}", f"t{word(i)}") for i in range(1000)]
    chain = [("one", "eins"), ("One!", "Ein"), ("a", "ein 2"), ("A", "eine")]
    where = set()
    for seed in range(40):
        found = split(alone + chain, seed)
        (name,) = {n for n, pairs in found.items() if set(pairs) & set(chain)}
        assert set(chain) <= set(found[name])
        where.add(name)
    assert where == set(SPLITS)


def test_shares_are_about_those_asked_for():
    pairs = [(word(i), word(i // 2)) for i in range(4000)]
    for name, share in {"train": 0.7, "valid": 0.1, "test": 0.2}.items():
        found = split(pairs, valid=0.1, test=0.2)
        error = (share * (1 - share) / 2000) ** 0.5  # they come by twos
        assert abs(len(found[name]) / 4000 - share) < 4 * error


def test_a_new_pair_moves_none_that_it_is_not_connected_with():
    pairs = pairs_of(300)
    before = {p: name for name, part in split(pairs).items() for p in part}
    added = [("new", "neu"), *pairs, ("newer", "neuer")]
    after = {p: name for name, part in split(added).items() for p in part}
    assert {pair: after[pair] for pair in before} == before


def test_another_seed_divides_otherwise():
    pairs = pairs_of(300)
    assert split(pairs, seed=0) != split(pairs, seed=1)


@pytest.mark.parametrize("num_alike", [5, 80])
def test_many_connected_pairs_are_for_training(num_alike):
    alike = [("Yes", f"ja {word(i)}") for i in range(num_alike)]
    alone = [(f"s{word(i)}", f"t{word(i)}") for i in range(1000)]
    held_out = 0
    for seed in range(20):
        found = split(alone + alike, seed)
        held_out += not set(alike) <= set(found["train"])
    assert (held_out > 0) == (num_alike < 11)  # a hundredth of all


def test_splits_of_the_source_are_used_as_they_are():
    pairs = pairs_of(300)
    given = {
        "train": pieces(pairs[:200]),
        "test": pieces(pairs[200:]),
    }
    found = {name: [] for name in SPLITS}
    for name, rows in split_rows(given, 0.2, 0.2, 0):
        found[name] += zip(rows.inputs.tolist(), rows.labels.tolist(), strict=True)
    encoded = [(s.encode(), t.encode()) for s, t in pairs]
    assert found["test"] == encoded[200:]
    assert sorted(found["train"] + found["valid"]) == sorted(encoded[:200])
    assert 10 < len(found["valid"]) < 80


def test_rows_are_numbered_as_the_source_has_them():
    pairs = pairs_of(300)
    for _, rows in split_rows({"all": pieces(pairs)}, 0.2, 0.2, 0):
        assert [pairs[n][0].encode() for n in rows.numbers] == rows.inputs.tolist()


def test_components_are_looked_for_once():
    passes = []

    def read():
        passes.append(1)
        return pieces(pairs_of(100))

    divided = split_rows({"all": Chunks(read)}, 0.2, 0.2, 0)
    for _ in range(3):
        assert sum(len(rows) for _, rows in divided) == 100
    assert len(passes) == 5  # of one only the first piece is read
