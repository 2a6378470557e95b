"""Work that is done ahead changes nothing, and stops when nobody wants it."""

import threading

import pytest

from phistar.components.data.ahead import ahead


def failing():
    """Two items, then an error."""
    yield from (1, 2)
    raise ValueError("third")


def test_items_are_the_same_in_the_same_order():
    assert list(ahead(range(1000))) == list(range(1000))
    assert list(ahead([])) == []


def test_an_error_comes_at_its_place():
    seen = []
    with pytest.raises(ValueError, match="third"):
        for item in ahead(failing()):
            seen.append(item)
    assert seen == [1, 2]


def test_an_iteration_that_is_left_stops_the_thread():
    before, made = threading.active_count(), []

    def items():
        for number in range(10**6):
            made.append(number)
            yield number

    for item in ahead(items()):
        if item == 3:
            break
    assert threading.active_count() == before
    assert len(made) < 20
