"""Clients that are slow, silent, or never stop to send: nobody else waits for them."""

import socket
import time

import pytest

from phistar.pipeline.serving.http import bodies, connection, guard
from tests.helpers.commands import until
from tests.helpers.light import CHUNKED, HALF, HEAD, application, opened, request
from tests.helpers.serving import answering, free_port

LARGE = b"GET /large HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
MIB = 2**20


@pytest.fixture
def running():
    """A server of `serve`'s own parts.  -> (port, uvicorn's server)"""
    with answering(application(guard.door("127.0.0.1")), port := free_port()) as server:
        yield port, server


def status(port):
    """The status of an answer to a request."""
    with opened(port, 1, request(close=True)) as (one,):
        return int(one.makefile("rb").readline().split()[1])


def ended(one):
    """True once the server has closed a connection."""
    try:
        return one.recv(2**20) == b""
    except ConnectionError:
        return True


SILENT = {
    "nothing": b"",
    "half of a head": HEAD + b"a: b",
    "no body": HALF,
    "half of a body": HALF + b'{"inputs": ',
    "half of a chunk": CHUNKED + b"ff\r\nabc",
    "an answer that is not read": LARGE,
}


@pytest.mark.parametrize("kind", SILENT)
def test_seventy_silent_clients_take_nobodys_place(running, kind):
    number = 5 if SILENT[kind] == LARGE else 70
    with opened(running[0], number, SILENT[kind]):
        until(lambda: len(running[1].server_state.connections) == number)
        assert status(running[0]) == 200


@pytest.mark.parametrize("kind", SILENT)
def test_a_silent_client_is_cut(running, monkeypatch, kind):
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "WRITE_SECONDS"):
        monkeypatch.setattr(connection, name, 0.3)
    with opened(running[0], 1, SILENT[kind]) as (one,):
        if kind != "an answer that is not read":
            assert ended(one)
        until(lambda: not running[1].server_state.connections)
    assert status(running[0]) == 200


def test_a_client_that_was_refused_by_its_head_is_cut_after_its_body(
    running, monkeypatch
):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    with opened(running[0], 1, HALF.replace(b"127.0.0.1", b"evil.example")) as (one,):
        assert b" 403 " in one.makefile("rb").readline()
        one.sendall(b" " * 900)
        until(lambda: not running[1].server_state.connections)


def test_a_client_that_sends_a_byte_at_times_is_cut_too(running, monkeypatch):
    monkeypatch.setattr(connection, "BODY_SECONDS", 0.5)
    with opened(running[0], 1, HALF) as (one,), pytest.raises(ConnectionError):
        for _ in range(200):
            one.sendall(b" ")
            time.sleep(0.05)
    until(lambda: not running[1].server_state.tasks)


ENDLESS = {
    "field of a head": (HEAD + b"a: ", b"b" * 2**16),
    "fields of a head": (HEAD, b"a: b\r\n" * 2**13),
    "path": (b"GET /", b"b" * 2**16),
    "empty lines": (b"", b"\r\n" * 2**15),
    "chunk's extension": (CHUNKED + b"1;a=", b"b" * 2**16),
    "field behind a body": (CHUNKED + b"0\r\na: ", b"b" * 2**16),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_is_no_body_has_an_end(running, kind):
    first, more = ENDLESS[kind]
    sent = 0
    with opened(running[0], 1, first) as (one,):
        with pytest.raises(ConnectionError):
            while sent < 300 * MIB:
                sent += one.send(more)
        assert sent < 20 * MIB  # most of it lies in the buffers of the two sockets
    assert status(running[0]) == 200


def test_fields_behind_a_body_are_left_out(running):
    text = b'{"inputs": {"x": [1.0]}}'
    data = CHUNKED + b"%x\r\n%s\r\n0\r\nconnection: close\r\n\r\n" % (len(text), text)
    with opened(running[0], 1, data + LARGE) as (one,):
        assert b" 200 " in one.makefile("rb").readline()


def test_one_connection_more_takes_the_place_of_the_one_that_waits_longest(
    running, monkeypatch
):
    monkeypatch.setattr(connection, "MOST", 8)
    with opened(running[0], 8) as idle:
        assert status(running[0]) == 200
        assert ended(idle[0])
        idle[-1].sendall(request())
        assert b" 200 " in idle[-1].makefile("rb").readline()


def test_bodies_fill_no_memory_and_free_it(running, monkeypatch):
    monkeypatch.setattr(bodies, "MAX_HELD", 1000)
    half = HALF + b" " * 899
    with opened(running[0], 1, half) as (first,):
        until(lambda: running[1].server_state.tasks)
        time.sleep(0.1)
        with opened(running[0], 1, half + b" ") as (second,):
            assert b" 503 " in second.makefile("rb").readline()
        first.sendall(b" ")
        assert b" 400 " in first.makefile("rb").readline()
    for _ in range(3):  # a client that leaves holds nothing
        with opened(running[0], 1, half):
            pass
    until(lambda: not running[1].server_state.tasks)
    assert status(running[0]) == 200


def test_half_a_body_is_no_request(running, monkeypatch, capfd):
    text = b'{"inputs": {"x": [1.0]}}'  # whole, but the head says 900 bytes
    asked = []
    monkeypatch.setattr(
        "tests.helpers.light.Light.call", lambda *given: asked.append(given)
    )
    with opened(running[0], 1, HALF + text) as (one,):
        one.shutdown(socket.SHUT_WR)
    until(lambda: not running[1].server_state.tasks)
    assert asked == [] and capfd.readouterr().err == ""
