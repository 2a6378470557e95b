"""`phistar launch --on`: each rank is a process on a node of a Ray cluster.

Ray gives all of them their places, or none. Rank 0 runs the command where Ray has put
it; this process shows what it says.
"""

import contextlib
import json
import re
import sys
import time
from pathlib import Path

from phistar.pipeline.launch.place import Place
from phistar.pipeline.process.errors import FAILED, USAGE, Failure
from phistar.pipeline.process.on_ray import OnRay, Task

POLL_SECONDS = 0.2
TAKEN = ("-n", "--on", "--root")  # options with a word behind them


def words_of(typed: list[str]) -> list[str]:
    """The words of the command that is launched, without the options of `launch`.

    Args:
        typed: all words, `phistar` first.
    """
    words, found = iter(typed[1:]), []
    for word in words:
        if word in TAKEN:
            next(words)
        elif word != "--json" and not re.match("-n|--on=|--root=", word):
            found.append(word)
    found.remove("launch")
    return found


def launch(count: int | None, words: list[str], root: Path, address: str) -> dict:
    """Run a command whose training several nodes share.

    Args:
        count: number of ranks; None is refused.
        words: of the command, see `words_of`.
        root: project root, which every node must see.
        address: of the cluster, see OnRay.

    Returns:
        The answer of rank 0.

    Raises:
        Failure: that of rank 0; or no cluster, or no room in it.
    """
    if count is None:
        raise Failure(
            f"`phistar launch --on {address}` needs a number of processes. Received: "
            "none. Expected -n N: a core, or a GPU, of the cluster for each.",
            USAGE,
        )
    with contextlib.closing(OnRay(address, root)) as cluster:
        runners = cluster.together(count)
        host, port = cluster.ray.get(runners[0].address.remote())
        words = ["launch", *words, "--root", str(root), "--json"]
        logs = [
            Path(root) / "mlruns" / "launch" / f"{time.time_ns()}.{rank}.log"
            for rank in range(count)
        ]
        tasks = []
        for rank, (runner, log) in enumerate(zip(runners, logs, strict=True)):
            place = Place(host, port, count, rank).variables()
            given = words, place, str(Path.cwd()), str(log)
            tasks.append(Task(cluster.ray, runner, given))
        try:
            status, last = follow(tasks[0], logs[0])
        finally:
            for task in tasks:  # in order: rank 0 leaves a checkpoint
                task.terminate()
                while task.poll() is None:
                    time.sleep(POLL_SECONDS)
    answer = parsed(last)
    if status == 0 and answer is not None:
        for log in logs:
            log.unlink(missing_ok=True)
        return answer
    if answer is not None and "error" in answer:
        raise Failure(answer["error"], answer["status"])
    raise Failure(
        f"the process of rank 0 ended with status {status}: see {logs[0]}. The same "
        "command continues from the last checkpoint.",
        max(status, FAILED),
    )


def follow(task: Task, log: Path) -> tuple[int, str]:
    """Show what a process says, until it has ended.

    Args:
        task: the process.
        log: file that gets what it says.

    Returns:
        (exit status, the last line), which is not shown: it is the answer.
    """
    status, seen, last = None, 0, ""
    while status is None:
        status = task.poll()  # first: what it said before its end is then read
        with contextlib.suppress(FileNotFoundError), open(log, "rb") as file:
            file.seek(seen)
            *lines, _ = file.read().split(b"\n")
            for line in lines:
                seen += len(line) + 1
                if last:
                    print(last, file=sys.stderr, flush=True)
                last = line.decode("utf-8", "replace")
        if status is None:
            time.sleep(POLL_SECONDS)
    if parsed(last) is None and last:
        print(last, file=sys.stderr, flush=True)
    return status, last


def parsed(line: str) -> dict | None:
    """The answer in a line; None if it is none."""
    with contextlib.suppress(ValueError):
        found = json.loads(line)
        return found if isinstance(found, dict) else None
    return None
