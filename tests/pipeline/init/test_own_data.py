"""Files of a user through init, run, predict and serve: one answer for a row.

That formats give the same data set is test_formats.py's: here one run of each task is
asked in all of them.
"""

import base64
import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.helpers import written
from tests.helpers.answers import answers
from tests.helpers.commands import copy_store, here
from tests.helpers.serving import Here
from tests.helpers.written import SPLITS

SHORT = ("train.steps=6", "train.eval_every=3")
TINY = ("build.num_layers=1", "build.num_heads=1", "build.model_dim=16")
TINY += ("build.mlp_dim=16", *SHORT)
SIZES = {"train": 200, "valid": 60, "test": 40}
TABLES = ("train.epochs=null", *SHORT)
PICTURES = ("build.num_blocks=1", "build.width=4", *TABLES)
CLOSE = 1e-4  # nats
# predict reads what ingest was not told of: UTF-8, or what a mark tells
UNTOLD = [name for name in written.TABLES if name != "latin.csv"]
NAMED = ("lines.jsonl", "typed.parquet", "typed.feather")  # tables by their names
CELLS = ("commas.csv", "tabs.tsv")  # tables if a column is named


@pytest.fixture(scope="module")
def shop(project, tmp_path_factory):
    """(root, rows of test, the run's answer, init's) of a table."""
    root = copy_store(project, tmp_path_factory.mktemp("shop"))
    made = {
        split: written.shop(n, seed) for seed, (split, n) in enumerate(SIZES.items())
    }
    for name in ("train.csv", "valid.jsonl", "test.parquet"):
        written.table(root / "customers" / name, made[name.split(".")[0]])
    label = ("--label", "gekündigt")
    found = here("init", root, "--data", root / "customers", *label, root=root)
    assert found.status == 0, found.stderr
    return root, made["test"], run(root, "customers", *TABLES), found.answer


def run(root, name, *words):
    """Run a recipe to its end and promote it.  -> its answer"""
    done = here("run", name, *words, root=root)
    assert done.status == 0, done.stderr
    promoted = here("promote", done.answer["run_id"], "--anyway", root=root)
    assert promoted.status == 0, promoted.stderr
    return done.answer


def evaluated(answer):
    """What evaluation said of test, in order.  -> list of dict"""
    folder = Path(answer["stages"]["evaluate"]["path"])
    return pq.read_table(folder / "predictions.parquet").to_pylist()


def same_labels(found, expected):
    """Answers have the labels and probabilities of the evaluation."""
    assert len(found) == len(expected)
    for one, row in zip(found, expected, strict=True):
        assert one["label"] == row["predicted"]
        assert one["log_prob"] == pytest.approx(row["log_prob_predicted"], abs=CLOSE)


def predicted(root, name, files, *words):
    """The answers to some files of as many inputs.  -> list of list of dict"""
    done = here("predict", name, *files, *words, root=root, json=False)
    found = answers(done)
    size = len(found) // len(files)
    return [found[start : start + size] for start in range(0, len(found), size)]


def test_init_says_what_it_takes_and_asks(shop):
    _, _, _, made = shop
    found, asked = " ".join(made["found"]), " ".join(made["questions"])
    assert "two labels: the task is binary" in found and "dates: seit" in found
    assert "ingest.ignore" in asked and "ingest.time" in asked
    recipe = Path(made["recipe"]).read_text()
    assert 'positive: "ja"' in recipe or "positive: ja" in recipe
    assert "Kunde Nr: it is another one in every row" in recipe


def test_a_row_has_one_answer_in_every_format(shop, tmp_path):
    root, test, answer, _ = shop
    expected = evaluated(answer)
    assert [row["label"] for row in expected] == [row["gekündigt"] for row in test]
    files = [written.table(tmp_path / name, test) for name in UNTOLD]
    every = predicted(root, "customers", files)
    assert len(every) == len(UNTOLD)
    for found in every:
        same_labels(found, expected)


def test_the_server_gives_a_row_the_same_answer(shop):
    root, test, answer, _ = shop
    asked = []
    for row in test:
        known = {k: v for k, v in row.items() if k not in ("Kunde Nr", "gekündigt")}
        since = datetime.datetime.combine(row["seit"], datetime.time(), datetime.UTC)
        asked.append(known | {"seit": since.timestamp()})
    forms = [
        {"dataframe_records": asked},
        {"inputs": {name: [row[name] for row in asked] for name in asked[0]}},
    ]
    with Here(root, "customers").running() as served:
        for body in forms:
            status, found = served.post(body)
            assert status == 200, found
            same_labels(found["predictions"], evaluated(answer))


@pytest.fixture(scope="module")
def photos(project, tmp_path_factory):
    """(root, rows of a table of test's images, the run's answer)."""
    root, rows = copy_store(project, tmp_path_factory.mktemp("photos")), {}
    for seed, (split, number) in enumerate(SIZES.items()):
        made = written.pictures(number // 5, seed)
        suffixes = ("png", "jpg", "webp", "bmp", "tif", "gif")
        rows[split] = written.in_folders(root / "pictures" / split, made, suffixes)
    found = here("init", root, "--data", root / "pictures", root=root)
    assert found.status == 0, found.stderr
    return root, rows["test"], run(root, "pictures", *PICTURES)


def test_a_picture_has_one_answer_as_a_file_and_in_a_table(photos):
    root, rows, answer = photos
    expected = evaluated(answer)
    place = root / "pictures" / "test"
    rows = [row | {"number": number} for number, row in enumerate(rows)]
    table = written.table(place / "labels.csv", rows)
    (found,) = predicted(root, "pictures", [table])
    same_labels(found, expected)
    assert [one["file"] for one in found] == [str(place / row["file"]) for row in rows]
    words = ("--signature", "log_prob", "--label", "what", "--id", "number")
    (scored,) = predicted(root, "pictures", [table], *words)
    assert [one["id"] for one in scored] == [str(row["number"]) for row in rows]
    told = [row["log_prob"] for row in expected]
    assert [one["log_prob"] for one in scored] == pytest.approx(told, abs=CLOSE)
    table.unlink()
    (again,) = predicted(root, "pictures", [place])
    same_labels(again, expected)
    files = [place / row["file"] for row in rows]
    asked = [{"image": base64.b64encode(f.read_bytes()).decode()} for f in files]
    with Here(root, "pictures").running() as served:
        status, said = served.post({"inputs": asked})
    assert status == 200, said
    same_labels(said["predictions"], expected)


# A row has one answer whatever its kind: those of texts are slow tests.
@pytest.mark.slow
def test_sentence_pairs_have_one_translation(project, tmp_path):
    copy_store(project, tmp_path)
    made = {s: written.sentences(n, seed) for seed, (s, n) in enumerate(SIZES.items())}
    names = [
        written.lines(tmp_path / f"{split}.{end}", [pair[side] for pair in made[split]])
        for split in SPLITS
        for side, end in enumerate(("en", "de"))
    ]
    done = here("init", tmp_path, "--data", *names, "--name", "ende", root=tmp_path)
    assert done.status == 0, done.stderr
    told = Path(done.answer["recipe"]).read_text()
    assert "English to German" in told and "the target, train.de: German" in told
    short = (*TINY, "train.warmup_steps=0", "evaluate.beam_size=1")
    answer = run(tmp_path, "ende", *short)
    expected = [row["translation"] for row in evaluated(answer)]
    assert len(expected) == SIZES["test"]
    rows = [{"source": english, "target": german} for english, german in made["test"]]
    lines = written.lines(tmp_path / "packed.gz", [row["source"] for row in rows])
    named = [written.table(tmp_path / name, rows) for name in NAMED]
    cells = [written.table(tmp_path / name, rows) for name in CELLS]
    every = predicted(tmp_path, "ende", [tmp_path / "test.en", lines, *named])
    every += predicted(tmp_path, "ende", cells, "--column", "source")
    assert len(every) == 2 + len(NAMED) + len(CELLS)
    for found in every:
        assert [one["text"] for one in found] == expected
    with Here(tmp_path, "ende").running() as served:
        asked = [{"source": row["source"]} for row in rows[:20]]
        status, said = served.post({"dataframe_records": asked})
    assert status == 200, said
    assert [one["text"] for one in said["predictions"]] == expected[:20]


@pytest.mark.slow
def test_texts_have_one_probability(project, tmp_path):
    copy_store(project, tmp_path)
    for seed, (split, number) in enumerate(SIZES.items()):
        texts = [english for english, _ in written.sentences(number // 4, seed)]
        written.each_a_file(tmp_path / "letters" / split, texts)
    done = here("init", tmp_path, "--data", tmp_path / "letters", root=tmp_path)
    assert done.status == 0, done.stderr
    assert "the language: English" in " ".join(done.answer["found"])
    answer = run(tmp_path, "letters", *TINY, "build.context=16", "build.stride=12")
    told = evaluated(answer)
    expected = [-row["nll"] for row in told]
    rows = [{"text": row["text"]} for row in told]
    lines = written.lines(tmp_path / "lines.txt.zst", [row["text"] for row in rows])
    named = [written.table(tmp_path / name, rows) for name in NAMED]
    cells = [written.table(tmp_path / name, rows) for name in CELLS]
    scored = ("--signature", "log_prob")
    every = predicted(tmp_path, "letters", [lines, *named], *scored)
    every += predicted(tmp_path, "letters", cells, *scored, "--column", "text")
    whole = [{"prompt": ""} | row for row in rows]
    asked = {"inputs": whole, "params": {"signature": "log_prob"}}
    with Here(tmp_path, "letters").running() as served:
        status, said = served.post(asked)
    assert status == 200, said
    for found in (*every, said["predictions"]):
        nats = [one["log_prob"] for one in found]
        assert nats == pytest.approx(expected, abs=CLOSE * 10)
