"""Processes that share the work on large files, each a Python of its own.

They are started, not forked: TensorFlow's threads do not live through a fork. A worker
gets the name of a function and plain arguments as a line of JSON, and answers with a
line. Large results are files. With one worker there is no process but this one.

A worker ends when its stdin does, so none is left behind by a process that is killed.
"""

import contextlib
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor, wait

from phistar import SOURCE

PAYS = 2**28  # bytes of files from which further processes are worth their start
# errors that are told to the user as they are; another one is a fault of ours
ERRORS = {error.__name__: error for error in (ValueError, OSError, MemoryError)}


def number_of(given, size):
    """Number of workers to use.

    Args:
        given: int, as `ingest.workers`; None for what pays.
        size: bytes of the files to be read.

    Returns:
        int.
    """
    if given is not None:
        return given
    return len(os.sched_getaffinity(0)) if size >= PAYS else 1


class Workers:
    """Processes that call functions, to be closed at the end.

    Args:
        number: of them; 1 calls the functions in this process.
    """

    def __init__(self, number=1):
        self.number = number
        self.processes = {}  # each with the file of what it says
        self.free, self.threads = queue.SimpleQueue(), None
        self.lock, self.closed = threading.Lock(), False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """End all of them, also in the middle of their work."""
        with self.lock:
            self.closed = True
        for process in self.processes:
            process.kill()
        if self.threads is not None:
            self.threads.shutdown(cancel_futures=True)
        for process, said in self.processes.items():
            process.wait()
            for stream in (process.stdin, process.stdout, said):
                with contextlib.suppress(OSError):  # a request that none will read
                    stream.close()

    def map(self, function, requests, read=lambda more: None):
        """Results of a function, in order.

        Args:
            function: of this project, at the top level of a file. It is called with the
                fields of a request, and with `read`, as keywords.
            requests: iterable of dict of plain data.
            read: function that a call tells how many more bytes it has read.

        Yields:
            plain data.

        Raises:
            ValueError, OSError, MemoryError: of the function.
            RuntimeError: it has failed otherwise, or its process has died.
        """
        if self.number == 1:
            for request in requests:
                yield function(**request, read=read)
            return
        if self.threads is None:
            self.threads = ThreadPoolExecutor(self.number)
        waiting = deque()
        try:
            for request in requests:
                waiting.append(self.threads.submit(self._call, function, request, read))
                if len(waiting) > 2 * self.number:  # results may be large files
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except GeneratorExit:  # the caller will begin anew, with the same files
            wait([one for one in waiting if not one.cancel()])
            raise

    def _started(self):
        """A new worker.  -> subprocess.Popen"""
        with self.lock:  # one that is started while all are ended would stay
            if self.closed:
                raise RuntimeError("the workers have been ended")
            process, said = start()
            self.processes[process] = said
        return process

    def _call(self, function, request, read):
        """Have a worker call a function.  -> its result"""
        try:
            process = self.free.get_nowait()
        except queue.Empty:
            process = self._started()
        name = f"{function.__module__}:{function.__qualname__}"
        process.stdin.write(json.dumps([name, request]).encode() + b"\n")
        process.stdin.flush()
        for line in process.stdout:
            answer = json.loads(line)
            if "read" in answer:
                with self.lock:
                    read(answer["read"])
                continue
            self.free.put(process)
            if "error" in answer:
                kind, text = answer["error"]
                raise ERRORS.get(kind, RuntimeError)(text)
            return answer["result"]
        said = self.processes[process]
        said.seek(0)
        raise RuntimeError(
            f"a process that reads the data has ended. Received: status "
            f"{process.wait()}, {said.read()[-1000:].decode(errors='replace')!r}. "
            "Expected it to live: if the memory is full, set ingest.workers=1."
        )


def start():
    """Start a worker.

    Returns:
        (subprocess.Popen, file of its stderr): TensorFlow has much to say that nobody
        can act on.
    """
    said = tempfile.TemporaryFile()  # noqa: SIM115, closed by Workers
    paths = [str(SOURCE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    named = os.pathsep.join(filter(None, paths))
    # a file beside the user, called random.py or csv.py, is no module of it
    safe = {"PYTHONPATH": named, "PYTHONSAFEPATH": "1"}
    # each has its own thread: they share the cores already
    threads = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        env=os.environ | threads | safe,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
    )
    return process, said


def serve():
    """Answer requests until stdin ends, in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a function prints is no answer
    requests = queue.SimpleQueue()

    def take():
        for line in sys.stdin.buffer:
            requests.put(json.loads(line))
        os._exit(0)  # the parent has ended

    threading.Thread(target=take, daemon=True).start()

    def answer(**fields):
        answers.write(json.dumps(fields).encode() + b"\n")

    import pyarrow

    pyarrow.set_cpu_count(1)
    while True:
        name, request = requests.get()
        module, _, function = name.partition(":")
        try:
            call = getattr(importlib.import_module(module), function)
            answer(result=call(**request, read=lambda more: answer(read=more)))
        except tuple(ERRORS.values()) as error:
            kind = next(n for n, one in ERRORS.items() if isinstance(error, one))
            answer(error=[kind, str(error)])
        except Exception:
            answer(error=["RuntimeError", traceback.format_exc()])


if __name__ == "__main__":
    serve()
