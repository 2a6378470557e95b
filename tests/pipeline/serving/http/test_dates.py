"""Dates over HTTP: read as `predict` reads a file, shown so that they are read back."""

import json

import numpy as np
import pytest

from phistar.components.serving.request import signature
from phistar.pipeline.serving.http import body, openapi, pages
from phistar.pipeline.serving.http.dates import dated, written

NUMBER = {"dtype": "float32", "shape": [None], "form": "number", "meaning": ""}
INPUTS = {
    "größe": NUMBER,
    "column_2": NUMBER | {"column": "gekauft am"},
    "at": NUMBER,
}
CONTRACT = {
    "max_rows": 9,
    "knobs": {},
    "ranges": {},
    "inputs": {
        "reading": {
            "forms": {
                "größe": "number",
                "gekauft am": "date day.month.year",
                "at": "time of day",
            },
            "missing": ["k.A."],
        },
        "seen": {"numbers": {"column_2": [0.0, 86400.0 * 366]}},
    },
    "signatures": {"serving_default": {"inputs": INPUTS, "outputs": {}}},
}
DAY = 86400.0


def read(bought, name="gekauft am", at=None):
    """The arrays of a request with these days."""
    rows = [{"größe": 1, name: day, "at": at} for day in bought]
    return body.read(json.dumps({"inputs": rows}).encode(), CONTRACT)[1]


@pytest.mark.parametrize("name", ["gekauft am", "column_2"])
def test_a_date_is_taken_as_the_data_have_it_as_iso_and_as_seconds(name):
    given = ["02.01.1970", "1970-01-02", "1970-01-02T00:00:00Z", DAY, None, "k.A."]
    found = read(given, name, at="13:30")
    np.testing.assert_array_equal(found["column_2"], [DAY] * 4 + [np.nan] * 2)
    assert set(found["at"].tolist()) == {13.5 * 3600}


@pytest.mark.parametrize("wrong", ["31.02.1970", "soon", "1/2/1970", "\ud800"])
def test_another_text_is_refused_with_the_forms_that_are_taken(wrong):
    expected = "gekauft am must hold dates.*a date day.month.year, or a date year-mon"
    with pytest.raises(ValueError, match=expected):
        read([0, wrong])


def test_a_text_in_a_column_of_numbers_stays_an_error():
    with pytest.raises(ValueError, match="größe must hold numbers.*'1'"):
        body.read(
            b'{"inputs": {"gr\xc3\xb6\xc3\x9fe": "1", "at": 0, "column_2": 0}}',
            CONTRACT,
        )


def test_what_examples_show_is_read_back():
    called = signature(CONTRACT)
    assert dated(called, CONTRACT).keys() == {"column_2", "at"}
    shown = [written(s, "date day.month.year") for s in (0, DAY * 1.5, -DAY, np.nan)]
    assert shown == ["1970-01-01", "1970-01-02 12:00:00", "1969-12-31", None]
    np.testing.assert_array_equal(
        read(shown)["column_2"], np.float32([0, DAY * 1.5, -DAY, np.nan])
    )
    assert read([0], at=written(3661, "time of day"))["at"] == 3661


def test_the_page_and_openapi_tell_of_dates():
    called = signature(CONTRACT)
    field = pages.field("column_2", called, {"gekauft am": ["1970-01-02"]}, CONTRACT)
    assert 'data-date="gekauft am" value="1970-01-02"' in field
    assert "of train 1970-01-01 to 1971-01-02" in field
    schemas = {}
    openapi.add_request(schemas, called, CONTRACT)
    columns = schemas["ServingDefaultInputs"]["properties"]
    assert "string" in columns["gekauft am"]["items"]["type"]
    assert "string" not in columns["größe"]["items"]["type"]
