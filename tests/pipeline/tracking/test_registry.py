"""The models of a real run in MLflow: named, registered, measured, described."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.sent import read_state
from phistar.pipeline.tracking import models, ui
from phistar.pipeline.tracking.address import model_version
from phistar.pipeline.tracking.sender import Sending
from phistar.pipeline.tracking.target import Target
from tests.helpers import records
from tests.helpers.commands import artifact, copy_store


@pytest.fixture(scope="module")
def logged(trained):
    """(client, state, the run's only logged model)."""
    root, done = trained
    state = read_state(root, done.answer["run_id"])
    client = Target(root).client
    (model,) = client.search_logged_models([state["experiment_id"]])
    return client, state, model


def test_model_is_named_after_recipe_and_run(logged):
    assert logged[2].name == "breast_cancer · linear · steps 80 · eval every 10"
    assert logged[2].params["train.steps"] == "80"


def test_model_is_known_as_registered(logged, trained):
    client, _, model = logged
    root, done = trained
    (version,) = client.search_model_versions("name = 'breast_cancer'")
    (known,) = json.loads(model.tags["mlflow.modelVersions"])
    assert known["name"] == "breast_cancer"
    assert str(known["version"]) == str(version.version)
    # one number, wherever a user reads it
    assert model_version(root, done.answer["run_id"]) == str(version.version)
    assert model_version(root, "another") is None


def test_model_has_the_metrics_of_test_with_their_data(logged, trained):
    client, state, model = logged
    found = {
        metric.key: metric for metric in client.get_logged_model(model.model_id).metrics
    }
    metrics = trained[1].answer["metrics"]
    assert found["test/nll"].value == pytest.approx(metrics["test_nll"])
    assert found["test/nll"].dataset_name == "breast_cancer · test"
    digests = json.loads((artifact(trained[0], "ingest") / "digest.json").read_text())
    assert found["test/nll"].dataset_digest == digests["test"]
    assert not [name for name in found if not name.startswith("test/")]
    # the run has each of them once
    run_id = state["mlflow_run_id"]
    assert len(client.get_metric_history(run_id, "test/nll")) == 1


def test_model_and_version_are_described(logged):
    client, _, model = logged
    (version,) = client.search_model_versions("name = 'breast_cancer'")
    assert version.description
    assert (
        model.tags["mlflow.note.content"] == version.description[: models.NOTE_LENGTH]
    )
    assert client.get_registered_model("breast_cancer").description


def test_mlflow_has_the_files_of_the_store_by_links(logged, trained):
    own = artifact(trained[0], "export") / "mlflow_model"
    copy = Path(logged[2].artifact_location)
    for name in ("saved_model.pb", "variables/variables.index"):
        name = f"artifacts/saved_model/{name}"
        assert (copy / name).samefile(own / name)
    assert not (copy / "MLmodel").samefile(own / "MLmodel")


def test_an_export_that_two_runs_send_at_once_is_registered_once(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    origin = Record(trained[0], trained[1].answer["run_id"])
    folder, start = artifact(root, "export") / "mlflow_model", threading.Barrier(2)

    def send(name):
        record, target = records.cached_run(root, origin, name), Target(root)
        _, run_id = target.run(record.entries()[0], None)
        model = Sending(root, record.run_id, target).model(
            folder, folder.parent.name, 1
        )
        start.wait()
        return models.log(target.client, run_id, model)

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(send, ["one", "two"])) == ["1", "1"]
    client = Target(root).client
    assert len(client.search_model_versions("name = 'breast_cancer'")) == 1
    (experiment,) = [e for e in client.search_experiments() if e.experiment_id != "0"]
    assert len(client.search_logged_models([experiment.experiment_id])) == 1


def test_schema_has_the_outputs_of_an_answer(trained):
    import mlflow

    folder = artifact(trained[0], "export") / "mlflow_model"
    loaded = mlflow.pyfunc.load_model(str(folder))
    answer = loaded.predict(loaded.input_example)
    outputs = loaded.metadata.signature.outputs
    assert set(outputs.input_names()) == set(answer.columns)
    types = {column.name: column.type for column in outputs.inputs}
    assert str(types["label"]) == "DataType.string"
    assert len(answer["log_probs"][0]) == 2


def test_data_sets_have_context_rows_label_and_balance(logged, trained):
    client, state, _ = logged
    run = client.get_run(state["mlflow_run_id"])
    rows, digests = {}, {}
    for found in run.inputs.dataset_inputs:
        (tag,) = [t for t in found.tags if t.key == "mlflow.data.context"]
        profile = json.loads(found.dataset.profile)
        rows[tag.value], digests[tag.value] = profile["rows"], found.dataset.digest
        by_label = profile["rows of benign"] + profile["rows of malignant"]
        assert by_label == profile["rows"]
        assert profile["label"] and "scikit-learn" in profile["source"]
    assert rows.keys() == {"train", "valid", "test"} and sum(rows.values()) == 569
    known = json.loads((artifact(trained[0], "ingest") / "digest.json").read_text())
    assert digests == {split: known[split] for split in rows}  # whole, as elsewhere


def test_experiment_has_the_question_and_the_view(logged, trained):
    client, state, _ = logged
    tags = client.get_experiment(state["experiment_id"]).tags
    assert tags["mlflow.note.content"].startswith("Is the tumour malignant?")
    json.loads(json.loads(tags["mlflow.sharedViewState.results"])["state"])


def test_a_page_beside_a_record_is_sent_once_and_again_when_it_changes(
    trained, tmp_path
):
    root = tmp_path / "root"
    shutil.copytree(trained[0], root)
    run_id = trained[1].answer["run_id"]
    client, state = Target(root).client, read_state(root, run_id)
    ui.sync(root)  # the run's end, should its child not have sent it
    assert ui.sync(root) == 0
    page = root / "mlruns" / "runs" / f"{run_id}.compare.html"
    for text in ("one", "two words"):
        page.write_text(text)
        assert [ui.sync(root), ui.sync(root)] == [1, 0]
        sent = client.download_artifacts(
            state["mlflow_run_id"], "compare.html", str(tmp_path)
        )
        assert Path(sent).read_text() == text
