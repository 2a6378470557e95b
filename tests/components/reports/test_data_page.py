"""The data card: what ingest found, near duplicates, what guessing costs."""

import numpy as np
import pytest

from phistar.components import ingest
from phistar.components.artifacts import Dataset
from phistar.components.data.sources.base import Rows, Source
from phistar.components.reports.data_page import data_page
from phistar.components.reports.duplicates import duplicates
from phistar.components.reports.near import difference_bits, run_keys
from tests.helpers import stages
from tests.helpers.data import ragged

BINARY = {"name": "binary", "positive": "yes"}


@pytest.fixture
def ingested(tmp_path, monkeypatch):
    """A function that ingests rows by split, with notices.  -> Dataset"""

    def made(task=BINARY, kind="columns", notices=(), **rows):
        source = Source("made", kind, {}, lambda: {k: [v] for k, v in rows.items()})
        for notice in notices:
            source.notices.begin().add(*notice)
        monkeypatch.setattr(ingest, "source_function", lambda _: lambda: source)
        return Dataset.load(stages.call(ingest, tmp_path, task=task, source="made"))

    return made


def columns(number, seed, shift=3.0):
    """Rows whose only column tells the label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, number)
    x = rng.normal(size=number) + shift * labels
    return Rows({"x": x}, np.array(["no", "yes"])[labels])


def part(data, title):
    (found,) = [p for p in data_page(data.folder)[0] if p.title == title]
    return found


def three():
    return {"train": columns(300, 0), "valid": columns(60, 1), "test": columns(90, 2)}


def test_the_card_tells_rows_floors_and_what_is_linear(ingested):
    data = ingested(**three())
    head, rows = part(data, "Rows and duplicates").table
    assert [row[:2] for row in rows] == [["train", 300], ["valid", 60], ["test", 90]]
    reached = {
        name: nats
        for name, nats, _ in part(data, "What valid costs without a network")[2][1]
    }
    assert reached["guessing evenly"] == pytest.approx(np.log(2))
    assert reached["logistic regression"] < 0.3 < reached["the shares of train"]


def test_what_reading_dropped_is_on_the_card(ingested, capfd):
    notice = ("rows without a label left out", "a.csv:7")
    data = ingested(**three(), notices=[notice])
    said = "1 rows without a label left out: a.csv:7"
    assert part(data, "Dropped or changed by reading").lines == [said]
    assert f"ingest  {said}" in capfd.readouterr().err
    assert said in data_page(data.folder)[1]


def test_copies_of_train_in_test_are_counted_once_and_for_all(ingested):
    rows = three()
    copied = rows["train"].take(slice(0, 90))
    data = ingested(**rows | {"test": copied})
    assert part(data, "Rows and duplicates").table[1][2][3] == 90
    assert duplicates(data).in_train.all()


def test_equal_inputs_with_two_labels_are_told(ingested):
    rows = three()
    x, labels = rows["train"].inputs["x"].copy(), rows["train"].labels.copy()
    x[:3], labels[:3] = 7.0, ["no", "yes", "no"]
    data = ingested(**rows | {"train": Rows({"x": x}, labels)})
    assert "3 of 300 rows of train have the same input" in str(
        part(data, "Rows and duplicates").lines
    )


def test_pictures_that_look_alike_are_told(ingested):
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 200, (60, 6, 6, 1)).repeat(6, 1).repeat(6, 2)
    pixels, labels = smooth.astype("uint8"), np.array(["no", "yes"] * 30)
    brighter = Rows(pixels[:20] + np.uint8(9), labels[:20])
    given = {
        "train": Rows(pixels, labels),
        "valid": Rows(pixels[:20] // 2, labels[:20]),
    }
    data = ingested(kind="images", **given, test=brighter)
    assert "20 of 20 images of test look like one of train" in str(
        part(data, "Rows and duplicates").lines
    )
    other = difference_bits(np.rot90(pixels, axes=(1, 2)))
    assert not (other[:, None] == difference_bits(pixels)[None]).all(axis=2).any()


def test_runs_are_equal_where_the_tokens_are_and_end_with_the_text():
    first, second = [1, 2, 3, 4, 5, 0], [9, 2, 3, 4, 5, 0]
    keys = [run_keys(ragged([text, [7, 7, 0]]), 4).tolist() for text in (first, second)]
    # three runs in the first text, none across its end, none in the second text
    assert [len(k) for k in keys] == [3, 3]
    assert keys[0][1:] == keys[1][1:] and keys[0][0] != keys[1][0]
    assert len(run_keys(ragged([[1, 0]]), 4)) == 0
