"""The end of `serve`: each request that came is answered, and it ends in time.

`make faults` has the long form: 10,000 requests on the way.
"""

import asyncio
import contextlib
import signal
import subprocess

import pytest

from phistar.pipeline.serving.http import listening
from tests.helpers.clients import Crowd
from tests.helpers.light import CHUNKED, HALF, HEAD, SLOW, Process, opened, request

REQUESTS = request(), request(close=True)


async def under_way(clients):
    """End a server that clients ask.  -> requests on the way then, Counts, its end"""
    server = Process()
    async with Crowd(server.port, REQUESTS, clients) as crowd:
        # whatever else this machine does, all clients ask by then
        while crowd.counts.answered < 2 * clients or not crowd.counts.waiting:
            await asyncio.sleep(0.001)
        waiting = crowd.counts.waiting
        ended = await asyncio.to_thread(server.end, signal.SIGTERM)
    return waiting, crowd.counts, ended


def assert_none_lost(clients, times, limit=None):
    """End servers at any moment.  -> requests that were on the way"""
    total = 0
    for _ in range(times):
        waiting, counts, (status, seconds, errors) = asyncio.run(under_way(clients))
        assert waiting and counts.answered and not counts.others
        assert counts.lost == 0, counts
        assert counts.sent == counts.answered + counts.busy
        assert (status, errors) == (-signal.SIGTERM, "")
        assert limit is None or seconds < limit
        total += waiting
    return total


def test_no_request_is_lost_at_sigterm():
    assert_none_lost(64, times=2)


@pytest.mark.slow
def test_of_ten_thousand_requests_none_is_lost_at_sigterm():
    found = assert_none_lost(512, times=30, limit=10)
    print(f"requests on the way at SIGTERM: {found}, lost: 0")
    assert found >= 10_000


# half of a head, of a body, of a chunk; and a request whose model does not end
UNENDING = HEAD, HALF, CHUNKED + b"ff\r\n", request(SLOW)


@pytest.mark.parametrize(
    "seconds", [0.5, pytest.param(listening.ANSWER_SECONDS, marks=pytest.mark.slow)]
)
def test_it_ends_within_ten_seconds_whatever_is_under_way(seconds):
    server = Process(seconds)
    with contextlib.ExitStack() as stack:
        for data in (b"", *UNENDING):
            stack.enter_context(opened(server.port, 1, data))
        with opened(server.port, 1, request(close=True)) as (one,):
            assert b" 200 " in one.makefile("rb").readline()
        status, took, _ = server.end(signal.SIGTERM)
    assert abs(status) in (signal.SIGTERM, 128 + signal.SIGTERM)
    assert took < 10


def test_a_second_signal_ends_it_at_once():
    server = Process()
    with opened(server.port, 1, HALF):
        with opened(server.port, 1, request(close=True)) as (one,):
            assert b" 200 " in one.makefile("rb").readline()
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.5)  # the half-sent request may come
        status, seconds, _ = server.end(signal.SIGTERM)
    assert status == 128 + signal.SIGTERM
    assert seconds < listening.ANSWER_SECONDS / 2
