"""A journal gives back what was logged, whatever happened to its writer."""

import errno
import math
import multiprocessing
import os
import pty
import sys

import numpy as np
import pytest

from phistar.pipeline.record.journal import (
    Draft,
    Journal,
    Record,
    append,
    read,
    read_all,
    sealed,
)


def test_journal_gives_back_each_kind(tmp_path):
    log = Journal(tmp_path / "journal.jsonl")
    log.params({"train.num_parameters": 123, "shape": (8, 8)})
    log.metrics({"train_nll": np.float32(0.5)}, step=np.int64(3))
    log.figure("figures/margin.png")
    log.artifact("report.json")
    splits = {"train": {"digest": "ab", "rows": 2}}
    about = {"name": "d", "source": "s", "label": "y", "splits": splits}
    log.dataset(**about, schema={"x": "float32"})
    log.tags({"positive": "malignant"})
    entries, _ = read(log.path)
    assert [entry.pop("kind") for entry in entries] == [
        "params",
        "metrics",
        "artifact",
        "artifact",
        "dataset",
        "tags",
    ]
    assert all(isinstance(entry.pop("time"), int) for entry in entries)
    assert entries[0] == {"values": {"train.num_parameters": 123, "shape": [8, 8]}}
    assert entries[1] == {"step": 3, "values": {"train_nll": 0.5}}
    assert entries[2] == {"path": "figures/margin.png"}
    assert entries[4] == about | {"schema": {"x": "float32"}}


def test_metrics_keep_values_that_are_not_finite(tmp_path):
    log = Journal(tmp_path / "journal.jsonl")
    log.metrics({"a": math.nan, "b": math.inf, "c": -math.inf}, step=0)
    values = read(log.path)[0][0]["values"]
    assert math.isnan(values["a"])
    assert (values["b"], values["c"]) == (math.inf, -math.inf)


@pytest.mark.parametrize("path", ["/etc/passwd", "../other.png"])
def test_artifact_stays_inside_the_folder(tmp_path, path):
    with pytest.raises(ValueError, match="Received"):
        Journal(tmp_path / "journal.jsonl").figure(path)


def test_read_leaves_a_torn_last_line_for_later(tmp_path):
    path = tmp_path / "journal.jsonl"
    append(path, "tags", values={"a": "ä"})
    whole = path.stat().st_size
    line = sealed(b'{"kind": "metrics"}') + b"\n"
    with open(path, "ab") as file:
        file.write(line[:14])
    entries, offset = read(path)
    assert (len(entries), offset) == (1, whole)
    with open(path, "ab") as file:
        file.write(line[14:])
    assert read(path, offset)[0] == [{"kind": "metrics"}]


def test_append_after_a_torn_line_loses_only_that_line(tmp_path):
    path = tmp_path / "journal.jsonl"
    append(path, "tags", n=1)
    with open(path, "ab") as file:
        file.write(b'{"kind": "ta')
    append(path, "end")
    assert [entry["kind"] for entry in read(path)[0]] == ["tags", "end"]


def test_no_flipped_bit_is_believed(tmp_path, capsys):
    path = tmp_path / "journal.jsonl"
    append(path, "metrics", step=1, values={"ä": 0.5})
    append(path, "end", status="FINISHED")
    whole, entries = path.read_bytes(), read(path)[0]
    for place in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            found = read(path)[0]
            assert len(found) < 2 and all(entry in entries for entry in found)
    assert capsys.readouterr().err.count("has a damaged line") == 1


def test_read_in_pieces_equals_read_at_once(tmp_path):
    path = tmp_path / "journal.jsonl"
    pieces, offset = [], 0
    for step in range(5):
        append(path, "metrics", step=step)
        entries, offset = read(path, offset)
        pieces += entries
    assert pieces == read(path)[0]
    assert offset == path.stat().st_size


@pytest.mark.parametrize("taken", [0, 1, 7, -1])
def test_a_line_of_which_a_part_was_written_is_written_again(
    tmp_path, monkeypatch, taken
):
    path, write, calls = tmp_path / "journal.jsonl", os.write, []
    append(path, "tags", n=1)

    def short(file, line):
        calls.append(line)
        if len(calls) > 1:
            return write(file, line)
        count = write(file, line[:taken])
        monkeypatch.setattr(os, "write", write)
        append(path, "tags", n=3)  # of another process
        monkeypatch.setattr(os, "write", short)
        return count

    monkeypatch.setattr(os, "write", short)
    append(path, "tags", n=2)
    monkeypatch.undo()
    append(path, "end")
    entries = [entry for entry in read(path)[0] if entry["kind"] == "tags"]
    assert sorted(entry["n"] for entry in entries) == [1, 2, 3]
    assert read(path)[0][-1]["kind"] == "end"


def test_a_line_that_cannot_be_written_is_an_error_with_its_file(tmp_path, monkeypatch):
    path = tmp_path / "journal.jsonl"

    def full(file, line):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=f"No space left on device.*{path}"):
        append(path, "end", status="FINISHED")
    monkeypatch.setattr(os, "write", lambda file, line: 0)
    with pytest.raises(OSError, match=f"only a part of a line.*{path}"):
        append(path, "end", status="FINISHED")


def _write_many(path, worker):
    for step in range(200):
        append(path, "metrics", worker=worker, step=step)


@pytest.mark.heavy
def test_append_from_several_processes_tears_nothing(tmp_path):
    path = tmp_path / "journal.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_write_many, args=(path, index)) for index in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    entries, offset = read(path)
    assert offset == path.stat().st_size
    assert sorted((entry["worker"], entry["step"]) for entry in entries) == [
        (worker, step) for worker in range(3) for step in range(200)
    ]


def test_read_all_sorts_records_by_start(tmp_path):
    for run_id in ("b", "a"):
        record = Record(tmp_path, run_id)
        record.append("start", time=len(run_id) + ord("z") - ord(run_id), name=run_id)
        record.append("end", status="FINISHED")
    append(tmp_path / "mlruns/runs/a.system.jsonl", "metrics", step=0, values={})
    (tmp_path / "mlruns/runs/empty.jsonl").touch()
    found = read_all(tmp_path)
    assert [record.run_id for record, _ in found] == ["b", "a"]
    assert found[0][1][0]["pid"] == os.getpid()
    assert found[0][1][0]["run_id"] == "b"
    assert found[0][1][-1]["status"] == "FINISHED"


def test_progress_is_a_bar_on_a_terminal(tmp_path, monkeypatch, capsys):
    ours, theirs = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with open(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        log = Journal(tmp_path / "journal.jsonl", title="train")
        for step in range(1, 11):
            log.progress(step, 10, {"loss": 0.5})
            log.metrics({"loss": 0.5}, step=step)
        log.close()
        assert sys.stderr is terminal  # as before
    shown = os.read(ours, 2**16).decode()
    os.close(ours)
    assert "train" in shown
    assert "10/10" in shown
    assert "loss 0.5" in shown
    assert "step 1" not in shown
    assert capsys.readouterr().out == ""
    assert {entry["kind"] for entry in read(log.path)[0]} == {"metrics"}


def test_progress_is_plain_lines_elsewhere(tmp_path, capsys):
    log = Journal(tmp_path / "journal.jsonl", title="train")
    for step in range(1, 4):
        log.progress(step, 3, {"loss": 0.5})
    log.metrics({f"m{i}": 0.123456 for i in range(8)}, step=3)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "train step 3/3  m0 0.1235  m1 0.1235  m2 0.1235  m3 0.1235  m4 0.1235  "
        "m5 0.1235  and 2 more"
    ]


def test_draft_is_written_when_a_stage_trains_and_then_equals_a_record(tmp_path):
    calls = []
    draft = Draft(
        tmp_path, "a", lambda: calls.append("start"), lambda: calls.append("open")
    )
    folder = tmp_path / "mlruns" / "stages" / "ingest" / "k"
    draft.append("start", name="a")
    draft.stage("ingest", "k", "cached", folder)
    assert (draft.path.exists(), calls) == (False, [])
    draft.stage("build", "k", "running", folder)
    assert (draft.path.exists(), calls) == (False, ["start"])
    held = draft.entries()
    draft.stage("train", "k", "running", folder)
    assert calls == ["start", "start", "open"]
    assert draft.entries() == read(draft.path)[0]
    assert draft.entries()[:-1] == held
    draft.append("end", status="FINISHED")
    assert [entry["kind"] for entry in read(draft.path)[0]][-2:] == ["stage", "end"]
