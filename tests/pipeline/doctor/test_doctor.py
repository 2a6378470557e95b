"""`phistar doctor` finds and mends planted damages; what is at work it leaves alone."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from phistar.components import digests
from phistar.pipeline.cli.main import main
from phistar.pipeline.doctor import command
from phistar.pipeline.doctor.command import doctor
from phistar.pipeline.record import journal, marks
from phistar.pipeline.store import champions
from phistar.pipeline.store.store import Store
from tests.helpers import records

LONG_AGO = time.time() - 10**5


def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


class Project:
    """A root; each use of an attribute makes a new result, version or record."""

    def __init__(self, root):
        self.root, self.runs, self.number = root, marks.folder(root), 0
        self.store = Store(root / "mlruns")
        for _ in (self.result, self.version, self.record):
            pass

    def key(self):
        """A new key."""
        self.number += 1
        return f"{self.number:032x}"

    @property
    def result(self):
        """A result of a stage."""
        key = self.key()
        with self.store.write("ingest", key, {}, {"run_id": "0" * 32}) as folder:
            (folder / "array.npy").write_bytes(bytes(range(200)))
        return self.store.path("ingest", key)

    @property
    def version(self):
        """A version that is served, with its export in the store."""
        key = self.key()
        with self.store.write("export", key, {}, {"run_id": "0" * 32}) as folder:
            (folder / "saved_model").mkdir()
            (folder / "saved_model" / "saved_model.pb").write_bytes(b"a graph")
        version = champions.serving(self.root, key) / "1"
        shutil.copytree(self.store.path("export", key) / "saved_model", version)
        (version.parent / ".lock").touch()
        place = version / champions.ORIGIN
        place.parent.mkdir()
        about = {"export": key, "files": champions.files(version)}
        place.write_text(json.dumps(about))
        return version

    @property
    def record(self):
        """The record of a run that has ended, and its process too."""
        record = records.start(self.root)
        record.append("metrics", step=0, values={"test_nll": 0.1})
        record.append("end", status="FINISHED")
        gone = dead()
        records.rewrite(
            record.path, lambda e: e | ({"pid": gone} if "pid" in e else {})
        )
        marks.unmark(record.path)
        return record.path

    def files(self):
        """Bytes of every file, by its path."""
        every = self.root.rglob("*")
        return {path: path.read_bytes() for path in every if path.is_file()}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A Project that is sound, but for MLflow, which has a test of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("MLflow", "packages", "the disk"):  # those of this machine
        monkeypatch.delitem(command.CHECKS, name)
    return Project(tmp_path / "root")


def put(path, content=b"x", since=LONG_AGO):
    """Write a file that is not new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (since, since))


def flip(path, place):
    """Flip a bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.unlink()  # it may be a link to another one
    path.write_bytes(content)


def shorter(record, rest=b""):
    """Let a record stop after its first line, or within the next one."""
    record.write_bytes(record.read_bytes().split(b"\n")[0] + b"\n" + rest)


def renamed(result):
    """Give a result the name of another one."""
    result.rename(result.with_name(result.name.replace("0", "f")))


DAMAGES = {
    "a flipped bit of a result": lambda p: flip(p.result / "array.npy", 77),
    "a file of a result gone": lambda p: (p.result / "array.npy").unlink(),
    "a file of a result cut": lambda p: os.truncate(p.result / "array.npy", 9),
    "a file in a result": lambda p: put(p.result / "more.npy"),
    "no manifest": lambda p: (p.result / "manifest.json").unlink(),
    "a flipped bit of a manifest": lambda p: flip(p.result / "manifest.json", 40),
    "a result under another key": lambda p: renamed(p.result),
    "half a result": lambda p: put(p.result.parent / f".{p.key()}.tmp-1-ab" / "a.npy"),
    "a lock of nothing": lambda p: put(p.result.parent / f".{p.key()}.lock", b"1\n"),
    "half a version": lambda p: put(p.version.parent / ".2.abcd" / "saved_model.pb"),
    "a flipped bit of a champion": lambda p: flip(p.version / "saved_model.pb", 2),
    "a file of a champion gone": lambda p: (p.version / "saved_model.pb").unlink(),
    "a file in a champion": lambda p: put(p.version / "more.pb"),
    "a damaged line of a record": lambda p: flip(p.record, -30),
    "a record without its start": lambda p: flip(p.record, 30),
    "a record without an end": lambda p: shorter(p.record),
    "a torn record": lambda p: shorter(p.record, b'{"kind": "sta'),
    "no position of the sender": lambda p: put(
        p.record.with_suffix(".sent.json"), b"{"
    ),
    "files of no run": lambda p: put(p.runs / f"{'e' * 32}.system.jsonl"),
    "a draft of the sender": lambda p: put(p.record.with_suffix(".sent.7.tmp")),
    "a damaged memory of hashes": lambda p: put(digests.place(), b"no database" * 99),
}


def left(answer):
    """The findings that harm, or that could be mended."""
    return [row for row in answer["findings"] if row["harm"] or row["mendable"]]


def test_sound_project_has_no_finding_and_stays_as_it_is(project):
    before = project.files()
    answer = doctor(project.root, mend=True)
    assert (answer["sound"], left(answer)) == (True, [])
    assert project.files() == before


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_and_mended(name, project):
    DAMAGES[name](project)
    before = project.files()
    found = left(doctor(project.root))
    assert found and all(row["mendable"] for row in found)
    assert project.files() == before  # to look changes nothing
    done = doctor(project.root, mend=True)
    assert done["sound"] and all(row["mended"] for row in left(done)), done
    again = doctor(project.root)
    assert left(again) == []


def test_all_damages_at_once(project, capsys):
    for damage in DAMAGES.values():
        damage(project)
    assert main(["doctor", "--root", str(project.root)]) == 1
    said = capsys.readouterr().out
    assert "`phistar doctor --mend` mends what is safe" in said
    assert main(["doctor", "--mend", "--root", str(project.root), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["findings"]) >= len(DAMAGES) >= 15
    assert all(row["mended"] for row in answer["findings"])
    assert left(doctor(project.root)) == []


def test_what_is_at_work_is_left_alone(project):
    store, version = project.result.parent, project.version
    draft, lock = store / f".{'f' * 32}.tmp-1-ab", store / f".{'f' * 32}.lock"
    put(draft / "a.npy")
    put(lock)
    put(version.parent / ".2.abcd" / "saved_model.pb")
    records.start(project.root, "at work")  # by this process
    places = (draft, lock, version.parent / ".lock")
    held = [os.open(place, os.O_RDONLY) for place in places]
    for one in held:
        fcntl.flock(one, fcntl.LOCK_EX)
    before = project.files()
    answer = doctor(project.root, mend=True)
    assert left(answer) == []
    assert project.files() == before
    for one in held:
        os.close(one)


def test_champion_without_a_whole_copy_is_told_with_advice(project):
    version = project.version
    for path in (version, project.store.path("export", version.parent.name)):
        for file in path.rglob("saved_model.pb"):
            flip(file, 2)
    answer = doctor(project.root, mend=True)
    assert not answer["sound"]
    (row,) = [row for row in left(answer) if not row["mended"]]
    assert row["check"] == "serving" and row["place"].endswith("/1/saved_model.pb")
    assert "phistar rollback" in row["advice"]


def test_clock_that_is_behind_is_told(project):
    records.rewrite(project.record, lambda e: e | {"time": e["time"] + 10**7})
    (row,) = left(doctor(project.root))
    assert row["check"] == "clock" and "ahead" in row["problem"]


def untrue(root, database):
    """Let MLflow have another status than the record."""
    import sqlite3

    with sqlite3.connect(database) as found:
        found.execute("UPDATE runs SET status = 'RUNNING'")


def deleted(root, database):
    """Let MLflow have no run."""
    import sqlite3

    with sqlite3.connect(database) as found:
        for table in ("latest_metrics", "metrics", "params", "tags", "runs"):
            found.execute(f"DELETE FROM {table}")


MLFLOW = {
    "a status that is untrue": untrue,
    "a run that MLflow lacks": deleted,
    "no database": lambda root, database: database.unlink(),
    "a database that is none": lambda root, database: database.write_bytes(b"x" * 9999),
    "half a database": lambda root, database: put(
        database.with_name(".mlflow.db.new-1")
    ),
}


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in list(MLFLOW)[1:]]


@pytest.mark.heavy
@pytest.mark.parametrize("name", [next(iter(MLFLOW)), *SLOW])
def test_mlflow_is_brought_to_the_truth(name, tmp_path, empty_database, monkeypatch):
    for check in set(command.CHECKS) - {"MLflow"}:
        monkeypatch.delitem(command.CHECKS, check)
    root = tmp_path / "root"
    record = records.start(root)
    record.append("end", status="FINISHED")
    database = root / "mlruns" / "mlflow.db"
    shutil.copy(empty_database, database)
    (database.parent / ".mlflow.lock").touch()
    sync = [
        sys.executable,
        "-m",
        "phistar.pipeline.tracking.ui",
        "sync",
        "--root",
        root,
    ]
    subprocess.check_call(sync)  # not here: this process would keep the file open
    assert doctor(root)["sound"]
    MLFLOW[name](root, database)
    assert not doctor(root)["sound"]
    done = subprocess.run(
        [sys.executable, "-m", "phistar", "doctor", "--mend", "--root", root, "--json"],
        capture_output=True,
        text=True,
    )
    mended = json.loads(done.stdout)["findings"]
    assert any(row["check"] == "MLflow" and row["mended"] for row in mended), mended
    assert doctor(root)["sound"]
    assert journal.Record(root, record.run_id).entries()[-1]["status"] == "FINISHED"
