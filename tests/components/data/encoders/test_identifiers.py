import re
from keyword import iskeyword

import pytest

from phistar.components.data.encoders.identifiers import identifiers
from tests.helpers import odd


@pytest.mark.parametrize("names", [odd.COLUMNS, odd.COLUMNS[::-1], odd.LABELS])
def test_identifiers_are_words_that_no_other_is_like(names):
    found = identifiers(names)
    assert list(found) == list(names)
    small = [word.lower() for word in found.values()]
    assert len(set(small)) == len(names)
    assert all(re.fullmatch("[a-z][a-z0-9_]{0,120}", word) for word in small)
    assert not any(map(iskeyword, found.values()))
    assert not {"label", "seed", "self"} & set(small)


def test_an_identifier_is_never_the_name_of_another_column():
    found = identifiers(odd.COLUMNS)
    others = {name for name, word in found.items() if name != word}
    assert not others & set(found.values())


def test_identifiers_of_plain_words_are_themselves():
    names = ["mean_radius", "City", "x", "x_1", "pixel" * 10]
    assert identifiers(names) == {name: name for name in names}


def test_identifiers_leave_out_the_signs_of_a_name():
    names = ["mean radius", "Size (cm)", "a.b", "größe", "1st"]
    words = ["mean_radius", "Size_cm", "a_b", "column_4", "column_5"]
    assert list(identifiers(names).values()) == words


def test_identifiers_of_names_that_are_alike_are_their_places():
    found = identifiers(["a b", "a_b", "a.b", "Size", "size", "column_1", "COLUMN_5"])
    words = ["column_1_", "a_b", "column_3", "column_4", "column_5_", "column_1"]
    assert list(found.values()) == [*words, "COLUMN_5"]
