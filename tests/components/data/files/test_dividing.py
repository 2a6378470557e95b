"""Columns that divide rows: splits by any name, groups by a hash, times by any date."""

import numpy as np
import pyarrow
import pytest

from phistar.components.data.files.dividing import Dividing


def fields(values, **keys):
    """The field that one column gives."""
    column = {next(iter(keys.values())): pyarrow.array(values, pyarrow.string())}
    (found,) = Dividing(**keys).fields(column, lambda row: f"a.csv:{row + 2}").values()
    return found


def test_splits_have_many_names():
    names = ["train", " Training", "dev", "VAL", "validation", "test", "valid"]
    expected = ["train", "train", "valid", "valid", "valid", "test", "valid"]
    assert fields(names, split="part").tolist() == expected


def test_equal_groups_have_equal_keys():
    keys = fields(["a", "b", "a", "ab", "b"], group="author")
    assert keys.dtype == "uint64"
    _, place = np.unique(keys, return_inverse=True)
    assert len(set(place)) == 3 and place[0] == place[2] and place[1] == place[4]


@pytest.mark.parametrize(
    "values",
    [
        ["2", "-1.5e3", "2"],
        ["2024-02-29", "2023-12-31T23:59:59Z", "2024-02-29 00:00"],
        ["29.02.2024", "31.12.2023", "29.02.2024"],
        ["02/29/2024", "01/02/2024", "02/29/2024"],
    ],
)
def test_times_are_in_order(values):
    first, second, third = fields(values, time="when")
    assert first == third > second


REFUSED = [
    (
        {"split": "part"},
        ["train", "holdout"],
        "a.csv:3: .*'holdout'. Expected train, v",
    ),
    ({"split": "part"}, [None], "a.csv:2: .*Received: nothing"),
    ({"group": "author"}, ["a", ""], "a.csv:3: .*Expected the name of a group"),
    ({"time": "when"}, ["2024-01-01", "soon"], "a.csv:3: the column 'when'.*'soon'"),
    ({"time": "when"}, ["2024-02-30"], "a.csv:2: .*'2024-02-30'"),
    ({"time": "when"}, ["01/02/2024"], "a.csv:2: .*is it day or month"),
    ({"time": "when"}, ["1", None], "a.csv:3: .*nothing"),
]


@pytest.mark.parametrize(("keys", "values", "message"), REFUSED)
def test_a_value_that_does_not_tell_is_refused_with_its_place(keys, values, message):
    with pytest.raises(ValueError, match=message):
        fields(values, **keys)
