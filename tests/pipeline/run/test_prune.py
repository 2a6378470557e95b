"""Prune removes what nothing needs, says how many bytes that is, and nothing else."""

import fcntl
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.runs import runs
from phistar.pipeline.run.prune import prune
from phistar.pipeline.store.champions import ORIGIN, serving
from phistar.pipeline.store.store import Store
from tests.helpers import records
from tests.helpers.results import OLD, aged, result, used


def known(root):
    """Ids of the runs below a root."""
    return {run.run_id for run in runs(root)}


def promoted(root, number, run_id, age=OLD, version=None):
    """Write a served version of a run, as promote does."""
    run = next(run for run in runs(root) if run.run_id == run_id)
    folder = serving(root, "breast_cancer") / str(number)
    (folder / ORIGIN).parent.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(f"model {number}")
    origin = {"run_id": run_id, "export": run.keys["export"], "version": version}
    origin |= {"time": int((time.time() - age) * 1000), "files": {}}
    (folder / ORIGIN).write_text(json.dumps(origin))
    return folder


def kept_results(root):
    """(stage, key) of all results in a store."""
    stages = (root / "mlruns" / "stages").glob("*/[!.]*")
    return {(path.parent.name, path.name) for path in stages}


def test_a_dry_run_changes_nothing_and_tells_the_bytes(tmp_path):
    old = result(tmp_path, data="one", losses=(0.1,))
    aged(tmp_path)
    new = result(tmp_path, data="two", losses=(0.2,))
    before = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    told = prune(tmp_path, 30)
    assert {path: path.stat().st_size for path in tmp_path.rglob("*")} == before
    assert [run["run_id"] for run in told["runs"]] == [old]
    assert (told["removed"], told["kept"]) == (False, {"new": 1})
    full = used(tmp_path)
    done = prune(tmp_path, 30, yes=True)
    assert done == told | {"removed": True}
    assert known(tmp_path) == {new}
    assert full - used(tmp_path) == told["bytes"] > 0
    assert prune(tmp_path, 30)["bytes"] == 0


def test_results_that_a_kept_run_needs_stay(tmp_path):
    old = result(tmp_path, 0.3, losses=(0.1,))
    aged(tmp_path)
    # the same data, so the same result of ingest; another report
    new = result(tmp_path, 0.4, losses=(0.2,))
    stay = {run.run_id: set(run.keys.items()) for run in runs(tmp_path)}
    prune(tmp_path, 30, yes=True)
    assert known(tmp_path) == {new}
    assert kept_results(tmp_path) == stay[new]
    assert len(stay[new] & stay[old]) == 1


def test_champions_and_their_predecessors_stay(tmp_path):
    ids = [result(tmp_path, 0.1 + n / 10, losses=(n / 10,)) for n in range(5)]
    places = [promoted(tmp_path, 1 + n, run) for n, run in enumerate(ids[:4])]
    aged(tmp_path)
    told = prune(tmp_path, 30, yes=True)
    assert known(tmp_path) == {ids[2], ids[3]}
    assert told["kept"] == {"served": 2}
    assert [path.exists() for path in places] == [False, False, True, True]
    assert not list(places[0].parent.glob(".*removed"))


def test_what_a_rollback_goes_back_to_stays(tmp_path):
    ids = [result(tmp_path, 0.1 + n / 10, losses=(n / 10,)) for n in range(3)]
    for number, (n, version) in enumerate(
        [(0, None), (1, None), (2, None), (1, 2)], start=1
    ):
        promoted(tmp_path, number, ids[n], version=version)
    aged(tmp_path)
    prune(tmp_path, 30, yes=True)
    # champion 4 is version 2 again; before that stood version 1
    folder = serving(tmp_path, "breast_cancer")
    assert sorted(path.name for path in folder.glob("[0-9]*")) == ["1", "4"]
    assert known(tmp_path) == {ids[0], ids[1]}


def test_pinned_runs_and_their_groups_stay(tmp_path):
    parent = result(tmp_path, None, name="several seeds")
    child = result(tmp_path, 0.2, losses=(0.1,), parent=parent)
    other = result(tmp_path, 0.3, losses=(0.2,))
    aged(tmp_path)
    told = prune(tmp_path, 30, pin=child)
    assert told["kept"] == {"pinned": 2}
    prune(tmp_path, 30, yes=True)
    assert known(tmp_path) == {parent, child}
    aged(tmp_path)
    assert len(prune(tmp_path, 30, unpin=child)["runs"]) == 2
    with pytest.raises(ValueError, match="no such run"):
        prune(tmp_path, 30, pin=other)


def test_what_works_meanwhile_is_not_disturbed(tmp_path):
    result(tmp_path, 0.2, losses=(0.1,))
    store = Store(tmp_path / "mlruns")
    results = kept_results(tmp_path)
    temporary = tmp_path / "mlruns/stages/train/.k.tmp-1-a"
    left = tmp_path / "mlruns/stages/train/.l.tmp-1-a"
    for path in (temporary, left):
        (path / "checkpoints").mkdir(parents=True)
    living = records.start(tmp_path, "living")
    aged(tmp_path)
    (ingested,) = [key for stage, key in results if stage == "ingest"]
    (exported,) = [key for stage, key in results if stage == "export"]
    read, write = os.pipe()
    if not (child := os.fork()):  # a run: its record is not on disk yet
        other = Store(tmp_path / "mlruns")
        assert other.get("ingest", ingested)
        held = os.open(temporary, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        with other.lock("export", exported):
            os.write(write, b"done")
            signal.pause()
    assert os.read(read, 4) == b"done"
    told = prune(tmp_path, 30, yes=True)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert ("ingest", ingested) in kept_results(tmp_path)  # used just now
    assert ("export", exported) in kept_results(tmp_path)  # being made again
    assert not store.path("evaluate", told["results"][0]["key"]).exists()
    assert temporary.exists() and not left.exists()
    assert known(tmp_path) == {living.run_id}
    assert told["kept"] == {"running": 1}


def test_a_run_that_is_continued_meanwhile_stays(tmp_path, monkeypatch):
    run_id = result(tmp_path, 0.2, status=None)
    record = Record(tmp_path, run_id)
    records.die(record)
    aged(tmp_path)
    read, write = os.pipe()
    from phistar.pipeline.run import prune as module

    def continued(*arguments):
        """Remove, once another process has continued the run."""
        nonlocal child
        if not (child := os.fork()):
            assert record.hold() is None
            os.write(write, b"done")
            signal.pause()
        assert os.read(read, 4) == b"done"
        remove(*arguments)

    child, remove = None, module.remove
    monkeypatch.setattr(module, "remove", continued)
    assert len(prune(tmp_path, 30, yes=True)["runs"]) == 1
    assert known(tmp_path) == {run_id}
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_files_that_are_kept_twice_become_one(tmp_path):
    result(tmp_path, 0.2, losses=(0.1,))
    (own,) = (tmp_path / "mlruns").glob("stages/evaluate/*/metrics.json")
    copies = [tmp_path / "mlruns/artifacts/e" / name for name in ("one", "two")]
    other = tmp_path / "mlruns/artifacts/e/other"
    copies[0].parent.mkdir(parents=True)
    for copy in copies:
        shutil.copy(own, copy)
    other.write_bytes(own.read_bytes()[::-1])  # as large, with other bytes
    full, told = used(tmp_path), prune(tmp_path, 30, yes=True)
    assert told["twins"] == {"number": 2, "bytes": 2 * own.stat().st_size}
    assert full - used(tmp_path) == told["bytes"]
    assert all(copy.samefile(own) for copy in copies) and not other.samefile(own)
    assert not [path for path in other.parent.iterdir() if path.name[0] == "."]
    assert Store(tmp_path / "mlruns").get("evaluate", own.parent.name)
    assert prune(tmp_path, 30)["twins"]["number"] == 0


def test_what_damage_has_left_goes(tmp_path):
    result(tmp_path, 0.2, losses=(0.1,))
    damaged = Path(tmp_path / "mlruns/stages/train/k.damaged-20260101T000000")
    damaged.mkdir(parents=True)
    (damaged / "weights.npz").write_bytes(bytes(1000))
    assert not prune(tmp_path, 30, yes=True)["left"]
    aged(damaged.parent)
    told = prune(tmp_path, 30, yes=True)
    assert told["left"] == [{"path": str(damaged), "bytes": 1000}]
    assert not damaged.exists()


def test_a_result_that_a_killed_writer_has_set_aside_stays(tmp_path):
    result(tmp_path, 0.2, losses=(0.1,))
    (path,) = (tmp_path / "mlruns").glob("stages/evaluate/[!.]*")
    aside = path.with_name(f".{path.name}.tmp-1-a-replaced")
    path.rename(aside)
    aged(aside.parent)
    assert not prune(tmp_path, 30, yes=True)["left"]
    assert Store(tmp_path / "mlruns").get("evaluate", path.name) == path
