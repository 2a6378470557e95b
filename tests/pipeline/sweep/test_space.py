"""The words of a sweep: lists, ranges, and each mistake in one line."""

import pytest

from phistar.pipeline.sweep.space import Dimension, space

SPACE = (
    *(
        "build.network=linear,mlp",
        "train.batch_size=1..6",
        "train.weight_decay=0.1..0.5",
    ),
    *("train.learning_rate=log:1e-4..1e-2", "train.steps=600"),
)


def test_lists_and_ranges_are_dimensions_and_one_value_is_fixed():
    found = space(list(SPACE))
    assert found.fixed == ("train.steps=600",)
    assert found.dimensions == (
        Dimension("build.network", ("linear", "mlp")),
        Dimension("train.batch_size", (), 1, 6, False, True),
        Dimension("train.weight_decay", (), 0.1, 0.5),
        Dimension("train.learning_rate", (), 1e-4, 1e-2, True),
    )
    assert not found.is_grid()


def test_a_space_is_typed_as_it_is_read():
    typed = [f"{d.key}={d.text()}" for d in space(list(SPACE)).dimensions]
    assert space(typed) == space(list(SPACE))._replace(fixed=())


def test_values_become_overrides_that_run_takes():
    values = {"build.network": "mlp", "train.batch_size": 4}
    values |= {"train.weight_decay": 0.25, "train.learning_rate": 1e-05}
    assert space(list(SPACE)).overrides(values) == [
        *("train.steps=600", "build.network=mlp", "train.batch_size=4"),
        *("train.weight_decay=0.25", "train.learning_rate=1e-05"),
    ]


def test_a_grid_has_every_combination_once():
    grid = space(["train.a=1,2,3", "train.b=x,y"]).grid()
    assert len(grid) == 6 == len({tuple(point.values()) for point in grid})
    assert grid[0] == {"train.a": "1", "train.b": "x"}


def test_commas_in_brackets_and_quotes_divide_nothing():
    assert space(["a.b=[1,2]"]).dimensions == space(['a.b="x,y"']).dimensions == ()
    (found,) = space(["a.b=[1,2],[3,4]"]).dimensions
    assert found.words == ("[1,2]", "[3,4]")


@pytest.mark.parametrize("value", ["../data.csv", "a..b", "v1.0", "-1", "1e-3"])
def test_a_word_that_is_no_range_is_one_value(value):
    assert space([f"ingest.path={value}"]).dimensions == ()


def test_proposed_numbers_have_few_digits_and_stay_inside():
    log, plain = space(["a.b=log:1e-4..1e-2", "a.c=1..1.02"]).dimensions
    assert log.rounded(0.00123456789) == 0.001235
    assert log.rounded(0.0099999999) == 0.01
    assert plain.rounded(1.0051234567) == 1.00512
    assert plain.rounded(1.0199999999) == 1.02


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("a.b=", "an empty list"),
        ("a.b=1,,2", "an empty value"),
        ("a.b=1,2,", "an empty value"),
        ("a.b=1,2,1", "a value twice"),
        ("a.b=6..1", "reversed"),
        ("a.b=3..3", "a range of one value"),
        ("a.b=1..", "cannot be read"),
        ("a.b=log:1e-3", "cannot be read"),
        ("a.b=log:0..1", "0 or below"),
        ("a.b=log:-1..1", "0 or below"),
        ("a.b=1..3,5", "a range inside a list"),
    ],
)
def test_a_mistake_is_one_line_with_what_was_received(word, what):
    with pytest.raises(ValueError, match=what) as error:
        space([word])
    assert f"Received: {word}." in str(error.value)
    assert "Expected" in str(error.value) and "\n" not in str(error.value)


def test_a_key_twice_is_refused():
    with pytest.raises(ValueError, match="a key twice. Received: a.b"):
        space(["a.b=1,2", "a.b=3..4"])
