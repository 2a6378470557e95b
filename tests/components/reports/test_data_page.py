"""The data card: what ingest found, near duplicates, what guessing costs."""

import numpy as np
import pytest

from phistar.components import ingest
from phistar.components.artifacts import Dataset
from phistar.components.data.sources.base import Rows, Source, objects
from phistar.components.reports import near_texts
from phistar.components.reports.data_page import data_page
from phistar.components.reports.duplicates import duplicates
from phistar.components.reports.near import run_keys
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


def test_images_that_look_alike_are_told(ingested):
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 200, (60, 6, 6, 1)).repeat(6, 1).repeat(6, 2)
    pixels, labels = smooth.astype("uint8"), np.array(["no", "yes"] * 30)
    # brighter by nine levels, about: no pixel is as it was
    noise = rng.integers(8, 11, (20, 36, 36, 1)).astype("uint8")
    changed = np.concatenate([pixels[:20] + noise, pixels[20:25]])
    given = {
        "train": Rows(pixels, labels),
        "valid": Rows(pixels[:20] // 2, labels[:20]),
        "test": Rows(changed, labels[:25]),
    }
    data = ingested(kind="images", **given)
    # those that are equal are counted elsewhere
    assert "20 of 25 images of test look like one of train" in str(
        part(data, "Rows and duplicates").lines
    )


def test_runs_are_equal_where_the_tokens_are_and_end_with_the_text():
    first, second = [1, 2, 3, 4, 5, 0], [9, 2, 3, 4, 5, 0]
    keys = [run_keys(ragged([text, [7, 7, 0]]), 4).tolist() for text in (first, second)]
    # three runs in the first text, none across its end, none in the second text
    assert [len(k) for k in keys] == [3, 3]
    assert keys[0][1:] == keys[1][1:] and keys[0][0] != keys[1][0]
    assert len(run_keys(ragged([[1, 0]]), 4)) == 0


def several(number, seed):
    """Rows of a few columns that tell the label a little.  -> Rows"""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, number)
    inputs = {name: rng.normal(labels) for name in ("a", "b", "c", "d", "e", "f")}
    inputs["city"] = rng.choice(["Rome", "Paris", "Oslo"], number)
    return Rows(inputs, np.array(["no", "yes"])[labels])


def changed(rows, number, **columns):
    """The first rows, with other values in some columns.  -> Rows"""
    taken = rows.take(slice(0, number))
    return Rows(taken.inputs | columns, taken.labels)


def test_rows_that_differ_in_one_column_are_told_with_an_example(ingested):
    train, test = several(400, 0), several(100, 2)
    moved = changed(train, 30, a=np.arange(30.0))
    both = {n: np.append(test.inputs[n], moved.inputs[n]) for n in test.inputs}
    test = Rows(both, np.append(test.labels, moved.labels))
    data = ingested(train=train, valid=several(60, 1), test=test)
    (line,) = part(data, "Rows and duplicates").lines
    assert line.startswith("30 of 130 rows of test are nearly rows of train: ")
    told = train.inputs["a"][0]
    assert f"but for a, 0 in test and {told:.3f}" in line


def test_rows_that_differ_by_rounding_are_near_and_equal_ones_are_not(ingested):
    train = several(400, 0)
    noise = {n: train.inputs[n][:50] + 1e-5 for n in "bcdef"}
    near = ingested(train=train, valid=several(60, 1), test=changed(train, 50, **noise))
    (line,) = part(near, "Rows and duplicates").lines
    assert "50 of 50 rows of test are nearly rows of train" in line


def test_few_values_make_equal_rows_by_chance_which_is_not_told(ingested):
    def made(number, seed):
        rng = np.random.default_rng(seed)
        inputs = {n: rng.integers(0, 4, number).astype(float) for n in "abcdef"}
        return Rows(inputs, np.array(["no", "yes"])[rng.integers(0, 2, number)])

    data = ingested(train=made(900, 0), valid=made(90, 1), test=made(90, 2))
    lines = part(data, "Rows and duplicates").lines
    assert not [line for line in lines if "nearly" in line]


def sentences(number, seed):
    """Sentences of which no two are alike.  -> object array [N] of bytes"""
    rng = np.random.default_rng(seed)
    letters = list("abcdefghijklmnop")
    return objects(
        [
            " ".join("".join(rng.choice(letters, 6)) for _ in range(12)).encode()
            for _ in range(number)
        ]
    )


SIZES = {"train": 80, "valid": 20, "test": 20}
TASKS = {
    "text": {"name": "language", "tokenizer": "characters"},
    "pairs": {"name": "translation", "tokenizer": "characters", "max_length": 200},
}


@pytest.mark.parametrize("kind", TASKS)
def test_sentences_of_which_a_word_differs_are_told_with_an_example(ingested, kind):
    pairs, made = kind == "pairs", {}
    for seed, (split, number) in enumerate(SIZES.items()):
        source = sentences(number, seed) if pairs else None
        made[split] = Rows(source, sentences(number, seed + 10))
    changed = [b"abcabc" + text[6:] for text in made["train"].labels[:5].tolist()]
    test = made["test"]
    mixed = np.append(objects(changed), test.labels[5:])
    data = ingested(TASKS[kind], kind, **made | {"test": Rows(test.inputs, mixed)})
    line = part(data, "Rows and duplicates").lines[0]
    what = "targets" if pairs else "texts"
    assert line.startswith(f"5 of 20 {what} of test are nearly in train: ")
    assert f"“{changed[0].decode()[:80]}" in line


def test_runs_of_letters_are_those_of_each_text_alone():
    keys, lengths = near_texts.runs(["abcdef", "abc", "xabcde", "abcdef"])
    assert lengths.tolist() == [2, 0, 2, 2]
    first, second = keys[:2].tolist()
    assert keys.tolist() == [first, second, keys[2], first, first, second]
    assert len({first, second, keys[2]}) == 3


def test_minhashes_meet_as_often_as_texts_are_alike():
    rng = np.random.default_rng(0)

    def drawn(number):
        return rng.integers(0, 2**63, number, "uint64")

    shares, lengths = [], np.full(50, 200)
    for kept in (40, 100, 180):  # of 200 runs of a text
        one, other = drawn((50, 200)), drawn((50, 200))
        other[:, :kept] = one[:, :kept]
        exact = near_texts.alike(np.sort(one[0]), np.sort(other[0]))
        assert exact == pytest.approx(kept / (400 - kept))
        bands = [near_texts.bands_of(side.ravel(), lengths) for side in (one, other)]
        found = (bands[0] == bands[1]).mean()
        # a band of four MinHashes meets with the fourth power of what is alike
        assert found == pytest.approx(exact**near_texts.DEEP, abs=0.07)
        shares.append(found)
    assert shares == sorted(shares)


def test_the_terminal_has_three_examples_and_the_page_ten(ingested):
    data = ingested(**three())
    found, page = data_page(data.folder)
    examples = next(p for p in found if p.title == "Examples of train")
    assert len(examples.lines) == 3 and page.count('class="example"') == 10
    assert all(line.split(":")[0] in ("no", "yes") for line in examples.lines)
