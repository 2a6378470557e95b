"""ingest of texts: tokens and offsets, one label space, splits by the text's hash."""

import gzip

import numpy as np
import pytest

from phistar.components import ingest
from phistar.components.artifacts import Dataset, make_encoder, truncate
from phistar.components.data.encoders.text import normal_form
from phistar.components.data.splits import SPLITS
from tests.helpers import stages

LANGUAGE = {"name": "language", "tokenizer": "characters"}


def lines_of(num, seed=0):
    """Different lines with nasty bytes here and there.  -> list of bytes."""
    rng = np.random.default_rng(seed)
    words = [
        b"in",
        b"the",
        "größer".encode(),
        "東京".encode(),
        "\ufffd".encode(),
        b"a\0b",
        b"z",
    ]
    return [
        b" ".join(words[i] for i in rng.integers(0, len(words), rng.integers(1, 9)))
        + f" {number}".encode()
        for number in range(num)
    ]


@pytest.fixture
def run(tmp_path):
    """The real ingest of lines.  (name, list of bytes, **keys) -> Dataset."""

    def made(name, lines, task=LANGUAGE, **options):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "lines.gz"
        file.write_bytes(gzip.compress(b"\n".join(lines), mtime=0))
        given = {"source": "text", "path": str(file), "document": "line"} | options
        folder = stages.call(ingest, tmp_path / name, task=task, **given)
        return Dataset.load(folder)

    return made


@pytest.mark.parametrize("tokenizer", ["characters", "bytes"])
def test_tokens_of_all_splits_are_the_texts(run, tokenizer):
    lines = lines_of(300)
    data = run("a", lines, LANGUAGE | {"tokenizer": tokenizer})
    encoder, found = make_encoder(data), []
    for split in SPLITS:
        inputs, labels = data.split(split)
        assert inputs is None
        assert labels.lengths.sum() == len(labels.tokens)
        found += [encoder.decode(labels[row]) for row in range(len(labels))]
        assert all(labels[row][-1] == 0 for row in range(len(labels)))
    if tokenizer == "bytes":  # numbers are in train, so `characters` knows them too
        assert sorted(found) == sorted(map(normal_form, lines))
    assert len(found) == len(lines)


def test_raw_and_sizes_are_those_of_the_text_as_it_is(run):
    lines = lines_of(200)
    data = run("a", lines)
    raw, sizes = data.raw(), data.sizes("test")
    assert len(raw) == len(sizes) == len(data.split("test")[1])
    for row, (characters, num_bytes) in enumerate(sizes):
        line = raw[row].tobytes()
        assert line in lines
        assert num_bytes == len(line)
        assert characters == len(line.decode("utf-8", "replace"))
        tokens = data.split("test")[1][row]
        np.testing.assert_array_equal(make_encoder(data).encode(line), tokens)


def test_label_space_is_that_of_train_alone(run):
    lines = [*lines_of(200), *(f"{chr(0x400 + i)}".encode() for i in range(60))]
    data = run("a", lines)  # each of the last 60 has a character of its own
    train = np.asarray(data.split("train")[1].tokens)
    names = data.space.names
    assert names[0] == "<EOS>" and len(set(names)) == data.space.size < 80
    assert set(train.tolist()) | {names.index("\ufffd")} == set(range(data.space.size))
    counts = np.bincount(train, minlength=data.space.size).tolist()
    assert data.description["train_counts"] == counts


def test_equal_texts_are_in_one_split_and_a_new_one_moves_none(run):
    lines = lines_of(200)
    first = run("a", lines)
    second = run("b", [b"a new one", *lines, *lines])

    def where(data):
        encoder = make_encoder(data)
        return {
            encoder.decode(data.split(split)[1][row]): split
            for split in SPLITS
            for row in range(len(data.split(split)[1]))
        }

    before, after = where(first), where(second)
    assert {text: after[text] for text in before} == before
    assert len(second.split("train")[1]) + len(second.split("valid")[1]) + len(
        second.split("test")[1]
    ) == 1 + 2 * len(lines)


def test_equal_rows_give_equal_bytes(run):
    one, two = (run(name, lines_of(120)) for name in "ab")
    assert one.digests == two.digests
    for split in SPLITS:
        for file in (one.folder / split).iterdir():
            same = (two.folder / split / file.name).read_bytes()
            assert file.read_bytes() == same
    assert run("c", lines_of(121)).digests != one.digests


def test_files_are_those_of_np_save(run, tmp_path):
    data = run("a", lines_of(100))
    for name in ("labels_tokens", "labels_offsets", "sizes"):
        path = data.folder / "train" / f"{name}.npy"
        np.save(tmp_path / "again.npy", np.load(path))
        assert path.read_bytes() == (tmp_path / "again.npy").read_bytes()


def test_truncate_keeps_the_first_texts(run, tmp_path):
    whole = run("a", lines_of(200))
    truncate(whole.folder, tmp_path / "short", 5)
    short = Dataset.load(tmp_path / "short")
    for split in SPLITS:
        texts = short.split(split)[1]
        assert len(texts) == len(short.sizes(split)) == 5
        for row in range(5):
            np.testing.assert_array_equal(texts[row], whole.split(split)[1][row])
    assert len(short.raw()) == 5
    np.testing.assert_array_equal(short.raw()[4], whole.raw()[4])


def test_truncate_keeps_what_begins_within_so_many_labels(run, tmp_path):
    whole = run("a", lines_of(200))
    truncate(whole.folder, tmp_path / "short", 5, 40)
    short = Dataset.load(tmp_path / "short")
    for split in SPLITS:
        offsets = whole.split(split)[1].offsets
        kept = len(short.split(split)[1])
        assert 0 < kept < 5
        assert offsets[kept - 1] < 40 <= offsets[kept]


def test_ingest_refuses_labels_of_another_kind(run, tmp_path):
    with pytest.raises(ValueError, match="the task multiclass needs labels that are"):
        run("a", lines_of(50), {"name": "multiclass"})
    with pytest.raises(ValueError, match="the task language needs texts"):
        stages.call(ingest, tmp_path / "b", task=LANGUAGE, source="digits")


def test_ingest_refuses_an_empty_split(run):
    with pytest.raises(ValueError, match="an empty split: "):
        run("a", lines_of(3))
