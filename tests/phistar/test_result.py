"""`Run.predict` gives the answers of `phistar predict`, whatever names the run."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import phistar
from phistar.pipeline.tracking import ui
from tests.helpers.commands import copy_store, here

TABLE = """\
# Who stays?
task: {name: binary, positive: "yes"}
ingest: {source: table, path: %s, label: class, categorical: [town]}
build: {network: linear}
train: {loss: logistic, optimizer: sgd, learning_rate: 0.5, steps: 4, eval_every: 2}
"""


def predicted(root, *words):
    """The answers of the command, without their places."""
    done = here("predict", *words, root=root, json=False)
    assert done.status == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [{k: v for k, v in row.items() if k not in ("file", "line")} for row in rows]


def ran(root, *words):
    """The Run of a command that has run."""
    done = here("run", *words, root=root)
    assert done.status == 0, done.stderr
    return phistar.load(done.answer["run_id"], root=root)


@pytest.fixture(scope="module")
def table(project, tmp_path_factory):
    """(root, Run, path of its CSV), promoted; MLflow has it."""
    root = copy_store(project, tmp_path_factory.mktemp("table"))
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    towns = np.where(rng.random(200) < 0.5, "Bern", "Genève, GE")
    frame = pd.DataFrame({"body mass": x, "town": towns})
    frame["class"] = np.where(x + rng.normal(size=200) > 0, "yes", "no")
    frame.loc[3, "body mass"] = None
    frame.to_csv(root / "stays.csv", index=False)
    folder = root / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "stays.yaml").write_text(TABLE % (root / "stays.csv"))
    run = ran(root, "stays")
    ui.sync(root)
    assert here("promote", run.run_id, "--anyway", root=root).status == 0
    return root, run, root / "stays.csv"


@pytest.fixture(scope="module")
def pictures(digits):
    """(root, Run) of images."""
    root, done = digits
    return root, phistar.load(done.answer["run_id"], root=root)


def test_frame_has_the_answers_to_its_csv(table):
    root, run, path = table
    frame = pd.read_csv(path)
    answers = run.predict(frame)
    assert answers.to_dict("records") == predicted(root, run.run_id, path)
    assert list(answers.index) == list(frame.index)
    some = frame.iloc[[7, 3]]  # an answer keeps its row's name
    pd.testing.assert_frame_equal(run.predict(some), answers.iloc[[7, 3]])
    assert run.predict(frame.to_dict("records")).equals(answers)
    scored = run.predict(frame, "log_prob", label="class")
    words = ("--signature", "log_prob", "--label", "class")
    assert scored.to_dict("records") == predicted(root, run.run_id, path, *words)
    assert len(run.predict(frame[:0])) == 0
    assert list(run.predict(frame[:0]).columns) == list(answers.columns)


def test_files_have_their_places(table):
    root, run, path = table
    answers = run.predict(path)
    assert answers["line"].tolist() == list(range(2, 202))
    rest = answers.drop(columns=["file", "line"])
    assert rest.equals(run.predict(pd.read_csv(path)))


def test_every_name_of_a_run_gives_its_answers(table, tmp_path):
    root, run, path = table
    frame = pd.read_csv(path)
    expected = run.predict(frame)
    moved = shutil.copytree(run.export, tmp_path / "moved")
    found = phistar.runs("stays", root=root)
    (mlflow_id,) = found["mlflow_run_id"]
    names = ["stays", run.run_id[:6], run.name, run.export, moved, mlflow_id]
    names += ["models:/stays@champion", "models:/stays/1", f"runs:/{mlflow_id}"]
    for name in names:
        other = phistar.load(name, root=root)
        assert other.predict(frame).equals(expected), name
        assert (other.run_id, other.recipe) == (run.run_id, "stays"), name
        assert other.verdict == run.verdict and other.report == run.report, name
        assert predicted(root, name, path) == expected.to_dict("records"), name


def test_an_export_elsewhere_answers_and_says_what_it_lacks(table, tmp_path):
    root, run, path = table
    moved = shutil.copytree(run.export, tmp_path / "moved")
    other = phistar.load(moved, root=tmp_path)
    assert other.metrics == run.metrics
    assert other.predict(path).equals(run.predict(path))
    for name in ("verdict", "report", "figures", "model"):
        with pytest.raises(phistar.Failure, match="is not here"):
            getattr(other, name)
    assert "test_nll" in repr(other) and "test_nll" in other._repr_html_()


def test_images_have_the_answers_to_their_files(pictures, tmp_path):
    root, run = pictures
    images = np.random.default_rng(0).integers(0, 255, (4, 8, 8), "uint8")
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    expected = predicted(root, run.run_id, tmp_path)
    for data in (images, images[..., None], list(images)):
        assert run.predict(data).to_dict("records") == expected
    assert run.predict(tmp_path).drop(columns="file").to_dict("records") == expected
    knobs = {"seed": 5, "temperature": 2.0}
    words = ("--signature", "sample", "--seed", 5, "--temperature", 2.0)
    drawn = run.predict(images, "sample", **knobs)
    assert drawn.to_dict("records") == predicted(root, run.run_id, tmp_path, *words)


def test_texts_have_the_answers_to_their_lines(language, tmp_path):
    root, done = language
    run = phistar.load(done.answer["run_id"], root=root)
    texts = ["lala bim", "", "süß 日本", "bim bam " * 9]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    words = ("--max-length", 5)
    expected = predicted(root, run.run_id, tmp_path / "texts.txt", *words)
    assert run.predict(texts, max_length=5).to_dict("records") == expected
    words = ("--signature", "log_prob")
    expected = predicted(root, run.run_id, tmp_path / "texts.txt", *words)
    assert run.predict(texts, "log_prob").to_dict("records") == expected


def test_model_gives_the_logits_of_the_answers(pictures):
    """softmax(model) is P: a likelihood's, whose scale is 1."""
    root, run = pictures
    images = np.random.default_rng(0).integers(0, 255, (4, 8, 8), "uint8")
    logits = np.asarray(run.model(images[..., None]))
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    answers = np.array(run.predict(images)["log_probs"].tolist())
    assert np.allclose(log_probs, answers, atol=1e-4)


@pytest.mark.parametrize(
    ("signature", "knobs", "words"),
    [
        ("predict", {"temperature": 2}, "no such parameter. Received: 'temperature'"),
        ("sample", {"top_p": "a"}, "top_p must hold numbers"),
        ("sample", {"temperature": 0}, "temperature must be in"),
        ("probs", {}, "no such signature. Received: 'probs'"),
    ],
)
def test_a_wrong_knob_is_told(pictures, signature, knobs, words):
    images = np.zeros((1, 8, 8), "uint8")
    with pytest.raises(phistar.Failure, match=words) as error:
        pictures[1].predict(images, signature, **knobs)
    assert error.value.status == 2
    assert error.value.__cause__ is None and error.value.__suppress_context__


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("digit", "Did you mean digits"),
        ("models:/digits@champion", "gives no such model. Received: models:/digits@"),
        ("runs:/0123", "gives no such model. Received: runs:/0123"),
    ],
)
def test_a_run_that_does_not_exist_is_told(digits, word, words):
    ui.sync(digits[0])
    with pytest.raises(phistar.Failure, match=words):
        phistar.load(word, root=digits[0])


def test_a_folder_without_mlflow_is_told_and_left_alone(tmp_path):
    with pytest.raises(phistar.Failure, match="there is no MLflow below"):
        phistar.load("models:/digits@champion", root=tmp_path)
    assert list(tmp_path.iterdir()) == []
