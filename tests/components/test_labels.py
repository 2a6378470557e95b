import numpy as np
import pytest

from phistar.components.labels import LabelSpace, first_rows, labels_of
from tests.helpers import odd

BINARY = {"name": "binary", "positive": "yes"}
MULTICLASS = {"name": "multiclass"}


def space_of(task, names):
    """The label space of all labels of train."""
    return labels_of(task["name"]).space(task, first_rows(names), len(names))


def test_label_space_gives_plus_one_to_positive_whatever_the_order():
    for names in (["yes", "no"], ["no", "yes"]):
        space = space_of(BINARY, np.array(names))
        np.testing.assert_array_equal(space.encode(["no", "yes"]), [-1, 1])


def test_label_space_orders_numbers_by_value_and_words_after_them():
    names = np.array(["b", "10", "9", "a", "2", "9"])
    assert space_of(MULTICLASS, names).names == ("2", "9", "10", "a", "b")


def test_label_space_does_not_depend_on_the_order_of_rows():
    names = np.array(["b", "10", "9", "a", "2", "9"])
    spaces = {space_of(MULTICLASS, np.roll(names, i)) for i in range(len(names))}
    assert len(spaces) == 1


def test_label_space_refuses_a_third_label_with_its_row():
    with pytest.raises(ValueError, match="'maybe', in row 3"):
        space_of(BINARY, np.array(["yes", "no", "yes", "maybe", "yes"]))


def test_label_space_refuses_a_positive_that_does_not_occur():
    with pytest.raises(ValueError, match="Received: 'yes'.*'ja', 'nein'"):
        space_of(BINARY, np.array(["ja", "nein"]))


@pytest.mark.parametrize("task", [BINARY, MULTICLASS])
def test_label_space_refuses_one_class(task):
    with pytest.raises(ValueError, match="Received: 3 rows, .*'yes'"):
        space_of(task, np.array(["yes"] * 3))


@pytest.mark.parametrize(
    ("task", "names"),
    [(BINARY, ["no", "yes"]), (MULTICLASS, [str(i) for i in range(12)])],
)
def test_index_of_encode_is_the_position_of_the_name(task, names):
    space = space_of(task, np.array(names))
    values = space.encode(np.array(names)[::-1])
    assert values.dtype == np.int32
    assert [space.names[i] for i in space.index(values)] == names[::-1]


def test_encode_refuses_all_labels_outside_with_their_rows_and_split():
    space = LabelSpace(("a", "b"), (0, 1))
    with pytest.raises(ValueError) as error:
        space.encode(np.array(["a", "b", "c", "d", "c"]), "valid", start=10)
    assert "Received: 'c' (row 12, in valid), 'd' (row 13, in valid)." in str(
        error.value
    )
    assert "one of 'a', 'b':" in str(error.value)


def test_errors_about_many_or_odd_labels_are_short_lines():
    names = [f"a label with a long name, {i}\n" for i in range(3000)]
    space = LabelSpace(tuple(names), tuple(range(3000)))
    for found in (["x"], [f"{name}x" for name in names], list(odd.LABELS), ["x" * 999]):
        with pytest.raises(ValueError) as error:
            space.encode(found)
        assert len(str(error.value)) < 2000 and "\n" not in str(error.value)


def test_to_json_makes_the_same_space():
    space = space_of(MULTICLASS, np.array(["x", "y"]))
    plain = space.to_json()
    again = LabelSpace(tuple(plain["names"]), tuple(plain["values"]))
    assert again == space
