"""Runs that prune removes leave MLflow too, with their models."""

import shutil

from phistar.pipeline.record.runs import runs
from phistar.pipeline.run.prune import prune
from phistar.pipeline.tracking.target import Target
from tests.helpers.results import aged, used


def test_a_run_goes_with_its_model_unless_that_has_an_alias(trained, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(trained[0], root)
    client = Target(root).client
    ((experiment, run),) = [
        (run.info.experiment_id, run)
        for experiment in client.search_experiments()
        for run in client.search_runs([experiment.experiment_id])
    ]
    (model,) = client.search_logged_models([experiment])
    (version,) = client.search_model_versions("name = 'breast_cancer'")
    client.set_registered_model_alias("breast_cancer", "tried", version.version)
    aged(root)
    told = prune(root, 30)
    assert (told["kept"], told["mlflow"]) == ({"served": 1}, 0)

    client.delete_registered_model_alias("breast_cancer", "tried")
    told = prune(root, 30)
    assert told["mlflow"] > 0
    sizes = used(root), (root / "mlruns" / "mlflow.db").stat().st_size
    prune(root, 30, yes=True)
    grown = (root / "mlruns" / "mlflow.db").stat().st_size - sizes[1]
    assert sizes[0] - used(root) + grown == told["bytes"] > told["mlflow"]
    assert not runs(root)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    assert not client.search_model_versions("name = 'breast_cancer'")
    assert not client.search_logged_models([experiment])
    artifacts = root / "mlruns" / "artifacts" / "breast_cancer"
    left = {path.name for path in artifacts.rglob("*")}
    assert not left & {run.info.run_id, model.model_id}
    assert not [path for path in artifacts.rglob("*") if path.is_file()]
