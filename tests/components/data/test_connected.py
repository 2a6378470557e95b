"""Which pairs of sentences are connected."""

import numpy as np
import pytest

from phistar.components.data.connected import (
    components,
    letters,
    lowest_rows,
    sentence_keys,
)
from phistar.components.data.sources.base import Rows, objects


def rows_of(*pairs):
    """Rows of pairs of str."""
    sides = zip(*pairs, strict=True)
    return Rows(*(objects([s.encode() for s in side]) for side in sides))


def together(*pairs):
    """The components of pairs.  -> set of frozensets of row numbers."""
    _, component = components([rows_of(*pairs)])
    return {frozenset(np.flatnonzero(component == c)) for c in set(component.tolist())}


def by_search(first, second):
    """`lowest_rows`, from each row to its neighbours."""
    lowest = [None] * len(first)
    for start in range(len(first)):
        waiting = [start]
        while waiting:
            row = waiting.pop()
            if lowest[row] is None:
                lowest[row] = start
                same = (first == first[row]) | (second == second[row])
                waiting += np.flatnonzero(same).tolist()
    return lowest


@pytest.mark.parametrize("seed", range(20))
def test_lowest_rows_is_what_a_search_finds(seed):
    rng = np.random.default_rng(seed)
    first, second = (
        np.unique(rng.integers(0, 60, 50), return_inverse=True)[1] for _ in range(2)
    )
    assert lowest_rows(first, second).tolist() == by_search(first, second)


class Counted(np.ndarray):
    """Numbers that count the rounds of `lowest_rows`: each takes their maximum once."""

    rounds = 0

    def max(self):
        Counted.rounds += 1
        return super().max()


@pytest.mark.parametrize("order", ["rising", "falling", "random", "halves"])
def test_lowest_rows_follows_a_long_chain_in_few_rounds(order):
    length = 100_000  # row i shares a sentence with i - 1, another one with i + 1
    place = np.arange(length)
    if order == "falling":
        place = place[::-1]
    elif order == "random":
        place = np.random.default_rng(0).permutation(length)
    elif order == "halves":  # two valleys: the lower must reach the other's bottom
        place = np.concatenate([place[::2][::-1], place[1::2]])
    Counted.rounds = 0
    assert not lowest_rows(((place + 1) // 2).view(Counted), place // 2).any()
    assert 0 < Counted.rounds < 40  # one link after the other: 50,000


def test_components_follow_chains_through_both_sides():
    pairs = [("a", "x"), ("b", "z"), ("a", "y"), ("c", "y"), ("c", "w"), ("d", "v")]
    assert together(*pairs) == {frozenset({0, 2, 3, 4}), frozenset({1}), frozenset({5})}


def test_components_tell_the_languages_apart():
    assert len(together(("Computer", "Rechner"), ("Laptop", "Computer"))) == 2


def test_components_compare_letters_only():
    alike = [("Row 1: Größe", "a"), ("row (23)  GRÖSSE!", "b"), ("Row grosse", "c")]
    assert together(*alike) == {frozenset({0, 1}), frozenset({2})}


def test_components_of_no_letters_are_those_of_equal_ones():
    pairs = [("1 + 1", "a"), ("1 +  1", "b"), ("1 + 2", "c"), ("...", "d"), ("", "e")]
    first, *others = sorted(together(*pairs), key=len, reverse=True)
    assert first == {0, 1} and len(others) == 3


def test_components_are_named_alike_in_any_order_and_pieces():
    pairs = [(f"{chr(97 + i % 7)}{chr(97 + i // 2)}", f"t{i // 3}") for i in range(40)]
    names, component = components([rows_of(*pairs)])
    order = np.random.default_rng(0).permutation(len(pairs))
    moved = [rows_of(*(pairs[i] for i in part)) for part in np.split(order, [3, 20])]
    other_names, other = components(moved)
    np.testing.assert_array_equal(other_names[other], names[component][order])
    assert len(set(names.tolist())) == len(names)


def test_letters_keep_the_marks_that_are_part_of_a_word():
    assert letters("कि".encode()) != letters("की".encode())
    assert letters(b"e\xcc\x81t\xc3\xa9") == letters("Été".encode())
    assert letters(b"\xff abc") == b"abc"


def test_sentence_keys_are_equal_where_the_letters_are():
    one, two, three = sentence_keys(objects([b"Ab 1", b"aB 2", b"abc"]))
    assert one == two != three
