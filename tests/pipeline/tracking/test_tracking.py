"""What the journals hold is what MLflow shows: live, later, elsewhere, once.

Real parts: the follower as a child process, SQLite, and MLflow's own server.
"""

import contextlib
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from phistar.pipeline.record.journal import Journal, append
from phistar.pipeline.record.sent import read_state, write_state
from phistar.pipeline.tracking import address, server, target, ui
from phistar.pipeline.tracking.follower import Follower, later, pause
from phistar.pipeline.tracking.relocate import relocate
from tests.helpers import records

FOLDERS = (None, "figures", "stages/ingest", "stages/train", "stages/evaluate")
CODE = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def local(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def root(tmp_path):
    """A project's root; the space is a part of the test."""
    path = tmp_path / "my project"
    path.mkdir()
    return path


@pytest.fixture
def tables(root, empty_database):
    (root / "mlruns").mkdir()
    shutil.copy(empty_database, root / "mlruns" / "mlflow.db")


def command(root, *words):
    """`python -m phistar.pipeline.tracking.ui`, as the follower starts it."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "phistar.pipeline.tracking.ui",
            *words,
            "--root",
            str(root),
        ],
        cwd=CODE,
        capture_output=True,
        text=True,
        timeout=120,
    )


def view(root, uri=None) -> dict:
    """All runs by name: what a reader of MLflow sees, without MLflow's own ids."""
    target._quiet()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri or target.tracking_uri(root))
    found, names = {}, {}
    experiments = [e for e in client.search_experiments() if e.name != "Default"]
    runs = client.search_runs([e.experiment_id for e in experiments])
    for run in runs:
        names[run.info.run_id] = run.info.run_name
    for run in runs:
        run_id, tags = run.info.run_id, dict(run.data.tags)
        if parent := tags.pop("mlflow.parentRunId", None):
            tags["parent"] = names[parent]
        history = {
            name: [
                (m.step, m.timestamp, m.value)
                for m in client.get_metric_history(run_id, name)
            ]
            for name in run.data.metrics
            if not name.startswith("many ")  # a request each
        }
        artifacts = []
        for folder in FOLDERS:
            listed = client.list_artifacts(run_id, folder)
            artifacts += [file.path for file in listed if not file.is_dir]
        found.setdefault(run.info.run_name, []).append(
            {
                "id": run_id,
                "status": run.info.status,
                "time": (run.info.start_time, run.info.end_time),
                "tags": tags,
                "params": run.data.params,
                "metrics": history,
                "many": sum(name.startswith("many ") for name in run.data.metrics),
                "artifacts": artifacts,
                "uri": run.info.artifact_uri,
                "data": [
                    (d.dataset.name, d.dataset.digest, json.loads(d.dataset.schema))
                    for d in run.inputs.dataset_inputs
                ],
            }
        )
    return found


def same(one: dict, other: dict) -> bool:
    """Equal but for MLflow's ids."""

    def plain(runs):
        return {
            name: [
                {k: v for k, v in run.items() if k not in ("id", "uri")} for run in n
            ]
            for name, n in runs.items()
        }

    return plain(one) == plain(other)


def journal_metrics(path: Path, name: str) -> list:
    """The (step, time, value) of one metric in a journal."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        (entry["step"], entry["time"], entry["values"][name])
        for entry in lines
        if name in entry.get("values", {})
    ]


def until(condition, seconds: float = 240):
    """Waits for something another process does."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


def test_import_and_start_are_instant():
    """The runner pays for neither: mlflow is imported in the child only."""
    code = "import sys, phistar.pipeline.tracking.ui; print('mlflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CODE, capture_output=True, text=True
    )
    assert done.stdout == "False\n"


def test_follower_sends_a_whole_run(root):
    record = records.whole_run(root, tags={"positive": "malignant"})
    follower = Follower(root, record.run_id)
    follower.start()
    assert follower.process.poll() is None  # nobody waits for it
    assert follower.finish()
    (run,) = view(root)["by hand"]
    journal = root / "mlruns/stages/train" / ("0" * 32) / "journal.jsonl"
    assert run["status"] == "FINISHED"
    entries = record.entries()
    assert run["time"] == (entries[0]["time"], entries[-1]["time"])
    assert run["params"] == {
        "task.name": "binary",
        "train.loss": "logistic",
    }
    # found on the way, so no parameter
    assert run["tags"]["train.num_parameters"] == "31"
    assert run["metrics"]["valid/nll"] == journal_metrics(journal, "valid_nll")
    assert len(run["metrics"]["valid/nll"]) == records.STEPS
    assert run["metrics"]["test/nll_prior"][0][2] == 0.6603
    assert run["artifacts"] == ["figures/margin.png"] + [
        f"stages/{stage}/manifest.json" for stage in ("ingest", "train", "evaluate")
    ]
    assert run["uri"].startswith(str(root / "mlruns/artifacts/breast_cancer"))
    assert [(name, digest) for name, digest, _ in run["data"]] == [
        (f"breast_cancer · {split}", f"{number}" * 32)
        for number, split in enumerate(records.ROWS)
    ]
    first, label = run["data"][0][2]["mlflow_colspec"]
    assert (first["name"], first["type"]) == ("mean radius", "finite number")
    assert label["name"] == "label"
    tags = run["tags"]
    assert tags["mlflow.source.name"] == "phistar run breast_cancer"
    assert tags["mlflow.source.git.commit"] == "0" * 40
    assert tags["phistar.run_id"] == record.run_id
    assert tags["positive"] == "malignant"
    assert tags["key.train"] == "0" * 32
    # without these words MLflow opens its pages for language models
    end = f"/runs/{run['id']}?workflowType=machine_learning"
    assert follower.address().endswith(end)
    assert follower.address().startswith("http://127.0.0.1:5000/#/experiments/")


def test_follower_is_silent(root):
    """No chatter of MLflow's, alembic's or SQLAlchemy's, at a first start either."""
    record = records.whole_run(root)
    done = command(root, "follow", record.run_id)  # its stdin ends at once
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_cached_run_is_complete(root, tables):
    origin = records.whole_run(root)
    cached = records.cached_run(root, origin)
    ui.sync(root)
    runs = view(root)
    (first,), (second,) = runs["by hand"], runs["cached"]
    for part in ("metrics", "artifacts", "data", "params"):
        assert first[part] == second[part]
    assert second["tags"]["cached_from.train"] == origin.run_id
    assert "cached_from.train" not in first["tags"]
    assert read_state(root, cached.run_id)["status"] == "FINISHED"


def test_curves_grow_while_the_stage_runs(root, tables):
    record = records.start(root)
    follower = Follower(root, record.run_id).start()

    def seen():
        runs = view(root).get("by hand")
        return len(runs[0]["metrics"].get("valid/nll", [])) if runs else 0

    def train(log, folder):
        records.train(log)
        until(lambda: seen() == records.STEPS)
        assert view(root)["by hand"][0]["status"] == "RUNNING"
        records.train(log, first=records.STEPS)
        until(lambda: any("system/" in n for n in view(root)["by hand"][0]["metrics"]))

    final = records.stage(record, "train", train)
    record.append("end", status="FINISHED")
    assert follower.finish()
    (run,) = view(root)["by hand"]
    expected = journal_metrics(final / "journal.jsonl", "valid_nll")
    assert run["metrics"]["valid/nll"] == expected
    assert len(expected) == 2 * records.STEPS
    load = run["metrics"]["system/cpu_utilization_percentage"]
    assert [step for step, _, _ in load] == list(range(len(load)))


def test_rebuilt_database_equals_the_first(root, tables):
    parent = records.start(root, "parent")
    one = records.whole_run(root, "one", 0.01, parent=parent.run_id)
    records.cached_run(root, one)
    parent.append("metrics", step=0, values={"test_nll": 0.1, "test_nll_sd": 0.02})
    parent.append("end", status="FINISHED")
    system = one.path.with_suffix(".system.jsonl")
    append(system, "metrics", step=0, values={"system/cpu": 1.5})
    assert ui.sync(root) == 3
    first = view(root)
    assert first["one"][0]["tags"]["parent"] == "parent"
    assert first["one"][0]["metrics"]["system/cpu"][0][2] == 1.5
    assert ui.sync(root) == 0
    assert view(root) == first
    (root / "mlruns/mlflow.db").unlink()
    assert command(root, "sync").stdout == "3 runs sent\n"
    # Another spelling: this process keeps the deleted file open under the first.
    rebuilt = view(root, f"sqlite:///{root}/./mlruns/mlflow.db")
    assert same(rebuilt, first)
    assert rebuilt["one"][0]["id"] != first["one"][0]["id"]


def test_killed_follower_leaves_no_gap_and_no_duplicate(root, tables):
    record = records.start(root)
    follower = Follower(root, record.run_id).start()

    def train(log, folder):
        for first in range(0, 300, 100):
            records.train(log, first=first, steps=100)
            if first == 100:
                until(lambda: read_state(root, record.run_id).get("running"))
                os.kill(follower.process.pid, signal.SIGKILL)
                follower.process.wait()

    final = records.stage(record, "train", train)
    record.append("end", status="FINISHED")
    assert not follower.finish()
    (run,) = view(root)["by hand"]
    assert run["status"] == "RUNNING"
    # Worse than any kill: MLflow has entries that the position does not count.
    state = read_state(root, record.run_id)
    state["offsets"] = {}
    write_state(record.path, state)
    assert ui.sync(root) == 1
    (run,) = view(root)["by hand"]
    assert run["status"] == "FINISHED"
    expected = journal_metrics(final / "journal.jsonl", "valid_nll")
    assert len(expected) == 300
    assert run["metrics"]["valid/nll"] == expected


def test_killed_between_create_and_position_makes_one_run(root, tables):
    record = records.whole_run(root)
    ui.sync(root)
    record.path.with_suffix(".sent.json").unlink()
    ui.sync(root)
    assert len(view(root)["by hand"]) == 1


def test_dead_runner_ends_as_killed(root, tables):
    record = records.start(root)
    follower = Follower(root, record.run_id).start()
    follower.finish()  # closes the pipe, as the runner's death does
    assert view(root)["by hand"][0]["status"] == "KILLED"
    assert [entry["kind"] for entry in record.entries()] == ["start"]


def test_sync_ends_orphans_and_leaves_the_living(root, tables):
    orphan, living = records.start(root, "orphan"), records.start(root, "living")
    records.die(orphan)
    ui.sync(root)
    runs = view(root)
    assert runs["orphan"][0]["status"] == "KILLED"
    assert runs["living"][0]["status"] == "RUNNING"
    living.append("end", status="FAILED")
    ui.sync(root)
    assert view(root)["living"][0]["status"] == "FAILED"


def test_resumed_record_stays_one_run(root, tables):
    record = records.start(root)
    records.stage(record, "train", lambda log, at: records.train(log))
    record.append("end", status="SCHEDULED")
    ui.sync(root)
    (before,) = view(root)["by hand"]
    assert before["status"] == "SCHEDULED"
    record.append("resume")
    records.stage(record, "evaluate", records.evaluate)
    record.append("end", status="FINISHED")
    ui.sync(root)
    (after,) = view(root)["by hand"]
    assert after["status"] == "FINISHED"
    assert after["id"] == before["id"]
    assert after["metrics"]["valid/nll"] == before["metrics"]["valid/nll"]
    assert "test/nll" in after["metrics"]


def test_stage_tried_again_shows_each_step_once(root, tables):
    """The first attempt is killed at step 3, the second runs from the start."""
    record = records.start(root)
    follower = Follower(root, record.run_id).start()
    draft = root / "mlruns/stages/train/.draft"
    draft.mkdir(parents=True)
    record.stage("train", records.KEY, "running", draft)
    records.train(Journal(draft / "journal.jsonl"), steps=3)
    follower.finish()
    assert view(root)["by hand"][0]["status"] == "KILLED"
    first = journal_metrics(draft / "journal.jsonl", "valid_nll")
    shutil.rmtree(draft)
    record.append("resume")
    final = records.stage(record, "train", lambda log, at: records.train(log))
    record.append("end", status="FINISHED")
    assert ui.sync(root) == 1
    (run,) = view(root)["by hand"]
    second = journal_metrics(final / "journal.jsonl", "valid_nll")
    assert run["metrics"]["valid/nll"] == first + second[3:]
    assert run["status"] == "FINISHED"


def test_failed_stage_shows_its_curve(root, tables):
    record = records.start(root)
    failed = root / "mlruns/runs/failed.jsonl.txt"
    records.train(Journal(failed))
    record.stage("train", "k", "failed", failed)
    record.append("end", status="FAILED")
    ui.sync(root)
    (run,) = view(root)["by hand"]
    assert run["status"] == "FAILED"
    assert run["metrics"]["valid/nll"] == journal_metrics(failed, "valid_nll")


def awkward(root):
    """Everything MLflow does not take as it is."""
    record = records.start(
        root,
        params={"long": "x" * 9000, "layers": [64, 64], "on": True, "none": None},
        tags={"long": "y" * 9000, "odd#name": 1},
    )

    def train(log, folder):
        log.params({"new": 1})
        log.metrics({"a@b": 1.0, "../c//d": 2.0}, step=0)
        log.metrics({"bad": math.nan, "up": math.inf, "down": -math.inf}, step=1)
        log.metrics({f"many {i}": float(i) for i in range(2500)}, step=2)
        log.params({f"p{i}": i for i in range(250)})
        log.figure("figures/missing.png")

    records.stage(record, "train", train)
    record.append("end", status="FINISHED")
    return record


def assert_awkward_arrived(run):
    assert run["status"] == "FINISHED"
    assert run["params"]["layers"] == "[64, 64]"
    assert (run["params"]["on"], run["params"]["none"]) == ("true", "null")
    # facts of a stage are tags
    assert run["tags"]["new"] == "1"
    assert sum(name[0] == "p" and name[1:].isdigit() for name in run["tags"]) == 250
    assert len(run["tags"]["long"]) == 8000
    assert run["tags"]["odd_name"] == "1"
    assert run["metrics"]["a_b"][0][2] == 1.0
    assert math.isnan(run["metrics"]["bad"][0][2])
    assert run["metrics"]["up"][0][2] > 1e300
    assert run["many"] == 2500


def test_record_that_mlflow_refuses_stops_no_other(root, tables, capsys):
    refused, other = records.start(root, "refused"), records.start(root, "other")
    records.rewrite(refused.path, lambda entry: entry | {"experiment": "x" * 600})
    assert ui.sync(root) == 1
    assert "other" in view(root)
    said = capsys.readouterr().err
    assert f"{refused.path.name}: left out: " in said and "too long" in said
    assert other.path.name not in said


def test_awkward_values_stop_nothing(root, tables, capsys):
    record = awkward(root)
    ui.sync(root)
    (run,) = view(root)["by hand"]
    assert_awkward_arrived(run)
    # Sent again with another value: the first one stays, the rest arrives.
    record.append("resume")
    record.append("end", status="FINISHED")
    state = read_state(root, record.run_id)
    first, *others = record.entries()
    text = json.dumps(first)
    assert "[64, 64]" in text
    records.write(record.path, [json.loads(text.replace("[64, 64]", "[1]")), *others])
    state["offsets"] = {}
    write_state(record.path, state)
    ui.sync(root)
    (run,) = view(root)["by hand"]
    assert run["params"]["layers"] == "[64, 64]"
    assert "layers" in capsys.readouterr().err


def test_moved_folder_finds_its_artifacts(root, tables, tmp_path):
    records.whole_run(root)
    ui.sync(root)
    other = tmp_path / "elsewhere"
    shutil.copytree(root, other)
    shutil.rmtree(root)
    assert relocate(other) == [str(root / "mlruns")]
    assert relocate(other) == []
    (run,) = view(other)["by hand"]
    assert run["uri"].startswith(str(other / "mlruns/artifacts"))
    assert "figures/margin.png" in run["artifacts"]
    assert ui.sync(other) == 0
    records.whole_run(other, "second", 0.02)
    ui.sync(other)
    (run,) = view(other)["second"]
    assert run["uri"].startswith(str(other / "mlruns/artifacts"))


def test_damaged_database_is_made_again_by_a_follower(root):
    record = records.whole_run(root)
    (root / "mlruns/mlflow.db").write_bytes(b"not a database" * 100)
    done = command(root, "follow", record.run_id)
    assert done.returncode == 0, done.stderr
    assert "cannot be read" in done.stderr and "is made again" in done.stderr
    assert "by hand" in view(root)


def test_two_first_starts_at_once(root):
    one, two = records.whole_run(root, "one"), records.whole_run(root, "two", 0.03)
    followers = [Follower(root, record.run_id).start() for record in (one, two)]
    assert [follower.finish() for follower in followers] == [True, True]
    runs = view(root)
    assert len(runs["one"][0]["metrics"]["valid/nll"]) == records.STEPS
    assert len(runs["two"][0]["metrics"]["valid/nll"]) == records.STEPS


def test_one_follower_serves_parent_and_children(root, tables):
    parent = records.start(root, "parent")
    follower = Follower(root, parent.run_id).start()
    for seed in range(3):
        child = records.whole_run(
            root, f"seed {seed}", 0.01 * seed, parent=parent.run_id
        )
        follower.add(child.run_id)
    parent.append("end", status="FINISHED")
    assert follower.finish()
    runs = view(root)
    assert runs["parent"][0]["status"] == "FINISHED"
    for seed in range(3):
        (run,) = runs[f"seed {seed}"]
        assert run["tags"]["parent"] == "parent"
        assert run["status"] == "FINISHED"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(root, port):
    """`phistar ui` as a process."""
    code = f"from phistar.pipeline.tracking import ui; ui.ui({str(root)!r}, {port})"
    with open(root / "server.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=CODE,
            stdout=log,
            stderr=log,
            env={k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
            start_new_session=True,
        )
    try:
        until(lambda: fetch(f"http://127.0.0.1:{port}/health") == b"OK")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def fetch(address: str) -> bytes | None:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.read()
    except OSError:
        return None


def hearing(capfd):
    """A function that gives all that was written to stderr so far."""
    parts = []

    def heard():
        parts.append(capfd.readouterr().err)
        return "".join(parts)

    return heard


def processes():
    """The arguments of every process of this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes()


def test_server_down_at_first_gets_everything(root, tmp_path, monkeypatch, capfd):
    """A server elsewhere: unreachable, then there; address, values, and a refusal."""
    port, home = free_port(), tmp_path / "server"
    home.mkdir()
    secret = "a-canary-of-mine"
    address = f"http://me:{secret}@127.0.0.1:{port}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    early = records.whole_run(root, "early", 0.01)
    hopeless = Follower(root, early.run_id, patience=1).start()
    heard = hearing(capfd)
    until(lambda: "MLflow does not answer. Received: http" in heard())
    assert not hopeless.finish()
    said = heard()
    assert "\nMLflow: " in said and said.endswith(f". {later(root)}\n")
    with pytest.raises(ConnectionError, match="does not answer") as refused:
        ui.ui(root, port)
    assert secret not in said + str(refused.value)
    record = awkward(root)
    follower = Follower(root, record.run_id, patience=300).start()
    time.sleep(3)
    assert follower.process.poll() is None
    with serving(home, port) as uri:
        assert follower.finish()
        assert secret not in "".join(map(str, processes()))
        (run,) = view(root, uri)["by hand"]
        assert_awkward_arrived(run)
        assert follower.address().startswith(f"{uri}/#/experiments/")
        done = command(root, "sync")
        assert (done.returncode, done.stdout) == (0, "1 runs sent\n")
        (run,) = view(root, uri)["early"]
        assert run["artifacts"][0] == "figures/margin.png"
        page = f"{uri}/get-artifact?path=figures/margin.png&run_uuid={run['id']}"
        assert fetch(page) == records.png()
        kept = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
        assert kept and not any(secret.encode() in content for content in kept)
        with pytest.raises(ValueError, match=f"port {port}"):
            monkeypatch.delenv("MLFLOW_TRACKING_URI")
            ui.ui(root, port)


def test_ui_prints_links_when_it_is_ready_and_ends_with_ctrl_c(root, tables):
    record, port = records.whole_run(root), free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "phistar", "ui"]
        + ["--root", str(root), "--port", str(port)],
        cwd=CODE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        first = process.stdout.readline()
        pages = f"http://127.0.0.1:{port}"
        assert fetch(f"{pages}/health") == b"OK"  # so the links work at once
        assert first.split() == ["MLflow", address.first_page(pages)]
        experiment = read_state(root, record.run_id)["experiment_id"]
        name, page = process.stdout.readline().split()
        assert name == "breast_cancer"
        assert page == address.results_page(pages, experiment)
        os.kill(process.pid, signal.SIGINT)  # the server is in another group
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    # neither warnings of MLflow nor its log of requests
    assert len(out.splitlines()) == 1
    assert [line.partition(" ")[0] for line in err.splitlines()] == ["MLflow's"] * 2
    assert fetch(f"{pages}/health") is None


def test_server_ends_with_its_parent(root, tables):
    port = free_port()
    code = (
        "import os, signal; from pathlib import Path;"
        "from phistar.pipeline.tracking import server;"
        f"m = Path({str(root / 'mlruns')!r});"
        f"p = server.start(m, 'sqlite:///' + str(m / 'mlflow.db'), {port});"
        f"server.wait_ready(p, m, {port}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CODE, timeout=240)
    assert done.returncode == -signal.SIGKILL
    until(lambda: fetch(f"http://127.0.0.1:{port}/health") is None)


def test_a_server_that_does_not_start_shows_its_log(root, tables):
    mlruns = root / "mlruns"
    uri = "nonsense://me:a-canary-of-mine@there"
    process = server.start(mlruns, uri, free_port())
    with pytest.raises(ConnectionError, match=r"mlflow\.log"):
        server.wait_ready(process, mlruns, 1)
    # every user of the machine can read arguments, and the log may be shown to others
    assert "canary" not in " ".join(process.args) + (mlruns / "mlflow.log").read_text()


def test_a_server_that_is_down_for_hours_is_asked_again():
    waits = [pause(failures) for failures in (0, 1, 5, 10**6)]
    assert waits == [0.2, 0.4, 4.0, 4.0]


def test_address_has_no_password(root, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example/x")
    first_page = "https://mlflow.example/x/#/experiments?workflowType=machine_learning"
    assert address.address(root, "0") == first_page
