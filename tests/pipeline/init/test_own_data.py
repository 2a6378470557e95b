"""Files of a user through init, run, predict and serve: one answer for a row."""

import base64
import datetime
import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.helpers.answers import answers
from tests.helpers.commands import copy_store, here
from tests.helpers.serving import Here

SHORT = ("train.steps=6", "train.eval_every=3")
TINY = ("build.num_layers=1", "build.num_heads=1", "build.model_dim=16")
TINY += ("build.mlp_dim=16", *SHORT)
SPLITS = {"train": 200, "valid": 60, "test": 40}
TABLES = ("train.epochs=null", *SHORT)
PICTURES = ("build.num_blocks=1", "build.width=4", *TABLES)
CLOSE = 1e-4  # nats


def rows(number, seed):
    """Rows as a shop has them: numbers, a date, words, missing values, a label."""
    draw = random.Random(seed)
    made = []
    for one in range(number):
        spent = draw.gauss(50, 20)
        made.append(
            {
                "Kunde Nr": f"K{seed}{one:04d}",
                "Umsatz (€)": None if one % 11 == 0 else round(spent, 2),
                "seit": datetime.date(2020, 1, 1) + datetime.timedelta(one % 700),
                "Stadt": draw.choice(["Köln", "Rom", "Paris, 5e"]),
                "gekündigt": "ja" if spent + draw.gauss(0, 10) > 55 else "nein",
            }
        )
    return made


def write_csv(path, made):
    """Semicolons, decimal commas, dates as people write them."""
    lines = [";".join(made[0])]
    for row in made:
        cells = []
        for value in row.values():
            if isinstance(value, datetime.date):
                value = value.isoformat()
            if isinstance(value, float):
                value = str(value).replace(".", ",")
            cells.append("" if value is None else str(value))
        lines.append(";".join(cells))
    path.write_text("\n".join(lines) + "\n", "utf-8-sig")


def write_json(path, made):
    lines = (json.dumps(row, default=str, ensure_ascii=False) for row in made)
    path.write_text("\n".join(lines) + "\n")


def write_parquet(path, made):
    pq.write_table(pa.Table.from_pylist(made), path)


def tables(folder):
    """A format for each split; a further file has the rows of test as CSV."""
    made = {split: rows(n, seed) for seed, (split, n) in enumerate(SPLITS.items())}
    folder.mkdir()
    write_csv(folder / "train.csv", made["train"])
    write_json(folder / "valid.jsonl", made["valid"])
    write_parquet(folder / "test.parquet", made["test"])
    write_csv(folder.parent / "again.csv", made["test"])
    write_json(folder.parent / "again.jsonl.gz.jsonl", made["test"])
    return made["test"]


@pytest.fixture(scope="module")
def shop(project, tmp_path_factory):
    """(root, rows of test, the run's answer) of a table."""
    root = copy_store(project, tmp_path_factory.mktemp("shop"))
    test = tables(root / "customers")
    label = ("--label", "gekündigt")
    made = here("init", root, "--data", root / "customers", *label, root=root)
    assert made.status == 0, made.stderr
    return root, test, run(root, "customers", *TABLES), made.answer


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


def test_init_says_what_it_takes_and_asks(shop):
    _, _, _, made = shop
    found, asked = " ".join(made["found"]), " ".join(made["questions"])
    assert "two labels: the task is binary" in found and "1 of dates" in found
    assert "ingest.ignore" in asked and "ingest.time" in asked
    recipe = Path(made["recipe"]).read_text()
    assert 'positive: "ja"' in recipe or "positive: ja" in recipe
    assert "Kunde Nr: it is another one in every row" in recipe


def test_a_row_has_one_answer_in_every_format(shop):
    root, test, answer, _ = shop
    expected = evaluated(answer)
    assert len(expected) == SPLITS["test"]
    assert [row["label"] for row in expected] == [row["gekündigt"] for row in test]
    for file in ("customers/test.parquet", "again.csv", "again.jsonl.gz.jsonl"):
        same_labels(
            answers(here("predict", "customers", root / file, root=root, json=False)),
            expected,
        )


def test_the_server_gives_a_row_the_same_answer(shop):
    root, test, answer, _ = shop
    asked = []
    for row in test:
        known = {k: v for k, v in row.items() if k not in ("Kunde Nr", "gekündigt")}
        since = datetime.datetime.combine(row["seit"], datetime.time(), datetime.UTC)
        asked.append(known | {"seit": since.timestamp()})
    with Here(root, "customers").running() as served:
        status, found = served.post({"dataframe_records": asked})
    assert status == 200, found
    same_labels(found["predictions"], evaluated(answer))


@pytest.fixture(scope="module")
def photos(project, tmp_path_factory):
    root, draw = (
        copy_store(project, tmp_path_factory.mktemp("photos")),
        np.random.default_rng(0),
    )
    for split, number in SPLITS.items():
        for label, shade in (("dark", 60), ("light", 190)):
            folder = root / "pictures" / split / label
            folder.mkdir(parents=True)
            for one in range(number // 10):
                pixels = draw.normal(shade, 30, (20, 24, 3)).clip(0, 255)
                suffix = ("png", "webp", "bmp")[one % 3]
                Image.fromarray(pixels.astype("uint8")).save(
                    folder / f"{label}{one}.{suffix}"
                )
    made = here("init", root, "--data", root / "pictures", root=root)
    assert made.status == 0, made.stderr
    return root, run(root, "pictures", *PICTURES)


def test_a_picture_has_one_answer(photos):
    root, answer = photos
    files = sorted((root / "pictures" / "test").rglob("*.*"))
    done = here(
        "predict", "pictures", root / "pictures" / "test", root=root, json=False
    )
    found = {one["file"]: one for one in answers(done)}
    assert set(found) == set(map(str, files))
    with Here(root, "pictures").running() as served:
        for file in files:
            data = base64.b64encode(file.read_bytes()).decode()
            status, said = served.post({"inputs": [{"image": data}]})
            assert status == 200, said
            one = said["predictions"][0]
            assert one["label"] == found[str(file)]["label"]
            assert one["log_prob"] == pytest.approx(
                found[str(file)]["log_prob"], abs=CLOSE
            )
    told = sorted(
        (row["predicted"], row["log_prob_predicted"]) for row in evaluated(answer)
    )
    said = sorted((one["label"], one["log_prob"]) for one in found.values())
    for (a, p), (b, q) in zip(told, said, strict=True):
        assert a == b and p == pytest.approx(q, abs=CLOSE)


WORDS = {"red": "rot", "dog": "Hund", "sun": "Sonne", "green": "grün", "cat": "Katze"}


def sentences(number, seed):
    draw = random.Random(seed)
    return [draw.choices(list(WORDS), k=draw.randint(1, 4)) for _ in range(number)]


# A row has one answer whatever its kind: those of texts are slow tests.
@pytest.mark.slow
def test_sentence_pairs_have_one_translation(project, tmp_path):
    copy_store(project, tmp_path)
    names = []
    for seed, (split, number) in enumerate(SPLITS.items()):
        made = sentences(number, seed)
        sides = {"en": made, "de": [[WORDS[w] for w in words] for words in made]}
        for side, lines in sides.items():
            names.append(tmp_path / f"{split}.{side}")
            text = "\n".join(" ".join(words) for words in lines)
            names[-1].write_text(text + "\n")
    made = here("init", tmp_path, "--data", *names, "--name", "ende", root=tmp_path)
    assert made.status == 0, made.stderr
    answer = run(
        tmp_path, "ende", *TINY, "train.warmup_steps=0", "evaluate.beam_size=1"
    )
    told = evaluated(answer)
    assert len(told) == SPLITS["test"]
    done = here("predict", "ende", tmp_path / "test.en", root=tmp_path, json=False)
    found = answers(done)
    assert [one["text"] for one in found] == [row["translation"] for row in told]
    with Here(tmp_path, "ende").running() as served:
        asked = [{"source": row["source"]} for row in told[:5]]
        status, said = served.post({"dataframe_records": asked})
    assert status == 200, said
    assert [one["text"] for one in said["predictions"]] == [
        one["text"] for one in found[:5]
    ]


@pytest.mark.slow
def test_texts_of_files_have_one_probability(project, tmp_path):
    copy_store(project, tmp_path)
    for seed, (split, number) in enumerate(SPLITS.items()):
        folder = tmp_path / "letters" / split
        folder.mkdir(parents=True)
        for one, words in enumerate(sentences(number // 4, seed)):
            (folder / f"{one:03d}.md").write_text(" ".join(words))
    made = here("init", tmp_path, "--data", tmp_path / "letters", root=tmp_path)
    assert made.status == 0, made.stderr
    answer = run(tmp_path, "letters", *TINY, "build.context=16", "build.stride=12")
    told = evaluated(answer)
    lines = tmp_path / "lines.txt"
    lines.write_text("".join(row["text"] + "\n" for row in told))
    scored = ("--signature", "log_prob")
    done = here("predict", "letters", lines, *scored, root=tmp_path, json=False)
    found = [one["log_prob"] for one in answers(done)]
    assert found == pytest.approx([-row["nll"] for row in told], abs=CLOSE * 10)
