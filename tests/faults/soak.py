"""A soak of `phistar serve`: 64 clients and promotions, for an hour.

python -m tests.faults.soak [--seconds 3600] [--clients 64]

A tiny model is trained twice and served. While the clients ask, the two are promoted in
turns: the server keeps the version that it was started with. Then it gets SIGTERM while
they ask. Printed are the figures; the status is 1 if one of them is not as promised:

    answers lost            0; a 503 is an answer
    memory                  within 2 % of its median, after the first tenth of the time
    open files              as many as before the clients, once they have gone
    end after SIGTERM       within 10 s
"""

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.helpers.clients import Crowd
from tests.helpers.commands import start
from tests.helpers.serving import Server

RECIPE = "breast_cancer"
TINY = ("train.epochs=null", "train.eval_every=2")
LOOK_SECONDS = 5.0  # between two looks at the memory
SPREAD = 0.02  # of the memory, as a share of its median
END_SECONDS = 10.0
MIB = 2**20


def main():
    """Print the figures.  -> exit status"""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--clients", type=int, default=64)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        runs = trained(Path(root))
        server = Server(Path(root), RECIPE, "--quiet")
        server.ready()
        try:
            found = asyncio.run(soak(server, runs, given.seconds, given.clients))
        finally:
            server.process.kill()
    return report(*found)


def trained(root):
    """Two runs of the recipe, the first one promoted.  -> their ids"""
    runs = []
    for steps in (2, 4):
        done = command("run", RECIPE, *TINY, f"train.steps={steps}", root=root)
        runs.append(json.loads(done.splitlines()[-1])["run_id"])
    promoted(root, runs[0])
    return runs


def promoted(root, run):
    """Promote a run, which has learned little."""
    command("promote", run, "--anyway", root=root)


def command(*words, root):
    """Run a command, however long it takes: the machine is busy.  -> its stdout"""
    process = start(*words, root=root)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    return stdout


async def soak(server, runs, seconds, clients):
    """Ask for some time, then end the server.

    Returns:
        (Counts; memory, bytes, of each look; open files before and after the clients;
        promotions; seconds until the end).
    """
    process = psutil.Process(server.process.pid)
    requests = request(server), request(server, b"connection: close\r\n")
    async with Crowd(server.port, requests, 4):
        await asyncio.sleep(3)  # what the first requests open stays open
    before = await files(process, most=0)
    crowd = Crowd(server.port, requests, clients)
    looks, promotions = [], 0
    async with crowd:
        began = time.monotonic()
        task = asyncio.create_task(asyncio.sleep(0))
        while time.monotonic() < began + seconds:
            await asyncio.sleep(LOOK_SECONDS)
            looks.append((time.monotonic() - began, process.memory_info().rss))
            if task.done():
                task = asyncio.create_task(
                    asyncio.to_thread(promoted, server.root, runs[promotions % 2])
                )
                promotions += 1
        await task
    after = await files(process, before)
    async with Crowd(server.port, requests, clients, counts=crowd.counts):
        await asyncio.sleep(2)
        began = time.monotonic()
        await asyncio.to_thread(server.end, signal.SIGTERM)
        ended = time.monotonic() - began
    memory = [size for at, size in looks if at > seconds / 10]
    return crowd.counts, memory, (before, after), promotions, ended


async def files(process, most):
    """Open files of a process, once they are few, or after a while.  -> int"""
    for _ in range(100):
        if process.num_fds() <= most:
            break
        await asyncio.sleep(0.1)
    return process.num_fds()


def request(server, more=b""):
    """The bytes of a request: the golden batch's first row, as the server prints it."""
    body = server.said[1].partition(" -d '")[2].rstrip("\n'").encode()
    kind = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
    head = b"POST /invocations HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    return b"".join([head, more, kind, b"\r\n", body])


def report(counts, memory, opened, promotions, ended):
    """Print the figures.  -> exit status"""
    median = statistics.median(memory)
    spread = max(abs(size / median - 1) for size in memory)
    print(f"requests            {counts.sent}")
    print(f"answered, 503       {counts.answered}, {counts.busy}")
    print(f"lost                {counts.lost}")
    print(f"promotions          {promotions}")
    print(f"memory, MiB         {median / MIB:.0f}, n = {len(memory)} looks")
    print(f"farthest from it    {spread:.2%}")
    print(f"open files          {opened[0]} before, {opened[1]} after")
    print(f"end after SIGTERM   {ended:.1f} s")
    kept = {
        "each request is answered": not counts.lost and not counts.others,
        "memory is flat": spread <= SPREAD,
        "no file is left open": opened[1] <= opened[0],
        "it ends in time": ended < END_SECONDS,
        "models were promoted": promotions > 0,
    }
    for promise, held in kept.items():
        print(f"{'held' if held else 'BROKEN':<8}{promise}")
    return int(not all(kept.values()))


if __name__ == "__main__":
    sys.exit(main())
