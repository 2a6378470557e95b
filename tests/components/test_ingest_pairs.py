"""ingest of pairs: both sides in tokens of one V, long ones dropped, rows in line."""

import json

import numpy as np
import pytest

from phistar.components import ingest
from phistar.components.artifacts import Dataset, make_encoder, truncate
from phistar.components.data.arrays import TextFiles
from phistar.components.data.encoders.pairs import Pairs
from phistar.components.data.encoders.text import EOS, normal_form
from phistar.components.data.kinds.base import StoredPairs
from phistar.components.data.sources.base import Chunks, Rows, Source, objects
from phistar.components.data.splits import SPLITS
from tests.helpers import stages

TASK = {"name": "translation", "tokenizer": "bytes", "max_length": 60}
PIECES = {
    "name": "translation",
    "tokenizer": "sentencepiece",
    "vocab_size": 300,
    "max_length": 60,
}
WORDS = {"one": "eins", "two": "zwei", "house": "Haus", "grey": "grau\r\n", "😀": "東"}


def pairs_of(num, seed=0):
    """Different sources, their words one by one as targets.  -> list of (bytes, bytes).

    A tenth of them is long.
    """
    rng, made = np.random.default_rng(seed), []
    for number in range(num):
        size = 40 if number % 10 == 3 else rng.integers(1, 5)
        words = rng.choice(list(WORDS), size).tolist()
        source = " ".join([*words, str(number)])
        target = " ".join([*(WORDS[word] for word in words), str(number)])
        made.append((source.encode(), target.encode() + b"\xff" * (number % 7 == 0)))
    return made


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The real ingest of pairs.  (name, list of pairs, **keys) -> Dataset."""

    def made(name, pairs, task=TASK, kind="pairs", **options):
        def rows(part):
            return Rows(objects([x for x, _ in part]), objects([y for _, y in part]))

        # in pieces of 37 rows: the files may not depend on how many there are
        def read():
            return (rows(pairs[at : at + 37]) for at in range(0, len(pairs), 37))

        opened = Source("made", kind, {}, lambda: {"all": Chunks(read)})
        monkeypatch.setattr(ingest, "source_function", lambda _: lambda: opened)
        given = {"task": task, "source": "made"} | options
        return Dataset.load(stages.call(ingest, tmp_path / name, **given))

    return made


def params(data):
    """What ingest has logged of the data.  -> dict."""
    found, journal = {}, (data.folder / "journal.jsonl").read_text().splitlines()
    for entry in map(json.loads, journal):
        found |= entry["values"] if entry["kind"] == "params" else {}
    return found


@pytest.mark.parametrize("task", [TASK, PIECES], ids=["bytes", "sentencepiece"])
def test_both_sides_are_encoded_and_in_line(run, task):
    pairs = pairs_of(300)
    data, found = run("a", pairs, task), []
    text = make_encoder(data)
    for split in SPLITS:
        sources, targets = data.split(split)
        assert len(sources) == len(targets) == len(data.sizes(split)) > 5
        for row in range(len(sources)):
            assert sources[row][-1] == targets[row][-1] == EOS
            found.append((text.decode(sources[row]), text.decode(targets[row])))
    kept = [
        pair for pair in pairs if max(len(text.encode(side)) for side in pair) <= 60
    ]
    assert 0 < len(kept) < 300
    assert sorted(found) == sorted((normal_form(x), normal_form(y)) for x, y in kept)


def test_a_pair_with_a_long_side_is_dropped_and_counted(run):
    short = (b"a" * 59, b"b" * 59)  # 60 tokens with EOS
    long = [(b"a" * 60, b"b"), (b"c", b"d" * 60)]
    named = ["".join("abcdefghij"[int(d)] for d in str(n)) for n in range(50)]
    pairs = [(f"x {name}".encode(), f"y {name}".encode()) for name in named]
    whole = run("a", [*pairs, short])
    data = run("b", [*pairs, short, *long])
    assert data.digests == whole.digests
    logged = params(data)
    assert sum(logged[f"data.{split}_dropped"] for split in SPLITS) == 2
    for split in SPLITS:
        assert logged[f"data.{split}_rows"] == len(data.split(split)[0])
        assert params(whole)[f"data.{split}_dropped"] == 0
    assert max(data.split(split)[0].lengths.max() for split in SPLITS) == 60


def test_raw_and_sizes_are_those_of_the_pairs_kept(run):
    pairs = pairs_of(300)
    data = run("a", pairs)
    (sources, targets), text = data.raw(), make_encoder(data)
    assert params(data)["data.test_dropped"] > 0  # else nothing could be out of line
    assert len(sources) == len(targets) == len(data.split("test")[0])
    for row, size in enumerate(data.sizes("test")):
        pair = sources[row].tobytes(), targets[row].tobytes()
        assert pair in pairs
        assert size.tolist() == [len(pair[1].decode("utf-8", "replace")), len(pair[1])]
        for side, tokens in zip(pair, data.split("test"), strict=True):
            np.testing.assert_array_equal(text.encode(side), tokens[row])
    request = make_encoder(data).request(data.raw(), [1, 0])
    assert request["source"].tolist() == [sources[1].tobytes(), sources[0].tobytes()]
    assert request["text"].tolist() == [targets[1].tobytes(), targets[0].tobytes()]


def test_labels_are_the_tokens_of_both_sides_and_counts_of_targets(run):
    data = run("a", pairs_of(300), TASK | {"tokenizer": "characters"})
    sources, targets = data.split("train")
    names = data.space.names
    assert names == make_encoder(data).names
    assert {"h", "H", "東", "😀"} < set(names)  # of a source, a target, both
    counts = np.bincount(targets.tokens, minlength=len(names))
    assert data.description["train_counts"] == counts.tolist()
    assert counts[names.index("😀")] == 0 < np.sum(sources.tokens == names.index("😀"))


def test_equal_sources_are_in_one_split(run):
    pairs = pairs_of(200)
    twice = [*pairs, *((x, b"other " + y) for x, y in pairs)]
    data, where = run("a", twice, TASK | {"max_length": 1000}), {}
    text = make_encoder(data)
    for split in SPLITS:
        for row in range(len(data.split(split)[0])):
            source = text.decode(data.split(split)[0][row])
            assert where.setdefault(source, split) == split
    assert len(where) == 200


@pytest.mark.parametrize("task", [TASK, PIECES], ids=["bytes", "sentencepiece"])
def test_equal_rows_give_equal_bytes(run, task):
    one, two = (run(name, pairs_of(200), task) for name in "ab")
    assert one.digests == two.digests
    assert one.description == two.description
    for split in SPLITS:
        for file in (one.folder / split).iterdir():
            assert file.read_bytes() == (two.folder / split / file.name).read_bytes()


def test_digest_is_another_when_either_side_is(run, tmp_path):
    pairs = pairs_of(200)
    digest = run("a", pairs).digests["all"]
    (source, target), *others = pairs
    assert run("b", [(source, target + b"!"), *others]).digests["all"] != digest

    def written(name, *sides):  # a new source could be in another split
        files = TextFiles(tmp_path / name, StoredPairs.sides, "uint8", raw=False)
        files.append([(side, [len(side)]) for side in sides], [], [(1, 1)])
        return files.close()

    assert written("c", [1, 0], [2, 0]) == written("d", [1, 0], [2, 0])
    others = (([3, 0], [2, 0]), ([1, 0], [3, 0]), ([2, 0], [1, 0]), ([1, 2, 0], [0]))
    digests = {written(f"e{n}", *sides) for n, sides in enumerate(others)}
    assert len(digests | {written("f", [1, 0], [2, 0])}) == 5


def test_truncate_keeps_the_first_pairs(run, tmp_path):
    whole = run("a", pairs_of(200))
    truncate(whole.folder, tmp_path / "short", 5)
    short = Dataset.load(tmp_path / "short")
    for split in SPLITS:
        np.testing.assert_array_equal(short.sizes(split), whole.sizes(split)[:5])
        for few, all_ in zip(short.split(split), whole.split(split), strict=True):
            assert len(few) == 5
            for row in range(5):
                np.testing.assert_array_equal(few[row], all_[row])
    for few, all_ in zip(short.raw(), whole.raw(), strict=True):
        assert len(few) == 5
        np.testing.assert_array_equal(few[4], all_[4])
    assert {f.name for f in (short.folder / "test").iterdir()} == {
        f.name for f in (whole.folder / "test").iterdir()
    }


def test_to_json_makes_the_same_encoder():
    texts = [f"{x} {y}".encode() for x, y in WORDS.items()] * 3
    encoder = Pairs.fit("sentencepiece", texts, 280)
    again = Pairs(**encoder.to_json())
    assert again.names == encoder.names and len(again.names) == 280
    assert again.op_libraries == ("tensorflow_text",)
    assert again.describe().keys() == {"source", "text"}
    for text in texts:
        np.testing.assert_array_equal(again.encode(text), encoder.encode(text))


def test_ingest_refuses_a_source_of_another_kind(run, tmp_path):
    with pytest.raises(ValueError, match="the task translation needs pairs of texts"):
        run("a", pairs_of(50), kind="text")
    with pytest.raises(ValueError, match="the task language needs texts. .* of pairs"):
        run("b", pairs_of(50), {"name": "language", "tokenizer": "bytes"})
    with pytest.raises(ValueError, match="the task multiclass needs labels that are"):
        run("c", pairs_of(50), {"name": "multiclass"})


def test_ingest_refuses_a_split_of_which_nothing_is_left(run):
    with pytest.raises(ValueError, match="all of them too long. Raise `task.max_len"):
        run("a", pairs_of(50), TASK | {"max_length": 2})
    with pytest.raises(ValueError, match="an empty split"):
        run("b", pairs_of(3))
