"""A record is alive as long as the process that writes it, and no longer."""

import os
import signal

import pytest

from phistar.pipeline.process.errors import Failure
from phistar.pipeline.record import journal, life, runs
from phistar.pipeline.record.journal import Draft, Record
from phistar.pipeline.run.execution import unfinished
from tests.helpers import records


def in_child(work):
    """Call `work` in a process that is then killed.  -> its pid, which is free again"""
    read, write = os.pipe()
    if not (child := os.fork()):
        work()
        os.write(write, b"done")
        signal.pause()
    assert os.read(read, 4) == b"done"
    return child


def kill(child):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_killed_writer_is_dead_and_a_living_one_alive(tmp_path):
    record = Record(tmp_path, "0" * 32)
    child = in_child(lambda: record.append("start", name="a"))
    assert life.alive(record.path)
    assert not life.hold(record.path)
    with pytest.raises(Failure, match="another process writes this run"):
        record.append("resume")
    kill(child)
    assert not life.alive(record.path)
    record.append("resume")
    assert life.alive(record.path)
    record.append("end", status="FINISHED")
    assert not life.alive(record.path)
    assert not list(record.path.parent.glob("*.alive"))


# A container runs everything as process 1, and may have a new name when it is started
# again: neither the pid nor the host of a record tells anything.
@pytest.mark.parametrize("host", ["the same", "another"])
@pytest.mark.parametrize("pid", ["of a living process", "of a dead process"])
def test_neither_pid_nor_host_decide(tmp_path, monkeypatch, host, pid):
    if host == "another":
        monkeypatch.setattr(journal.socket, "gethostname", lambda: "before")
    record = Record(tmp_path, "0" * 32)
    child = in_child(lambda: record.append("start", name="a"))
    number = os.getpid() if pid == "of a living process" else child
    records.rewrite(record.path, lambda entry: entry | {"pid": number})
    monkeypatch.undo()
    assert life.alive(record.path)
    kill(child)
    assert not life.alive(record.path)


def test_a_killed_run_is_continued_by_one_process_only(tmp_path):
    fields = {"experiment": "e", "params": {}, "tags": {}, "parent": None}
    record = Record(tmp_path, "0" * 32)
    child = in_child(lambda: record.append("start", name="a", **fields))
    found = journal.read_all(tmp_path)
    assert unfinished(found, fields) is None
    kill(child)
    other = in_child(lambda: unfinished(found, fields).append("resume"))
    assert unfinished(found, fields) is None
    kill(other)
    # it was continued meanwhile: what was read before is no longer all of it
    assert unfinished(found, fields) is None
    assert not life.alive(record.path)
    assert unfinished(journal.read_all(tmp_path), fields).run_id == record.run_id
    life.release(record.path)


def test_the_list_of_runs_tells_the_living_from_the_dead(tmp_path):
    for name in ("living", "dead"):
        record = records.start(tmp_path, name)
    records.die(record)
    found = {run.name: run.status for run in runs.runs(tmp_path)}
    assert found == {"living": "running", "dead": "stopped"}


def test_a_draft_is_alive_from_its_first_line_on(tmp_path):
    seen = []
    draft = Draft(
        tmp_path, "a", lambda: None, lambda: seen.append(life.alive(draft.path))
    )
    draft.append("start", name="a")
    assert not life.alive(draft.path)
    draft.open()
    assert seen == [True]
    draft.append("end", status="FINISHED")
    assert not life.alive(draft.path)


def test_a_lock_that_its_holder_removes_is_taken_anew(tmp_path):
    path = tmp_path / "a.jsonl"

    def hold_and_release():
        assert life.hold(path)

    child = in_child(hold_and_release)
    kill(child)  # it leaves the file
    assert (tmp_path / "a.alive").exists()
    assert life.hold(path) and life.hold(path)
    life.release(path)
    life.release(path)
    assert not (tmp_path / "a.alive").exists()
