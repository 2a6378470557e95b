"""Three real runs of one recipe, told alike by every command, MLflow and the report.

A good one, a worse one (three steps), and one whose labels are shuffled.
"""

import csv
import json
import re

import numpy as np
import pytest

from phistar.pipeline.tracking import models, ui
from phistar.pipeline.tracking.target import Target
from tests.helpers.commands import copy_store, here

RECIPE = """\
# Do two numbers tell the class?
task: {name: binary, positive: "yes"}
ingest: {source: table, path: %s, label: class}
build: {network: linear}
train: {loss: logistic, optimizer: sgd, learning_rate: 0.5, steps: 200, eval_every: 50}
"""
RUNS = {
    "good": [],
    "worse": ["train.steps=3", "train.eval_every=3", "train.learning_rate=0.01"],
    "shuffled": [],  # and another path
}


def write_csv(path, shuffled):
    """Write a table of two numbers and a class that follows from them, or not."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    y = x.sum(axis=1) + 0.5 * rng.normal(size=600) > 0
    if shuffled:
        rng.shuffle(y)
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["a", "b", "class"])
        out.writerows(
            [*row, "yes" if of else "no"] for row, of in zip(x, y, strict=True)
        )


@pytest.fixture(scope="module")
def story(project, tmp_path_factory):
    """(root, name -> answer of its run): the good one is not the newest."""
    root = copy_store(project, tmp_path_factory.mktemp("story"))
    for name in ("classes", "shuffled"):
        write_csv(root / f"{name}.csv", name == "shuffled")
    folder = root / "conf" / "experiment"
    folder.mkdir(parents=True)
    (folder / "two.yaml").write_text(RECIPE % (root / "classes.csv"))
    answers = {}
    for name, overrides in RUNS.items():
        other = [f"ingest.path={root / 'shuffled.csv'}"] * (name == "shuffled")
        done = here("run", "two", *overrides, *other, root=root)
        assert done.status == 0, done.stderr
        answers[name] = done.answer
    ui.sync(root)  # as each run's own follower would send it
    return root, answers


@pytest.fixture(scope="module")
def told(story):
    """(root, answers, what each command and place tells): the good one is promoted."""
    root, answers = story
    ids = {name: answer["run_id"] for name, answer in answers.items()}
    found = {}
    found["promote"] = here("promote", "two", root=root)
    for name in ("worse", "shuffled"):
        found[f"promote {name}"] = here("promote", ids[name], root=root)
    found["runs"] = here("runs", "two", root=root)
    found["compare"] = here("compare", ids["good"], ids["worse"], root=root)
    found["compare shuffled"] = here("compare", ids["good"], ids["shuffled"], root=root)
    return root, answers, found


def of_run(found, run_id):
    """The row of a run in `phistar runs`."""
    return next(run for run in found.answer["runs"] if run["run_id"] == run_id)


def in_mlflow(root, run_id):
    """MLflow's run.  -> Run."""
    client = Target(root).client
    (experiment,) = [e for e in client.search_experiments() if e.name == "two"]
    ours = f"tags.`phistar.run_id` = '{run_id}'"
    (run,) = client.search_runs([experiment.experiment_id], ours)
    return run


def verdict(answer):
    """The verdict.json of a run."""
    folder = answer["stages"]["evaluate"]["path"]
    with open(f"{folder}/verdict.json", encoding="utf-8") as file:
        return json.load(file)


def report(root, run_id):
    """The text of a run's page, its tags left out."""
    page = (root / "mlruns" / "runs" / f"{run_id}.report.html").read_text("utf-8")
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_the_champion_is_the_good_one(told):
    root, answers, found = told
    good = answers["good"]
    assert found["promote"].status == 0, found["promote"].stderr
    assert found["promote"].answer["run_id"] == good["run_id"]
    choice = found["promote"].answer["choice"]
    assert choice["valid_nll"] == good["metrics"]["valid_nll"]
    assert choice["among"] == 2 and choice["own"]  # the shuffled one has other data
    marked = [run["run_id"] for run in found["runs"].answer["runs"] if run["champion"]]
    assert marked == [good["run_id"]]
    champion = Target(root).client.get_model_version_by_alias("two", models.CHAMPION)
    assert champion.tags[models.KEY] == good["stages"]["export"]["key"]
    assert int(champion.version) == found["promote"].answer["mlflow_version"]


def test_the_worse_one_is_refused_with_the_difference_that_compare_has(told):
    root, answers, found = told
    refused, nll = found["promote worse"], found["compare"].answer["nll"]
    assert refused.status == 3
    assert nll["verdict"] == "A"
    shown = f"{nll['difference']:.4f} ± {nll['standard_error']:.4f} nats"
    assert shown in refused.answer["error"]
    metrics = [answers[name]["metrics"]["test_nll"] for name in ("worse", "good")]
    assert nll["difference"] == pytest.approx(metrics[0] - metrics[1], abs=1e-6)
    for page in found["compare"].answer["pages"].values():
        with open(page, encoding="utf-8") as file:
            assert f"{nll['difference']:+.4f}" in file.read()


def test_the_shuffled_one_is_told_apart_everywhere(told):
    root, answers, found = told
    shuffled = answers["shuffled"]["run_id"]
    assert verdict(answers["shuffled"])["verdict"] == "not better"
    assert verdict(answers["good"])["verdict"] == "better"
    sentence = verdict(answers["shuffled"])["sentence"]
    refused = found["promote shuffled"]
    assert refused.status == 3 and sentence in refused.answer["error"]
    assert of_run(found["runs"], shuffled)["group"] == "other"
    assert found["compare shuffled"].status == 2  # other test data
    registered = Target(root).client.search_model_versions("name = 'two'")
    keys = {version.tags[models.KEY] for version in registered}
    assert answers["shuffled"]["stages"]["export"]["key"] not in keys
    assert answers["good"]["stages"]["export"]["key"] in keys
    assert in_mlflow(root, shuffled).outputs.model_outputs  # it is logged, though


@pytest.mark.parametrize("name", list(RUNS))
def test_numbers_and_verdicts_are_the_same(told, name):
    """In the answer of the run, `runs`, `compare`, MLflow and the report."""
    root, answers, found = told
    answer = answers[name]
    run_id, metrics, known = answer["run_id"], answer["metrics"], verdict(answer)
    row = of_run(found["runs"], run_id)
    assert (row["valid_nll"], row["test_nll"]) == (
        metrics["valid_nll"],
        metrics["test_nll"],
    )
    assert (row["verdict"], row["sentence"]) == (known["verdict"], known["sentence"])
    if name != "shuffled":
        side = found["compare"].answer["a" if name == "good" else "b"]
        assert side["run_id"] == run_id and side["sentence"] == known["sentence"]
        shown = found["compare"].answer["metrics"]["test_nll"]
        assert shown["a" if name == "good" else "b"] == metrics["test_nll"]
    run = in_mlflow(root, run_id)
    assert run.data.metrics["test/nll"] == metrics["test_nll"]
    assert run.data.tags["phistar.verdict"] == known["verdict"]
    assert known["sentence"] in run.data.tags["mlflow.note.content"]
    assert f"{metrics['test_nll']:.4f}" in run.data.tags["mlflow.note.content"]
    assert run.info.run_name == row["name"]
    page = report(root, run_id)
    assert known["sentence"] in page
    assert f"{metrics['test_nll']:.4f}" in page


def test_a_run_beside_the_champion_says_so_everywhere(told):
    root, answers, _ = told
    done = here("run", "two", *RUNS["worse"], "train.seed=1", root=root)
    ui.sync(root)
    answer = done.answer
    found = answer["beside"]
    assert found["verdict"] == "A" and found["version"] == 1
    good = answers["good"]["metrics"]["test_nll"]
    assert found["difference"] == pytest.approx(
        answer["metrics"]["test_nll"] - good, abs=1e-6
    )
    sentence = found["sentence"]
    assert sentence.startswith("Worse than the champion, version 1: ")
    assert f"{found['difference']:.4f} ± {found['standard_error']:.4f}" in sentence
    note = in_mlflow(root, answer["run_id"]).data.tags["mlflow.note.content"]
    assert sentence in note
    assert sentence in report(root, answer["run_id"])
