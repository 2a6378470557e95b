"""Rank 0 lets in who belongs to it, and each rank says in one line what went wrong."""

import socket
import threading
import time

import pytest

from phistar.pipeline.launch import follower, leader, line
from phistar.pipeline.launch.follower import Follower
from phistar.pipeline.launch.leader import Leader
from phistar.pipeline.launch.place import Place
from phistar.pipeline.process.errors import Failure
from tests.helpers.ranks import free_port


@pytest.fixture
def rank_0(tmp_path, monkeypatch):
    """Leader of three processes."""
    monkeypatch.setattr(leader, "LATE_SECONDS", 0.0)
    with Leader(Place("127.0.0.1", free_port(), 3, 0), tmp_path) as found:
        yield found


@pytest.fixture
def come(rank_0, tmp_path):
    """Function: a rank comes, in a thread.  -> its list of failures."""

    def start(rank, root=tmp_path, **changes):
        failures = []

        def follow():
            try:
                Follower(rank_0.place._replace(rank=rank, **changes), root).follow()
            except Failure as failure:
                failures.append(failure)

        threading.Thread(target=follow, daemon=True).start()
        return failures

    return start


def until(condition, seconds=20):
    """Wait for another thread."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it never came true"
        time.sleep(0.01)


def only(failures):
    """The one failure of a rank, which is one line."""
    until(lambda: failures)
    (failure,) = failures
    assert "\n" not in str(failure)
    return str(failure)


def test_all_ranks_come_and_end_with_rank_0(rank_0, come):
    failures = [come(1), come(2)]
    rank_0._gather()
    assert sorted(rank_0.gate.lines) == [1, 2]
    with pytest.raises(RuntimeError), rank_0:
        raise RuntimeError("the disk is full")
    for each in failures:
        assert "rank 0: RuntimeError: the disk is full" in only(each)


def test_rank_that_comes_when_all_is_done_ends_well(tmp_path):
    place = Place("127.0.0.1", free_port(), 2, 0)
    ended = []

    def late():
        time.sleep(0.3)
        Follower(place._replace(rank=1), tmp_path).follow()
        ended.append(True)

    with Leader(place, tmp_path):  # with nothing to train
        threading.Thread(target=late, daemon=True).start()
    until(lambda: ended)


def test_rank_of_another_job_or_version_is_refused(rank_0, come, monkeypatch):
    assert "rank 1 of 4" in only(come(1, count=4))
    first = come(1)
    until(lambda: 1 in rank_0.gate.lines)
    assert "two processes have the same rank" in only(come(1))
    monkeypatch.setattr(follower, "version", lambda: "phistar of yesterday")
    assert "phistar of yesterday" in only(come(2))
    assert not first


def test_other_store_is_named_on_both_sides(rank_0, come, tmp_path, monkeypatch):
    monkeypatch.setattr(follower, "SEE_SECONDS", 0.1)
    come(1)
    assert f"{tmp_path}/elsewhere/mlruns" in only(come(2, tmp_path / "elsewhere"))
    with pytest.raises(Failure, match="rank 2 does not see the store") as caught:
        rank_0._gather()
    assert f"{tmp_path}/mlruns" in str(caught.value)


def test_rank_that_does_not_come_is_named(rank_0, come, monkeypatch):
    monkeypatch.setattr(leader, "GATHER_SECONDS", 0.5)
    come(2)
    until(lambda: 2 in rank_0.gate.lines)
    with pytest.raises(Failure, match="2 of 3; rank 1 did not"):
        rank_0._gather()


def test_rank_0_that_is_not_there_is_named_in_time(monkeypatch, tmp_path):
    assert follower.REACH_SECONDS < 30
    monkeypatch.setattr(follower, "REACH_SECONDS", 0.3)
    place = Place("127.0.0.1", free_port(), 2, 1)
    with pytest.raises(Failure, match="does not reach rank 0.*refused") as caught:
        Follower(place, tmp_path)
    assert place.address in str(caught.value)


def test_silence_is_an_end_and_signs_of_life_are_none(monkeypatch):
    monkeypatch.setattr(line, "BEAT_SECONDS", 0.05)
    ours, theirs = socket.socketpair()
    with theirs:
        kept = line.Line(ours)
        theirs.sendall(b'{}\nno message\n{"half":')
        threading.Timer(0.3, theirs.sendall, [b" 1}\n"]).start()
        assert kept.receive() == {"half": 1}
        with pytest.raises(line.Lost, match="is silent"):
            kept.receive()
        assert theirs.recv(100).startswith(b"{}\n{}\n")  # its own signs


def test_port_that_is_taken_is_named(rank_0, tmp_path):
    with pytest.raises(Failure, match="cannot listen"):
        Leader(rank_0.place, tmp_path)
