"""A failure is one clear error and its exit status, and leaves nothing half done."""

import json
from hashlib import sha256

import numpy as np
import pytest

from phistar.components.data.divisions import hash_positions
from phistar.components.hashing import parsed
from phistar.pipeline.cli.arguments import STAGES
from phistar.pipeline.process.errors import FAILED, REJECTED, USAGE, Failure
from phistar.pipeline.record.journal import Record, read
from phistar.pipeline.store.manifest import digest
from phistar.pipeline.store.manifest import write as write_manifest
from phistar.pipeline.tracking.ui import sync
from tests.helpers.commands import (
    SHORT,
    artifact,
    copy_code,
    copy_store,
    edit,
    here,
    leftovers,
    mlflow_runs,
    phistar,
)

CSV = ("ingest.source=table", "ingest.label=colour")
BINARY = ("task.positive=red",)
MULTICLASS = ("task.name=multiclass", "train.loss=cross_entropy")


def failure(function, *arguments, **words):
    """The Failure that an exception of a call becomes."""
    try:
        function(*arguments, **words)
    except Exception as error:
        return Failure.of(error)
    raise AssertionError("nothing was raised")


def test_value_error_of_our_own_is_the_callers_mistake():
    from phistar.components.networks import network

    found = failure(network, "nope")
    assert found.status == USAGE and found.expected
    assert "nope" in str(found)
    assert "Traceback" in found.details


def test_value_error_of_a_library_is_a_failure_with_its_traceback():
    from phistar.components.artifacts import read_json

    # raised by json and by NumPy's C code, called from a line of ours
    for call in (
        lambda: read_json(__file__),
        lambda: hash_positions({"x": np.zeros(3), "y": np.zeros(4)}, 0),
    ):
        found = failure(call)
        assert found.status == FAILED and not found.expected
        assert str(found).split(":")[0].endswith("Error")


def test_a_loss_that_is_not_finite_is_a_result_not_a_defect():
    def stop():
        raise FloatingPointError("not finite at step 3")

    found = failure(stop)
    assert (found.status, found.expected) == (FAILED, True)
    assert str(found) == "not finite at step 3"


def test_failure_survives_the_way_out_of_a_child():
    found = Failure("what", REJECTED, "where", expected=False)
    again = Failure(**json.loads(json.dumps(found.to_json())))
    assert again.to_json() == found.to_json()
    assert str(again) == "what"


def table(path, rows, header="size,weight,colour"):
    """A CSV file of `rows`, each a str."""
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows_of(labels, count=90):
    """`count` rows, labelled in turn."""
    return [f"{i},{i * i % 7},{labels[i % len(labels)]}" for i in range(count)]


def ingest(project, root, path, task=BINARY):
    """Ingest a CSV file.  -> Done."""
    copy_store(project, root)
    words = (*CSV, f"ingest.path={path}", *task)
    return here("ingest", "breast_cancer", *words, root=root)


def refused(done, root):
    """True if the user is told, once, and nothing of the data is in the store."""
    assert done.status == done.answer["status"] == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("phistar: error:") == 1
    assert not list((root / "mlruns").glob("stages/*/[!.]*"))
    assert not list((root / "mlruns").glob("runs/*"))  # so MLflow hears nothing of it
    assert not leftovers(root)
    return done.answer["error"]


def test_missing_file_is_named(project, tmp_path):
    error = refused(ingest(project, tmp_path, tmp_path / "gone.csv"), tmp_path)
    assert "gone.csv" in error and "ingest.path" in error
    done = here("plan", "breast_cancer", *CSV, "ingest.path=gone.csv", root=tmp_path)
    assert done.status == 2 and "gone.csv" in done.answer["error"]


def test_data_out_of_reach_are_refused_at_once(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "ftp_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens: no network
    monkeypatch.delenv("no_proxy", raising=False)
    words = ("run", "fashion_mnist", "ingest.name=cifar10", "--seeds", "2")
    words = (*words, f"ingest.data_dir={tmp_path}")
    done = phistar(*words, root=tmp_path / "root")
    assert done.status == 1
    assert "cifar10 is not prepared" in done.answer["error"]
    assert "download_and_prepare()" in done.answer["error"]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "root" / "mlruns").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(b"5,4,", b"5,4,9,9,9,", 1),
        lambda text: text[:40] + b"\xff\xfe\x80" + text[40:],
    ],
    ids=["a row too long", "not UTF-8"],
)
def test_corrupt_file_is_named_with_what_was_expected(project, tmp_path, damage):
    path = table(tmp_path / "mine.csv", rows_of(["red", "blue"]))
    path.write_bytes(damage(path.read_bytes()))
    error = refused(ingest(project, tmp_path, path), tmp_path)
    assert "mine.csv" in error and "Expected" in error


def test_one_class_only_is_refused(project, tmp_path):
    path = table(tmp_path / "mine.csv", rows_of(["red"]))
    error = refused(ingest(project, tmp_path, path), tmp_path)
    assert "one class only" in error and "row" in error and "red" in error


def test_label_outside_the_space_is_refused_with_its_row(project, tmp_path):
    # a label that train has not seen: its only row is one of test
    rows = [f"{row},train" for row in rows_of(["red", "blue"])]
    path = tmp_path / "mine.csv"
    lines = ["size,weight,colour,part", *rows, "1,1,red,test", "7,3,green,test"]
    path.write_text("\n".join(lines) + "\n")
    words = (*MULTICLASS, "ingest.split=part")
    error = refused(ingest(project, tmp_path, path, words), tmp_path)
    assert "outside the label space" in error
    assert "'green'" in error and "row" in error


def test_third_label_of_a_binary_task_is_refused_with_its_row(project, tmp_path):
    path = table(tmp_path / "mine.csv", rows_of(["red", "blue", "green"]))
    error = refused(ingest(project, tmp_path, path), tmp_path)
    assert "green" in error and "row" in error


def test_empty_split_is_refused(project, tmp_path):
    path = table(tmp_path / "mine.csv", rows_of(["red", "blue"], count=4))
    error = refused(ingest(project, tmp_path, path), tmp_path)
    assert "empty split" in error or "one class only" in error


def test_failed_run_is_failed_in_mlflow_and_commits_nothing(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest", "build")
    words = ("run", "breast_cancer", *SHORT, "train.learning_rate=1e30")
    done = here(*words, root=root, mlflow=True)
    assert done.status == done.answer["status"] == 1
    assert "not finite" in done.answer["error"]
    assert "learning_rate" in done.answer["error"]
    assert "Traceback" not in done.stderr
    ((run_id, run),) = mlflow_runs(root).items()
    assert run["status"] == "FAILED"
    assert run["params"]["train.learning_rate"] == "1e+30"
    assert run["tags"]["cached_from.build"] == trained[1].answer["run_id"]
    assert "not finite" in run["tags"]["phistar.reason"]
    note = run["tags"]["mlflow.note.content"]
    assert "Failed in `train`" in note and "learning_rate" in note
    end = Record(root, run_id).entries()[-1]
    assert (end["stage"], end["status"]) == ("train", "FAILED")
    assert f"{end['reason']} {end['advice']}" == done.answer["error"]
    assert "log.txt" in run["files"]
    assert not list((root / "mlruns").glob("stages/train/[!.]*"))
    assert not leftovers(root)


def test_a_network_for_other_data_leaves_no_run(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest")
    done = here("run", "breast_cancer", *SHORT, "build.network=vgg16", root=root)
    assert done.status == 2, done.stderr
    assert not list((root / "mlruns").glob("runs/*"))
    assert mlflow_runs(root) == {}


def test_not_finite_after_some_steps_keeps_the_journal_so_far(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, "ingest", "build")
    # weights in float32 grow by a factor per step until they overflow
    words = ("train.steps=400", "train.eval_every=1", "train.learning_rate=30")
    words = (*words, "train.weight_decay=1.0")
    done = here("run", "breast_cancer", *words, root=root)
    assert done.status == 1
    assert "not finite" in done.answer["error"]
    assert sync(root) == 1
    ((run_id, run),) = mlflow_runs(root).items()
    journal = root / "mlruns" / "runs" / f"{run_id}.train.failed"
    steps = [e["step"] for e in read(journal)[0] if e["kind"] == "metrics"]
    assert steps == list(range(1, len(steps) + 1)) and 1 < len(steps) < 400
    # what was seen of it until then is in MLflow too
    assert sorted(step for step, *_ in run["metrics"]["train/loss"]) == steps
    # stopped within a step
    assert f"step {steps[-1] + 1} of 400" in done.answer["error"]


def golden_changed(folder):
    """Another answer of the golden batch, as an evaluation of another would leave."""
    with np.load(folder / "golden.npz") as arrays:
        arrays = dict(arrays)
    arrays["log_prob/out/log_prob"] -= 0.01
    np.savez(folder / "golden.npz", **arrays)
    return folder / "golden.npz"


def decision_changed(folder):
    """The same, of a decision."""
    with np.load(folder / "golden.npz") as arrays:
        arrays = dict(arrays)
    arrays["predict/out/label"] = arrays["predict/out/label"][::-1]
    np.savez(folder / "golden.npz", **arrays)
    return folder / "golden.npz"


def last_example_changed(folder):
    """The same, of the last example of test."""
    nll = np.load(folder / "test_nll.npy")
    nll[-1] += 0.01
    np.save(folder / "test_nll.npy", nll)
    return folder / "test_nll.npy"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (golden_changed, "0.01 nats"),
        (decision_changed, "inf nats"),
        (last_example_changed, "of example 114"),
    ],
)
def test_rejected_model_is_status_3_and_is_not_committed(
    trained, tmp_path, change, said
):
    root = copy_store(trained[0], tmp_path, *STAGES[:4])
    folder = artifact(root, "evaluate")
    changed = change(folder)
    manifest = parsed((folder / "manifest.json").read_bytes())
    data = changed.read_bytes()
    manifest["files"][changed.name] = {
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
    }
    manifest["digest"] = digest(manifest["files"])
    write_manifest(folder, manifest)

    done = here("export", "breast_cancer", *SHORT, root=root, alone=True)
    assert done.status == done.answer["status"] == 3
    assert said in done.answer["error"]
    assert "Traceback" not in done.stderr
    assert not list((root / "mlruns").glob("stages/export/[!.]*"))
    assert not leftovers(root)
    assert sync(root) == 1
    (run,) = mlflow_runs(root).values()
    assert run["status"] == "FAILED"


def test_damaged_artifact_is_made_again_with_a_warning(trained, tmp_path):
    root = copy_store(trained[0], tmp_path, *STAGES)
    path = artifact(root, "evaluate") / "metrics.json"
    path.write_text(path.read_text().replace("0", "1"))
    done = here("run", "breast_cancer", *SHORT, root=root, drawn=True)
    assert done.status == 0
    assert "metrics.json" in done.stderr and "damaged" in done.stderr
    assert done.statuses["evaluate"] == "ran"
    assert done.digests == trained[1].digests


def test_defect_shows_its_traceback_and_is_status_1(trained, tmp_path):
    tree = copy_code(tmp_path / "tree")
    edit(
        tree / "components" / "build.py",
        "    keras.utils.set_random_seed(seed)\n",
        "    keras.utils.set_random_seed(seed)\n    {}['a defect']\n",
    )
    root = copy_store(trained[0], tmp_path / "root", "ingest")
    done = phistar("build", "breast_cancer", root=root, code=tree)
    assert done.status == done.answer["status"] == 1
    assert "KeyError: 'a defect'" in done.answer["error"]
    assert "Traceback" in done.stderr and "build.py" in done.stderr
