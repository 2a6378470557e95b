"""A server that is down, or worse: told in bounded time, and nothing waits for ever."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from phistar.pipeline.process.output import last_word
from phistar.pipeline.record import marks
from phistar.pipeline.tracking import follower, reach, ui
from phistar.pipeline.tracking.target import Target
from tests.helpers import records
from tests.helpers.commands import CODE, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
# what a server does with a connection: bytes to send at once, seconds between them
BAD = {
    "closes at once": [],
    "says nothing": None,
    "no HTTP": [b"SSH-2.0-OpenSSH_9.6\r\n" * 3],
    "half an answer": [b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nO"],
    "has failed": [b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"],
    "is overloaded": [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"],
    "trickles its head": [b"H"] * 10**6,
    "trickles its body": [b"HTTP/1.1 200 OK\r\n\r\n", *[b"."] * 10**6],
}
GOOD = {
    "answers": [OK],
    "wants to know who asks": [b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n"],
    "has no such page": [b"HTTP/1.1 404 What\r\nContent-Length: 0\r\n\r\n"],
}


@contextlib.contextmanager
def serving(parts):
    """The address of a server that sends these bytes, a tenth of a second apart."""
    done = threading.Event()

    def answer(connection):
        with contextlib.suppress(OSError), connection:
            if parts is None:
                done.wait()
                return
            connection.recv(2**16)
            for part in parts:
                connection.sendall(part)
                if done.wait(0.05):
                    return

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", BAD)
def test_bad_server_is_told_in_bounded_time(kind):
    with serving(BAD[kind]) as uri:
        assert reach.fault(uri, 0.5)


@pytest.mark.parametrize("kind", GOOD)
def test_server_that_answers_has_no_fault(kind):
    with serving(GOOD[kind]) as uri:
        assert reach.fault(uri, 20.0) == ""


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:se/cret@host",
        "postgresql://me:pw@127.0.0.1:1/x",
        "http://127.0.0.1:1",
    ],
)
def test_down_or_odd_address_is_told_without_its_password(uri):
    why = reach.fault(uri)
    assert why and "se" not in why.split() and "pw" not in why


@pytest.mark.parametrize("command", ["ui", "promote", "rollback", "fetch"])
def test_command_that_needs_mlflow_ends_before_any_work(command, monkeypatch, tmp_path):
    from phistar.pipeline.serving import publish
    from phistar.pipeline.tracking import registry

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:a-canary@127.0.0.1:1")
    monkeypatch.setattr(publish, "require_promoted", lambda *_: None)
    call = {
        "ui": lambda: ui.ui(tmp_path),
        "promote": lambda: publish.promote("breast_cancer", tmp_path),
        "rollback": lambda: publish.rollback("breast_cancer", tmp_path),
        "fetch": lambda: registry.fetch("models:/a@champion", tmp_path),
    }[command]
    with pytest.raises(
        ConnectionError, match=r"does not answer\. Received: "
    ) as caught:
        call()
    assert "http://127.0.0.1:1: Connection refused" in str(caught.value)
    assert not list(tmp_path.iterdir())


def child(root, run_id, stderr, uri):
    """A follower whose run has ended.  -> Popen"""
    return subprocess.Popen(
        [sys.executable, "-m", "phistar.pipeline.tracking.ui", "follow"]
        + ["--root", str(root), "--patience", "1", run_id],
        env=os.environ | {"PYTHONPATH": str(CODE), "MLFLOW_TRACKING_URI": uri},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


def test_follower_ends_whatever_its_server_and_its_reader_do(tmp_path):
    record = records.whole_run(tmp_path)
    full, closed = os.pipe(), os.pipe()
    os.set_blocking(full[1], False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(full[1], b"x" * 4096)
    os.set_blocking(full[1], True)
    os.close(closed[0])
    with serving(BAD["trickles its body"]) as trickling:
        children = [
            child(tmp_path, record.run_id, full[1], trickling),
            child(tmp_path, record.run_id, closed[1], "http://127.0.0.1:1"),
        ]
        assert [one.wait(timeout=120) for one in children] == [1, 1]
    for end in (*full, closed[1]):
        os.close(end)


def test_limit_has_a_total_that_progress_does_not_move(monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(follower, "TOTAL_SECONDS", 0.3)
    limit = follower.Limit(0.2, "advice")
    threading.Thread(target=limit.run, daemon=True).start()
    while not ended:
        limit.progress()
        time.sleep(0.01)
    assert ended == [1]


def test_last_word_waits_for_no_reader():
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, b"x" * 4096)
    os.set_blocking(theirs, True)
    last_word("lost", theirs)  # returns
    os.close(ours)
    last_word("lost too", theirs)
    os.close(theirs)


def test_next_command_sends_what_the_follower_could_not(tmp_path, empty_database):
    """Killed with its follower, refused, whole but unsent, and still at work."""
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns/mlflow.db").write_bytes(empty_database.read_bytes())
    killed, living = (
        records.start(tmp_path, "killed"),
        records.start(tmp_path, "living"),
    )
    records.die(killed)
    whole = records.whole_run(tmp_path, "whole", 0.02)
    refused = records.whole_run(tmp_path, "refused", 0.03)
    records.rewrite(refused.path, lambda entry: entry | {"experiment": "x" * 600})
    done = subprocess.run(
        [sys.executable, "-m", "phistar", "runs", "--root", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    until(lambda: marks.marked(tmp_path) == [living.run_id] and marks.refused(tmp_path))
    assert list(marks.refused(tmp_path)) == [refused.run_id]
    client = Target(tmp_path).client
    experiment = client.get_experiment_by_name("breast_cancer").experiment_id
    runs = client.search_runs([experiment])
    found = {run.info.run_name: run.info.status for run in runs}
    assert found == {"killed": "KILLED", "whole": "FINISHED"}
    assert whole.path.with_suffix(".sent.json").exists()
    started = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follower, "_child", lambda *words, **_: started.append(words))
        follower.catch_up(tmp_path)  # nothing is left: no process
        assert not started
        living.append("end", status="FINISHED")
        follower.catch_up(tmp_path)
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
        follower.catch_up(tmp_path)  # that server was asked a moment ago
        assert [words[0] for words in started] == ["rest"]
