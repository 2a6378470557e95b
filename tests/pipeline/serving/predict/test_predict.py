"""`phistar predict`: the answers are the SavedModel's own, row by row, in order."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.answers import answers, ask, same
from tests.helpers.commands import CODE, Done, here
from tests.helpers.records import write

LIMIT = 240  # s
TEXTS = [b"lala bim", b"", "süß 日本".encode(), b"bim bam " * 9, b"a\tb", b"\xff?"]


def as_stdin(monkeypatch, data):
    """Let the command in this process read bytes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.fixture(scope="module")
def table():
    """(header, rows of numbers, labels), names as scikit-learn has them."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    labels = [str(data.target_names[i]) for i in data.target[:9]]
    return [str(n) for n in data.feature_names], data.data[:9].tolist(), labels


@pytest.fixture
def rows(table, tmp_path):
    """A CSV: columns in another order, one too many, a blank line, a missing value."""
    header, numbers, labels = table
    with (tmp_path / "rows.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["what, now", *reversed(header), "diagnosis"])
        for row, label in zip(numbers, labels, strict=True):
            cells = [
                "" if row is numbers[4] and i == 2 else x for i, x in enumerate(row)
            ]
            writer.writerow(["one\ntwo", *reversed(cells), label])
    text = (tmp_path / "rows.csv").read_text().replace("benign\r\n", "benign\r\n\r\n")
    (tmp_path / "rows.csv").write_text(text)
    return tmp_path / "rows.csv"


@pytest.fixture
def request_of(table):
    """What `rows` holds, as the SavedModel takes it: name -> float32 [N]."""
    header, numbers, _ = table
    values = np.array(numbers, "float32")
    values[4, 2] = np.nan
    return {n.replace(" ", "_"): values[:, i] for i, n in enumerate(header)}


@pytest.fixture
def pictures(tmp_path):
    """A folder of images in folders by label, and what is no image."""
    rng = np.random.default_rng(0)
    for number, label in ((2, "7"), (10, "3"), (1, "3")):
        (tmp_path / "pictures" / label).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(rng.integers(0, 255, (number + 8, 9), "uint8"))
        image.save(tmp_path / "pictures" / label / f"{number}.png")
    (tmp_path / "pictures" / "notes.md").write_text("no image")
    return tmp_path / "pictures"


@pytest.fixture
def prompts(tmp_path):
    """TEXTS, a line each."""
    (tmp_path / "prompts.txt.gz").write_bytes(gzip.compress(b"\n".join(TEXTS)))
    return tmp_path / "prompts.txt.gz"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A SavedModel whose answers show what it was asked, with the names of pairs."""
    folder = tmp_path_factory.mktemp("pairs")
    text, number = tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int32)

    def ones(source):
        return tf.ones_like(source, tf.int32)

    def nats(source):
        return -tf.ones_like(source, tf.float32)

    @tf.function(input_signature=[text])
    def serving_default(source):
        return {"text": source, "lengths": ones(source), "log_prob": nats(source)}

    @tf.function(input_signature=[text, number, number])
    def predict(source, beam_size, max_length):
        size = tf.strings.length(source)
        tokens = tf.tile([[7]], [tf.size(size), tf.reduce_max(size) + 2])
        score = tf.where(size > 2, tf.math.log(0.0), tf.cast(size, tf.float32) / 10)
        known = {"beam_size": beam_size, "max_length": max_length, "score": score}
        known |= {"text": source, "tokens": tokens, "log_prob": nats(source)}
        return known | {"lengths": size}

    @tf.function(input_signature=[text, text])
    def log_prob(source, text):
        joined = source + "|" + text
        return {"joined": joined, "log_prob": nats(source), "lengths": ones(source)}

    functions = {
        "serving_default": serving_default,
        "predict": predict,
        "log_prob": log_prob,
    }
    module = tf.Module()
    module.functions = list(functions.values())
    tf.saved_model.save(module, str(folder), signatures=functions)
    loaded = tf.saved_model.load(str(folder)).signatures

    def ends(specs):
        return {
            name: {
                "dtype": spec.dtype.name,
                "shape": list(spec.shape),
                "meaning": "…",
                "form": "text" if spec.dtype == tf.string else "knob",
            }
            for name, spec in specs.items()
        }

    contract = {
        "reads": "lines",
        "batch_size": 32,
        "labels": {"names": ["<EOS>", "a"]},
        "signatures": {
            name: {
                "inputs": ends(f.structured_input_signature[1]),
                "outputs": ends(f.structured_outputs),
            }
            for name, f in loaded.items()
        },
        "knobs": {"beam_size": 6, "max_length": 256},
        "ranges": {},
        "metrics": {"test_nll": 1.5, "test_translation_nll": 0.5},
        "inputs": {
            "seen": {"characters": {"inputs": ["source"], "known": None}},
            "test": {"characters": {"checked": 10, "outside": 1}},
        },
        "op_libraries": ["tensorflow_text"],
        "run_id": "0" * 32,
    }
    (folder / "contract.json").write_text(json.dumps(contract))
    return folder


# columns


@pytest.mark.parametrize("size", [4, 1024])
def test_answers_of_a_table_are_the_models(trained, rows, request_of, tmp_path, size):
    root, done = trained
    words = ("predict", "breast_cancer", rows, "--batch-size", size)
    ours = answers(here(*words, root=root, json=False))
    same(ours, ask(done.answer["export"], "predict", **request_of))
    assert [one["file"] for one in ours] == [str(rows)] * 9
    # each row begins where its cell of two lines does; the blank line counts
    assert [one["line"] for one in ours] == [2 + 2 * i for i in range(9)]


def test_log_prob_of_a_table_reads_the_named_label(
    trained, rows, request_of, table, monkeypatch
):
    root, done = trained
    as_stdin(monkeypatch, rows.read_bytes())
    # by its id: other tests' runs of the recipe are in this folder too
    words = ("predict", done.answer["run_id"], "-", "--signature", "log_prob")
    said = here(*words, "--label", "diagnosis", root=root)
    assert said.answer["rows"] == 9 and said.answer["run"] == done.answer["run_id"]
    theirs = ask(done.answer["export"], "log_prob", **request_of, label=table[2])
    same(answers(said)[:-1], theirs)
    assert answers(said)[0]["file"] == "-"


def test_rows_draw_with_seeds_of_their_own(trained, rows, request_of):
    root, done = trained
    words = ("predict", "breast_cancer", rows, rows, "--signature", "sample")
    words = (*words, "--temperature", 50, "--seed", 3)
    ours = answers(here(*words, root=root, json=False))
    twice = {n: np.concatenate([v, v]) for n, v in request_of.items()}
    theirs = ask(
        done.answer["export"],
        "sample",
        **twice,
        seed=np.arange(3, 21),
        temperature=np.full(18, 50, "float32"),
        top_k=np.full(18, 2, "int32"),
        top_p=np.ones(18, "float32"),
    )
    same(ours, theirs)
    assert len({one["label"] for one in ours}) == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mean radius", "radius", ("rows.csv:1", "mean radius")),
        ("mean radius", "mean texture", ("rows.csv:1", "mean texture")),
        ("20.57,", "big,", ("rows.csv:4", "mean radius", "'big'")),
        ("20.57,", "inf,", ("rows.csv:4", "mean radius", "'inf'")),
        ("20.57,", "unclear,", ("rows.csv:4", "--missing")),
        ("20.57,", "", ("rows.csv:4", "31 values", "32")),
        ("20.57,", '20.57,"', ("rows.csv:4", "quotes")),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_line_and_column(
    trained, rows, old, new, words
):
    text = rows.read_text()
    assert text.count(old) == 1
    rows.write_text(text.replace(old, new))
    done = here("predict", "breast_cancer", rows, root=trained[0])
    assert done.status == done.answer["status"] == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.answer["error"]


def test_missing_values_are_named_as_at_ingest(trained, rows):
    ours = answers(here("predict", "breast_cancer", rows, root=trained[0], json=False))
    text = rows.read_text()
    for word, words in (("?", ()), (" null ", ()), ("nil!", ("--missing", "nil!"))):
        rows.write_text(text.replace(",,", f",{word},"))
        words = ("predict", "breast_cancer", rows, *words)
        assert answers(here(*words, root=trained[0], json=False)) == ours


@pytest.mark.parametrize("suffix", ["jsonl", "parquet", "feather", "tsv", "csv.zst"])
def test_rows_of_any_format_get_the_same_answers(trained, rows, suffix):
    root, _ = trained
    ours = answers(here("predict", "breast_cancer", rows, root=root, json=False))
    frame = pd.read_csv(rows)
    path = rows.with_name(f"rows.{suffix}")
    match suffix:
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
        case "parquet" | "feather":
            getattr(frame, f"to_{suffix}")(path)
        case "tsv":
            frame.to_csv(path, sep="\t", index=False)
        case _:
            path.write_bytes(pa.compress(rows.read_bytes(), "zstd", asbytes=True))
    theirs = answers(here("predict", "breast_cancer", path, root=root, json=False))
    places = ("file", "line", "row")
    for mine, other in zip(ours, theirs, strict=True):
        for place in places:
            mine.pop(place, None), other.pop(place, None)
        assert other == mine


def test_answers_go_to_files_with_the_ids_of_their_rows(trained, rows):
    root, _ = trained
    frame = pd.read_csv(rows).assign(patient=[f"p {n}" for n in range(9)])
    frame.to_csv(rows, index=False)
    words = ("predict", "breast_cancer", rows, "--id", "patient", "--batch-size", 4)
    ours = answers(here(*words, root=root, json=False))
    assert [one["id"] for one in ours] == frame["patient"].tolist()
    assert "file" not in ours[0] and "line" not in ours[0]
    found = {}
    for suffix in ("jsonl", "parquet", "csv"):
        path = rows.with_name(f"answers.{suffix}")
        done = here(*words, "--output", path, root=root)
        assert done.status == 0 and done.answer["rows"] == 9
        assert not list(rows.parent.glob("*.part"))
        found[suffix] = path
    lines = found["jsonl"].read_text().splitlines()
    assert [json.loads(line) for line in lines] == ours
    read = pd.read_parquet(found["parquet"])
    assert read["id"].tolist() == frame["patient"].tolist()
    probs = np.array([one["probs"] for one in ours])
    np.testing.assert_allclose(np.stack(read["probs"]), probs, rtol=1e-6)
    read = pd.read_csv(found["csv"])
    for place, label in enumerate(ours[0]["labels"]):
        np.testing.assert_allclose(read[f"prob_{label}"], probs[:, place], rtol=1e-6)
    assert read["label"].tolist() == [one["label"] for one in ours]
    # a mistake leaves neither a part of a file nor the file
    rows.write_text(rows.read_text().replace("20.57,", "big,"))
    path = rows.with_name("broken.parquet")
    assert here(*words, "--output", path, root=root).status == 2
    assert not list(rows.parent.glob("broken*"))
    done = here(*words, "--output", rows.with_name("answers.xls"), root=root)
    assert done.status == 2 and ".parquet" in done.answer["error"]


def test_a_label_that_the_model_does_not_know_is_found_in_its_batch(trained, rows):
    head, _, tail = rows.read_text().partition("malignant")
    rows.write_text(f"{head}malignant{tail.replace('malignant', 'worse', 1)}")
    words = ("--signature", "log_prob", "--label", "diagnosis")
    done = here("predict", "breast_cancer", rows, *words, root=trained[0])
    assert done.status == 2
    assert "rows.csv:4: " in done.stderr and "worse" in done.stderr


def test_the_last_line_says_if_the_rows_are_like_tests(trained, rows, table):
    root, done = trained
    words = ("predict", "breast_cancer", rows, "--batch-size", 4)
    plain = here(*words, root=root)
    ours = answers(plain)[:-1]
    beside = plain.answer["beside_test"]
    probs = np.array([one["probs"] for one in ours])
    entropy = -(probs * np.log(np.maximum(probs, 1e-30))).sum(axis=1).mean()
    assert beside["answers"]["here"] == pytest.approx(entropy, rel=1e-3)
    metrics = done.answer["metrics"]
    assert beside["labels"] == {"here": None, "test": metrics["test_nll"]} | dict(
        low=None, high=None
    )
    last = plain.stderr.splitlines()[-1]
    assert last.startswith("beside test: ") and "labels" not in last
    # with labels: nats and their interval, however they are asked
    nats = []
    for more in (("--signature", "log_prob"), ("--signature", "predict")):
        scored = here(*words, *more, "--label", "diagnosis", root=root)
        nats.append(scored.answer["beside_test"]["labels"])
        assert "-ln P of the labels" in scored.stderr.splitlines()[-1]
    for end in ("here", "low", "high", "test"):
        assert nats[0][end] == pytest.approx(nats[1][end], rel=1e-4)
    chosen = [
        one["probs"][one["labels"].index(y)]
        for one, y in zip(ours, table[2], strict=True)
    ]
    losses = -np.log(chosen)
    assert nats[1]["here"] == pytest.approx(losses.mean(), rel=1e-3)
    half = 1.959964 * losses.std(ddof=1) / 3
    assert nats[1]["high"] == pytest.approx(losses.mean() + half, rel=1e-3)


def test_numbers_that_train_did_not_have_are_counted_and_named(trained, rows):
    before = here("predict", "breast_cancer", rows, root=trained[0])
    text = rows.read_text()
    assert text.count("20.57,") == 1
    rows.write_text(text.replace("20.57,", "2057,"))
    after = here("predict", "breast_cancer", rows, root=trained[0])
    shares = [d.answer["beside_test"]["numbers"]["here"] for d in (before, after)]
    values = 9 * 30 - 1  # one is missing
    assert shares[1] - shares[0] == pytest.approx(1 / values)
    assert "mean radius" in after.stderr.splitlines()[-1] or shares[0] > 0


def test_a_label_that_predict_does_not_know_is_named_with_its_line(trained, rows):
    text = rows.read_text().replace("malignant", "worse", 1)
    rows.write_text(text)
    done = here(
        "predict", "breast_cancer", rows, "--label", "diagnosis", root=trained[0]
    )
    assert done.status == 2 and "rows.csv:2: no such label" in done.stderr
    assert "'worse'" in done.stderr and "benign, malignant" in done.stderr


# images


def test_answers_of_images_are_the_models(digits, pictures):
    root, done = digits
    files = [pictures / "3" / "1.png", pictures / "7" / "2.png", pictures / "3/10.png"]
    given = {"image": [file.read_bytes() for file in files]}
    ours = answers(here("predict", "digits", pictures, root=root, json=False))
    same(ours, ask(done.answer["export"], "predict", **given))
    assert [one["file"] for one in ours] == [str(file) for file in files]
    assert "line" not in ours[0]
    words = ("predict", "digits", files[2], files[0], "--signature", "log_prob")
    scored = answers(here(*words, root=root, json=False))
    given = {"image": [given["image"][2], given["image"][0]], "label": ["3", "3"]}
    same(scored, ask(done.answer["export"], "log_prob", **given))


def test_what_is_no_image_is_named(digits, pictures):
    done = here("predict", "digits", pictures, pictures / "notes.md", root=digits[0])
    assert done.status == 2
    said = "notes.md is not an image that can be read. Received: text that begins with "
    assert f"{said}'no image'" in done.stderr
    done = here("predict", "digits", pictures.parent / "none", root=digits[0])
    assert done.status == 2 and "none" in done.stderr


# texts


def test_continuations_of_lines_are_the_models(language, prompts):
    root, done = language
    words = ("predict", "kjv", prompts, "--max-length", 5, "--batch-size", 2)
    ours = answers(here(*words, root=root, json=False))
    given = {"prompt": TEXTS, "max_length": np.full(len(TEXTS), 5, "int32")}
    same(ours, ask(done.answer["export"], "predict", **given))
    assert [one["line"] for one in ours] == list(range(1, len(TEXTS) + 1))
    assert all(len(one["tokens"]) == one["lengths"] for one in ours)


def test_log_prob_takes_a_line_as_the_whole_text(language, prompts):
    root, done = language
    ours = here("predict", "kjv", prompts, "--signature", "log_prob", root=root)
    theirs = ask(
        done.answer["export"], "log_prob", prompt=[b""] * len(TEXTS), text=TEXTS
    )
    same(answers(ours)[:-1], theirs)
    for one in answers(ours)[:-1]:  # one factor for each token, the end included
        assert len(one["token_log_probs"]) == len(one["tokens"]) == one["lengths"]
        assert one["tokens"][-1] == 0
        assert sum(one["token_log_probs"]) == pytest.approx(one["log_prob"], rel=1e-5)


def test_chunks_change_nothing(language, prompts, monkeypatch):
    words = ("--signature", "sample", "--max-length", 4, "--batch-size", 3)
    whole = here("predict", "kjv", prompts, *words, root=language[0], json=False)
    monkeypatch.setattr("phistar.pipeline.serving.predict.inputs.CHUNK_ROWS", 2)
    pieces = here("predict", "kjv", prompts, *words, root=language[0], json=False)
    ours, again = answers(whole), answers(pieces)
    assert [one["text"] for one in ours] == [one["text"] for one in again]


# pairs, and what holds for all


def test_fields_of_a_line_are_the_string_inputs(pairs, tmp_path):
    (tmp_path / "pairs.tsv").write_bytes("für\tfor\r\n\tb\n".encode())
    words = ("predict", pairs, tmp_path / "pairs.tsv", "--signature", "log_prob")
    ours = answers(here(*words, root=tmp_path, json=False))
    assert [one["joined"] for one in ours] == ["für|for", "|b"]
    (tmp_path / "pairs.tsv").write_text("a\tb\nc\n")
    done = here(*words, root=tmp_path)
    assert done.status == 2 and "pairs.tsv:2" in done.stderr
    assert "source TAB text" in done.stderr


def test_outputs_are_plain_data(pairs, tmp_path):
    (tmp_path / "lines").write_bytes(b"long\n\xffa\nb\n")
    words = ("predict", pairs / ".", tmp_path / "lines", "--max-length", 9)
    first, second, third = answers(here(*words, root=tmp_path, json=False))
    assert first["score"] is None  # -inf is no JSON
    assert (second["score"], third["score"]) == (0.2, 0.1)
    assert second["text"] == "\ufffda"
    assert first["tokens"] == [7] * 4 and third["tokens"] == [7]
    # what the contract states, unless it is typed
    assert (first["beam_size"], first["max_length"]) == (6, 9)


def test_an_option_that_a_signature_lacks_lists_those_it_has(pairs, tmp_path):
    (tmp_path / "lines").write_text("a\n")
    done = here("predict", pairs, tmp_path / "lines", "--top-k", 3, root=tmp_path)
    assert done.status == 2
    assert "--top-k" in done.stderr
    assert "--max-length, --beam-size, --column, --id." in done.stderr
    words = ("--beam-size", 2**31)
    done = here("predict", pairs, tmp_path / "lines", *words, root=tmp_path)
    assert done.status == 2 and "int32" in done.stderr


def test_no_input_is_no_answer(pairs, tmp_path):
    (tmp_path / "lines").write_text("")
    done = here("predict", pairs, tmp_path / "lines", root=tmp_path, json=False)
    assert (done.status, done.stdout) == (0, "")
    done = here("predict", pairs, tmp_path / "lines", root=tmp_path)
    assert done.answer["rows"] == 0 and done.answer["beside_test"] == {}


def test_texts_are_beside_those_of_test(pairs, tmp_path):
    (tmp_path / "lines").write_bytes("süß\n\xff?\n".encode("latin-1"))
    done = here("predict", pairs, tmp_path / "lines", root=tmp_path)
    # a byte that is no UTF-8 is one character: 3 of 5, and of test 1 of 10
    found = done.answer["beside_test"]
    assert found["characters"] == {"here": 0.6, "test": 0.1}
    assert found["answers"]["here"] == pytest.approx(2 / 5)  # 2 texts, 5 tokens
    assert found["answers"]["test"] == 0.5
    last = done.stderr.splitlines()[-1]
    assert "U+FFFD 60 % (test 10 %), most in source" in last
    assert "0.4000 nats a token" in last


def test_a_truncated_gzip_file_is_the_callers_mistake(pairs, tmp_path):
    path = tmp_path / "lines.gz"
    path.write_bytes(gzip.compress(os.urandom(5000))[:-3000])
    done = here("predict", pairs, path, root=tmp_path)
    assert done.status == 2 and str(path) in done.stderr


# which export


def test_a_run_may_be_named_in_many_ways(trained, rows):
    root, done = trained
    export = Path(done.answer["export"])
    mlflow_run_id = done.answer["url"].rpartition("/")[2].partition("?")[0]
    expected = None
    for word in (
        done.answer["run_id"],
        done.answer["run_id"][:6],
        mlflow_run_id,
        mlflow_run_id[:6],
        "linear · steps 80 · eval every 10",  # its name
        "breast_cancer.yaml",
        export,
        export.parent,
    ):
        ours = answers(here("predict", word, rows, root=root, json=False))
        expected = expected or ours
        assert ours == expected, word


def write_record(root, run_id, recipe, name, status, key, parent, time):
    """A record of a run, with an export of that key if it has one."""
    start = {"kind": "start", "time": time, "experiment": recipe, "name": name}
    entries = [start | {"run_id": run_id, "parent": parent}]
    if key:
        entries += [{"kind": "stage", "stage": "export", "status": "ran", "key": key}]
    entries += [{"kind": "end", "status": status}]
    path = root / "mlruns" / "runs" / f"{run_id}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, entries)


@pytest.fixture
def many(tmp_path):
    """A project with records of seven runs."""
    for time, record in enumerate(
        (
            ("aaaa1", "wine", "wine", "FINISHED", "k1", None),
            ("aaaa2", "wine", "wine train.steps=3", "FINISHED", "k2", None),
            ("bbbb1", "wine", "wine", "FAILED", None, None),
            ("bbbb2", "beer", "beer", "SCHEDULED", None, None),
            ("cccc1", "tea", "tea x=1", "FINISHED", None, None),
            ("cccc2", "tea", "seed 0", "FINISHED", "k3", "cccc1"),
            ("cccc3", "tea", "seed 1", "FINISHED", "k4", "cccc1"),
        )
    ):
        write_record(tmp_path, *record, time)
    return tmp_path


@pytest.mark.parametrize(
    ("word", "message"),
    [
        # the newest finished one, whose folder is not in this store
        ("wine", "the result of `export` of aaaa2"),
        ("aaaa1", "the result of `export` of aaaa1"),
        ("aaaa", "2 runs with different results of `export`"),
        ("bbbb", "a run without the result of `export`"),
        ("beer", "a run without the result of `export`"),
        ("tea", "the result of `export` of cccc3"),
        # a parent is its children's
        ("cccc1", "2 runs with different results of `export`"),
        ("aaa", "no such run"),
        ("winde", "Did you mean wine?"),
        ("/no/such/folder", "no such run"),
    ],
)
def test_what_a_word_means_is_said(many, word, message):
    done = here("predict", word, "rows.csv", root=many)
    assert done.status == done.answer["status"] == 2
    assert message in done.answer["error"]


# the process


def test_stdout_is_a_pipe_for_others(trained, rows):
    root, done = trained
    command = [sys.executable, "-m", "phistar", "predict", "breast_cancer", "-"]
    environment = os.environ | {"PYTHONPATH": str(CODE)}
    given = {"input": rows.read_bytes(), "env": environment, "timeout": LIMIT}
    ours = subprocess.run([*command, "--root", root], capture_output=True, **given)
    done = Done(ours.returncode, ours.stdout.decode(), ours.stderr.decode())
    assert len(answers(done)) == 9
    line, beside = done.stderr.splitlines()  # no bar, no words of TensorFlow
    assert line.startswith("9 inputs in ")
    assert beside.startswith("beside test: numbers out of range ")
    reader, writer = os.pipe()
    os.close(reader)
    gone = subprocess.run(
        [*command, "--root", root], stdout=writer, stderr=subprocess.PIPE, **given
    )
    os.close(writer)
    assert (gone.returncode, gone.stderr) == (141, b"")


def test_a_mistake_is_found_before_tensorflow_is_imported(trained, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    probe = (
        "import sys\nfrom phistar.pipeline.cli.main import main\n"
        "status = main(sys.argv[1:])\n"
        "print(status, 'tensorflow' in sys.modules, 'mlflow' in sys.modules)"
    )
    words = ("predict", "breast_cancer", tmp_path / "rows.csv", "--root", trained[0])
    done = subprocess.run(
        [sys.executable, "-c", probe, *words],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.stdout.split() == ["2", "False", "False"], done.stderr


def test_json_ends_with_the_answer(trained, rows):
    done = here("predict", "breast_cancer", rows, root=trained[0])
    assert len(answers(done)) == 10
    names = {"rows", "seconds", "run", "name", "export", "signature", "beside_test"}
    assert set(done.answer) == names
