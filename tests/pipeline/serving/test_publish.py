"""`phistar promote` and `rollback`: the highest number always loads and answers.

PHISTAR_KILLS=n makes that many random kill -9 (default 1); `make kills` takes 50.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import mlflow
import numpy as np
import pytest

from phistar.components.errors import RejectedModel
from phistar.components.serving.request import golden as golden_batch
from phistar.components.serving.verify import alone
from phistar.pipeline.serving import publish
from phistar.pipeline.store.champions import ORIGIN, files, read_origin
from phistar.pipeline.tracking import models, ui
from phistar.pipeline.tracking.target import Target
from tests.helpers.commands import CODE, SHORT, here, start, until
from tests.helpers.serving import free_port

KILLS = int(os.environ.get("PHISTAR_KILLS", 1))


@pytest.fixture(scope="module")
def two(trained, tmp_path_factory):
    """(root, id of A, id of B): two runs of one recipe, nothing promoted."""
    root = tmp_path_factory.mktemp("two")
    shutil.copytree(trained[0], root, dirs_exist_ok=True)
    done = here("run", "breast_cancer", *SHORT, "train.learning_rate=0.02", root=root)
    assert done.status == 0, done.stderr
    return root, *(answer["run_id"] for answer in (trained[1].answer, done.answer))


def copy(source, target):
    """One more name of a file; of MLflow's database, which is written to, a copy."""
    is_database = os.path.basename(source).startswith("mlflow.db")
    (shutil.copy2 if is_database else os.link)(source, target)


@pytest.fixture
def runs(two, tmp_path):
    """A copy of the two runs' project, and their ids."""
    root, a, b = two
    shutil.copytree(root, tmp_path / "root", copy_function=copy)
    return tmp_path / "root", a, b


NAME = ("breast_cancer",)


def promoted(root, *words):
    """Answer of a command that promotes.  -> dict."""
    anyway = ["--anyway"] * (words[0] == "promote")  # the order is the test's to choose
    done = here(*words, *anyway, root=root)
    assert done.status == 0, done.stderr
    assert "MLFLOW_TRACKING_URI" not in os.environ  # another root's runs would go there
    return done.answer


def highest(root):
    """What a server would load now.  -> Path."""
    folder = root / "mlruns" / "serving" / "breast_cancer"
    found = [int(p.name) for p in folder.glob("*") if p.name.isdigit()]
    return folder / str(max(found)) if found else None


def load_champion(root):
    """What MLflow's alias means.  -> PyFuncModel."""
    mlflow.set_tracking_uri(Target(root).uri)
    try:
        return mlflow.pyfunc.load_model("models:/breast_cancer@champion")
    finally:
        mlflow.set_tracking_uri(None)  # it would be every later test's


def golden(folder):
    """True if a version loads and answers as it was evaluated."""
    return alone(str(folder))["log_prob"] < 1e-4


def test_a_promoted_export_is_a_numbered_savedmodel(runs):
    root, a, _ = runs
    answer = here("promote", a, root=root).answer
    assert (answer["name"], answer["version"]) == ("breast_cancer", 1)
    assert answer["run_id"] == a and answer["before"] is None
    assert answer["before_test_nll"] is None
    folder = highest(root)
    assert answer["folder"] == str(folder) and folder.name == "1"
    assert golden(folder)
    again = promoted(root, "promote", a)
    assert again["version"] == 1 and again["difference"] is None


def test_rollback_is_the_earlier_model_under_a_new_number(runs):
    root, a, b = runs
    first, second = (promoted(root, "promote", run_id) for run_id in (a, b))
    assert second["before_test_nll"] == first["test_nll"] != second["test_nll"]
    done = here("rollback", "breast_cancer", root=root, json=False)
    assert f"3 is the champion: run {a[:8]}, test_nll" in done.stdout
    assert highest(root).name == "3" and golden(highest(root))
    first, third = (highest(root).with_name(n) / "saved_model.pb" for n in "13")
    assert first.read_bytes() == third.read_bytes()
    done = here("rollback", "breast_cancer", root=root)  # nothing before A
    assert done.status == 2 and "nothing to go back to" in done.answer["error"]
    assert promoted(root, "promote", b)["version"] == 4
    assert promoted(root, "rollback", "breast_cancer")["run_id"] == a  # not B's own


def test_rollback_after_a_rollback_is_not_the_model_that_was_withdrawn(runs):
    root, a, b = runs
    promoted(root, "promote", a)
    promoted(root, "promote", b)
    promoted(root, "rollback", "breast_cancer")
    assert promoted(root, "promote", b)["version"] == 4
    place = highest(root) / ORIGIN  # as if it were a third one
    place.write_text(json.dumps(read_origin(highest(root)) | {"export": "c"}))
    assert promoted(root, "rollback", "breast_cancer")["run_id"] == a
    done = here("rollback", "breast_cancer", root=root)
    assert done.status == 2 and "nothing to go back to" in done.answer["error"]


def test_a_damaged_version_is_neither_asked_nor_served_nor_copied(runs, tmp_path):
    root, a, b = runs
    for run_id in (a, b):
        promoted(root, "promote", run_id)
    rows = tmp_path / "rows.csv"
    rows.write_text("x\n1\n")
    for name in ("saved_model.pb", "contract.json"):
        place = highest(root) / name
        whole = place.read_bytes()
        place.unlink()  # a link: the store's stays
        place.write_bytes(bytes([whole[0] ^ 4]) + whole[1:])
        for words in (("predict", "breast_cancer", str(rows)), ("serve", *NAME)):
            done = here(*words, root=root)
            assert done.status == 2
            assert f"damaged. Received: {place}, which is" in done.answer["error"]
        place.write_bytes(whole)
    (highest(root).with_name("1") / "added.txt").write_text("more")
    done = here("rollback", *NAME, root=root)
    assert done.status == 2 and "added.txt, which is not" in done.answer["error"]


def test_a_trial_is_registered_when_it_is_promoted(runs):
    root, _, _ = runs
    words = ("run", "breast_cancer", *SHORT, "train.learning_rate=0.03")
    done = here(*words, "--no-register", root=root)
    assert done.status == 0, done.stderr
    ui.sync(root)  # as the run's own follower would send it
    client, key = Target(root).client, done.answer["stages"]["export"]["key"]
    assert models.version_of(client, "breast_cancer", key) is None
    answer = promoted(root, "promote", done.answer["run_id"])
    version = models.version_of(client, "breast_cancer", key)
    assert int(version.version) == answer["mlflow_version"]
    champion = client.get_model_version_by_alias("breast_cancer", models.CHAMPION)
    assert champion.version == version.version
    answer = promoted(root, "promote", done.answer["run_id"])  # already, now
    assert answer["mlflow_version"] == int(version.version)


def test_predict_asks_the_champion(runs, tmp_path):
    root, a, b = runs
    rows = tmp_path / "rows.csv"
    contract = json.loads(
        next(root.glob("mlruns/stages/export/*/saved_model/contract.json")).read_text()
    )
    columns = contract["signatures"]["serving_default"]["inputs"]
    rows.write_text(",".join(columns) + "\n" + ",".join("1" for _ in columns) + "\n")

    def said(word):
        return here("predict", word, rows, root=root, json=False).stdout

    assert said("breast_cancer") == said(b)  # the newest run
    promoted(root, "promote", a)
    assert said("breast_cancer") == said(a) != said(b)


def accept(version):
    """Let a version that was changed by hand state its files as they are now."""
    origin = read_origin(version) | {"files": files(version)}
    (version / ORIGIN).unlink()
    (version / ORIGIN).write_text(json.dumps(origin))


def test_a_champion_of_an_earlier_phistar_is_replaced_but_not_asked(runs):
    root, a, b = runs
    promoted(root, "promote", a)
    path = highest(root) / "contract.json"
    contract = json.loads(path.read_text())
    del contract["inputs"]
    path.unlink()  # a hard link of the export's
    path.write_text(json.dumps(contract))
    accept(highest(root))
    done = here("serve", "breast_cancer", root=root)
    assert done.status == 2 and "export it again" in done.answer["error"]
    answer = promoted(root, "promote", b)
    assert answer["before_test_nll"] == contract["served"]["test_nll"]


def test_what_does_not_answer_is_not_published(runs):
    root, a, b = runs
    promoted(root, "promote", a)
    for path in root.glob("mlruns/stages/export/*/saved_model/contract.json"):
        if json.loads(path.read_text())["run_id"] == b:
            export, key = path.parent, path.parents[1].name
    with np.load(export / "assets.extra" / "golden.npz") as arrays:
        arrays = dict(arrays)
    name = next(k for k in arrays if "/out/" in k and k.endswith("log_prob"))
    arrays[name] = arrays[name] + 0.01
    draft = export / "golden.npz"
    np.savez(draft, **arrays)
    source = export.with_name("changed")
    shutil.copytree(export, source)
    draft.rename(source / "assets.extra" / "golden.npz")
    with publish.locked(root, "breast_cancer") as folder:
        with pytest.raises(RejectedModel, match="a difference of 0.01"):
            publish.publish(root, source, folder, 2, {"run_id": b, "export": key})
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "1"]


def test_a_version_that_answers_otherwise_is_not_served(runs, tmp_path):
    root, a, b = runs
    for run_id in (a, b):
        promoted(root, "promote", run_id)
    # the weights of the other one
    one, other = (highest(root).with_name(n) / "variables" for n in "12")
    one.rename(tmp_path / "variables")
    other.rename(one)
    (tmp_path / "variables").rename(other)
    accept(highest(root))
    done = here("serve", "breast_cancer", "--port", free_port(), root=root)
    assert done.status == 3 and "the SavedModel does not answer" in done.answer["error"]


def test_a_lost_database_is_made_again_with_its_champion(runs):
    root, a, b = runs
    for run_id in (a, b, a):
        promoted(root, "promote", run_id)
    (root / "mlruns" / "mlflow.db").unlink()
    # in processes of their own: this one has the lost file open still
    for words in (
        ["-m", "phistar.pipeline.tracking.ui", "sync", "--root"],
        ["-c", CHAMPION],
    ):
        done = subprocess.run(
            [sys.executable, *words, root],
            env=os.environ | {"PYTHONPATH": str(CODE)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == read_origin(highest(root))["export"]


CHAMPION = """
import sys
from phistar.pipeline.tracking import models, target
client = target.Target(sys.argv[1]).client
champion = client.get_model_version_by_alias("breast_cancer", "champion")
print(champion.tags[models.KEY])
"""


def test_an_unknown_name_is_refused(runs):
    root, a, _ = runs
    done = here("rollback", "breast_cancer", root=root)
    assert done.status == 2 and "phistar promote RUN" in done.answer["error"]
    promoted(root, "promote", a)
    done = here("rollback", "breast", root=root)
    assert done.status == 2 and "one of: breast_cancer" in done.answer["error"]


def draft(version):
    """Versions that are under way beside this one.  -> list of Path."""
    return list(version.parent.glob(".[0-9]*"))


def test_killed_at_any_instant_no_number_is_half_written(runs):
    root, a, b = runs
    promoted(root, "promote", a)
    promoted(root, "promote", b)
    rng = random.Random(0)
    for number in range(KILLS):
        before = highest(root)
        standing = read_origin(before)["run_id"]
        words = ("promote", a if standing == b else b, "--anyway")
        if number % 3 == 2 and standing == b:
            words = ("rollback", "breast_cancer")
        process, begun = start(*words, root=root), time.monotonic()
        # the draft is there, or it is over: TensorFlow is imported for half of the time
        until(lambda: draft(before) or process.poll() is not None)  # noqa: B023
        time.sleep(rng.uniform(0, 0.8) * (time.monotonic() - begun))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert golden(highest(root))
        assert load_champion(root)
    if highest(root) == before:  # the same again ends what was begun
        promoted(root, *words[:2])
    assert highest(root) != before and golden(highest(root))
    client = Target(root).client
    champion = client.get_model_version_by_alias("breast_cancer", "champion")
    export = read_origin(highest(root))["export"]
    assert champion.tags[models.KEY] == export
    assert not draft(before)


POLL = """
import json, sys, time
from pathlib import Path
sys.modules["jax"] = None  # TensorFlow would import it, for seconds
import tensorflow as tf
folder, seen, last = Path(sys.argv[1]), [], None
while not (folder / "stop").exists():
    newest = max(int(p.name) for p in folder.iterdir() if p.name.isdigit())
    if newest != last:
        signatures = tf.saved_model.load(str(folder / str(newest))).signatures
        rows = json.loads(Path(sys.argv[2]).read_text())
        answer = signatures["predict"](
            **{name: tf.constant(value) for name, value in rows.items()}
        )
        seen.append([newest, answer["log_probs"].numpy().tolist()])
        last = newest
        print(newest, flush=True)
    time.sleep(0.01)
print(json.dumps(seen))
"""


def evaluated(root, run_id):
    """The golden batch of a run.  -> (inputs of `predict`, ln P as evaluated)."""
    for path in root.glob("mlruns/stages/export/*/saved_model/contract.json"):
        if json.loads(path.read_text())["run_id"] == run_id:
            requests, answers = golden_batch(path.parent / "assets.extra/golden.npz")
    rows = {name: values.tolist() for name, values in requests["predict"].items()}
    return rows, answers["predict"]["log_probs"]


def test_a_client_that_polls_gets_whole_models_only(runs, tmp_path):
    root, a, b = runs
    promoted(root, "promote", a)
    folder = highest(root).parent
    expected = {run_id: evaluated(root, run_id) for run_id in (a, b)}
    assert not np.allclose(*(answers for _, answers in expected.values()), atol=1e-3)
    rows = tmp_path / "rows.json"  # the same rows of test, asked of either
    rows.write_text(json.dumps(expected[a][0]))
    client = subprocess.Popen(
        [sys.executable, "-c", POLL, folder, rows], stdout=subprocess.PIPE, text=True
    )
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(client.stdout))
    reader.start()

    def loaded(number):
        limit = time.monotonic() + 240
        while f"{number}\n" not in lines:
            assert client.poll() is None and time.monotonic() < limit, lines
            time.sleep(0.05)

    loaded(1)
    promoted(root, "promote", b)
    loaded(2)
    promoted(root, "rollback", "breast_cancer")
    loaded(3)
    (folder / "stop").touch()
    assert client.wait() == 0
    reader.join()
    seen = json.loads(lines[-1])
    assert [number for number, _ in seen] == [1, 2, 3]
    for (_, answers), run_id in zip(seen, (a, b, a), strict=True):
        np.testing.assert_allclose(answers, expected[run_id][1], atol=1e-4)


def test_tensorflow_is_another_process(runs):
    root, a, _ = runs
    probe = (
        "import sys\nfrom pipeline.cli.main import main\n"
        "status = main(sys.argv[1:])\n"
        "print(status, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, "promote", a, "--root", root],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split()[-2:] == ["0", "False"], done.stderr
