"""Latency and throughput of `phistar serve` beside the bare SavedModel.

    python bench/serving.py [--seconds 5] [--recipes breast_cancer digits ...]
    python bench/serving.py --counting [--repeats 20] [--seconds 2] [--recipes ...]

Each recipe is trained for two steps and promoted. Then 1, 8 and 32 clients request one
golden row again and again, and each waits for its answer:

    bare       the loaded signature, called in this process by as many threads; the
               clients of the others share one thread
    serve      `phistar serve`, over HTTP
    stand-in   tests/helpers/standin.py, which speaks TensorFlow Serving's REST protocol

Printed are p50 and p99 in ms, answers per second, and the time until `serve` is ready.

`--counting` measures what the counts of `/metrics` cost instead: `serve` as it is, its
counts read every second, beside the same server without them, in turns. Printed are the
shares that counting adds to the server's CPU seconds and to the wall seconds of an
answer: the median of the repeats and its interval. A shared machine disturbs the CPU
seconds less, and what is added to the wall seconds can be no more for long.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from timing import interleaved, interval, machine

RECIPES = ("breast_cancer", "digits", "kjv_quick", "libreoffice_en_de_quick")
SHORT = ("train.steps=2", "train.eval_every=2", "train.epochs=null")
CLIENTS = (1, 8, 32)
ROOT = Path(__file__).parents[1]
PHISTAR = str(Path(sys.executable).with_name("phistar"))
AT_ONCE = 8  # clients of --counting
# `phistar` whose server counts nothing
WITHOUT = """
import sys
from phistar.pipeline.cli.main import main
from phistar.pipeline.serving.http.metrics import Metrics
Metrics.count = lambda *_: None
sys.exit(main())
"""


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--counting", action="store_true")
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    print(machine())
    if given.counting:
        print("recipe                    counting adds, median and its interval")
        with tempfile.TemporaryDirectory() as root:
            for recipe in given.recipes:
                counting(recipe, Path(root), given.seconds, given.repeats)
        return
    print("recipe                    what      clients   p50 ms   p99 ms   a second")
    with tempfile.TemporaryDirectory() as root:
        for recipe in given.recipes:
            measure(recipe, Path(root), given.seconds)


def measure(recipe, root, seconds):
    """Train one recipe, and print its three tables."""
    folder, one = promoted(recipe, root)
    ask = bare(folder / "1", one)
    ask()  # the first call traces and allocates
    show(recipe, "bare", lambda clients: threads(ask, clients, seconds))
    port = free_port()
    began = time.perf_counter()
    command = [PHISTAR, "serve", recipe, "--port", str(port), "--root", str(root)]
    with process(command) as server:
        server.stdout.readline()
        ready = time.perf_counter() - began
        served(recipe, "serve", port, "/invocations", as_json(one), seconds)
    port = free_port()
    script = ROOT / "tests" / "helpers" / "standin.py"
    command = [sys.executable, str(script), recipe, str(folder), str(port)]
    with process(command):
        wait(port)
        body, path = json.dumps({"inputs": one}), f"/v1/models/{recipe}:predict"
        served(recipe, "stand-in", port, path, body, seconds)
    print(f"{recipe:<25} serve was ready in {ready:.1f} s", flush=True)


def promoted(recipe, root):
    """Train one recipe for two steps.

    Returns:
        (Path of its served versions; a request of one row, in the form of TensorFlow
        Serving's REST API).
    """
    steps = ["run", recipe, *SHORT], ["promote", recipe, "--anyway"]
    for command in steps:
        subprocess.run(
            [PHISTAR, *command, "--root", str(root)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    folder = root / "mlruns" / "serving" / recipe
    golden = folder / "1" / "assets.extra" / "golden"
    request = json.loads((golden / "serving_default.request.json").read_text())
    return folder, {name: values[:1] for name, values in request["inputs"].items()}


def as_json(one):
    """The body of a request of one row, as `serve` takes it."""
    return json.dumps(
        {"inputs": {k: [decoded(v) for v in vs] for k, vs in one.items()}}
    )


def counting(recipe, root, seconds, repeats):
    """Train one recipe, and print what counting costs its server."""
    _, one = promoted(recipe, root)
    ports = free_port(), free_port()
    words = ["serve", recipe, "--root", str(root), "--port"]
    with contextlib.ExitStack() as stack:
        servers = []
        for port, program in zip(
            ports, ([PHISTAR], [sys.executable, "-c", WITHOUT]), strict=True
        ):
            server = stack.enter_context(process([*program, *words, str(port)]))
            server.stdout.readline()
            servers.append(psutil.Process(server.pid))
        requests = [message(port, "/invocations", as_json(one)) for port in ports]

        def measured(number):
            """CPU seconds and wall seconds of an answer."""
            before = sum(servers[number].cpu_times()[:2])
            answers, passed = asyncio.run(
                scraped(ports[number], requests[number], seconds)
            )
            used = sum(servers[number].cpu_times()[:2]) - before
            return used / answers, passed / answers

        pairs = interleaved(lambda: measured(0), lambda: measured(1), repeats)
    for what, place in (("CPU", 0), ("wall", 1)):
        ratios = [counted[place] / bare[place] for counted, bare in pairs]
        low, median, high, coverage = interval(ratios)
        cost = " ".join(f"{ratio - 1:.2%}" for ratio in (median, low, high))
        print(f"{recipe:<25} {what:<4} {cost} ({coverage:.0%} interval)", flush=True)


async def scraped(port, request, seconds):
    """Answers and their seconds, while the counts are read once a second."""
    reading = asyncio.create_task(read_counts(port))
    times, passed = await post(port, request, AT_ONCE, seconds)
    reading.cancel()
    return len(times), passed


async def read_counts(port):
    """Read `/metrics` every second, as a scraper would more rarely."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        await asyncio.sleep(1)


def served(recipe, what, port, path, body, seconds):
    """Measure and print a server."""
    request = message(port, path, body)
    asyncio.run(post(port, request, 1, 0.1))  # the first call traces and allocates
    show(recipe, what, lambda n: asyncio.run(post(port, request, n, seconds)))


def message(port, path, body):
    """A request of HTTP.  -> bytes"""
    length = len(body.encode())
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    return (head + body).encode()


def show(recipe, what, measured):
    """Print a line for each number of clients.

    Args:
        recipe, what: str, printed.
        measured: number of clients -> (seconds of each answer, seconds in all).
    """
    for clients in CLIENTS:
        times, seconds = measured(clients)
        p50, p99 = (1e3 * np.percentile(times, q) for q in (50, 99))
        print(
            f"{recipe:<25} {what:<9} {clients:>7} {p50:>8.2f} {p99:>8.2f} "
            f"{len(times) / seconds:>10.0f}",
            flush=True,
        )


def threads(ask, clients, seconds):
    """Call `ask` from `clients` threads without a pause.  -> see `show`."""
    times, began = [], time.perf_counter()
    end = began + seconds

    def client():
        while (asked := time.perf_counter()) < end:
            ask()
            times.append(time.perf_counter() - asked)

    every = [threading.Thread(target=client) for _ in range(clients)]
    for thread in every:
        thread.start()
    for thread in every:
        thread.join()
    return times, time.perf_counter() - began


async def post(port, request, clients, seconds):
    """Send requests over `clients` connections without a pause.  -> see `show`."""
    times, began = [], time.perf_counter()
    end = began + seconds

    async def client():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (asked := time.perf_counter()) < end:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            content = await reader.readexactly(length)
            if head.split()[1] != b"200":
                raise RuntimeError(content.decode())
            times.append(time.perf_counter() - asked)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return times, time.perf_counter() - began


def bare(folder, one):
    """A function that calls the loaded signature."""
    signatures, tf = loaded(folder)
    specs = signatures["serving_default"].structured_input_signature[1]
    values = {k: [decoded(v, raw=True) for v in vs] for k, vs in one.items()}
    tensors = {k: tf.constant(v, specs[k].dtype) for k, v in values.items()}

    def ask():
        answer = signatures["serving_default"](**tensors)
        return {name: value.numpy() for name, value in answer.items()}

    return ask


KEPT = {}


def loaded(folder):
    """A SavedModel's signatures, loaded once.  -> (signatures, tensorflow)."""
    import tensorflow as tf

    if folder not in KEPT:
        contract = json.loads((folder / "contract.json").read_text("utf-8"))
        for library in contract["op_libraries"]:
            __import__(library)
        KEPT[folder] = tf.saved_model.load(str(folder))
    return KEPT[folder].signatures, tf


def decoded(value, raw=False):
    """A REST value: {"b64": ...} as MLflow takes it, or its bytes."""
    if not isinstance(value, dict):
        return value
    return base64.b64decode(value["b64"]) if raw else value["b64"]


@contextlib.contextmanager
def process(command):
    """Run a server until the end of the block."""
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait()


def wait(port):
    """Wait until a server listens on the port."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


def free_port():
    """A free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
