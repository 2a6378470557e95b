"""Call a stage: in this process, or in a child, with the same plain arguments."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from phistar.components import progress
from phistar.pipeline.process import quiet, terminal
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.output import streams
from phistar.pipeline.process.root import importing
from phistar.pipeline.record.journal import Journal

if TYPE_CHECKING:
    from phistar.pipeline.launch.leader import Leader


def call(
    stage: str,
    arguments: dict,
    folder: Path,
    run_id: str,
    isolate: bool = False,
    ranks: "Leader | None" = None,
) -> None:
    """Run one stage.

    Args:
        stage: its name.
        arguments: plain data and paths, all but out_dir and log.
        folder: its out_dir.
        run_id: of the execution, for the contract.
        isolate: run it in a child; always so if its backend of Keras or its devices
            are not those of this process.
        ranks: the other processes that train together, under `phistar launch`.

    Raises:
        Failure: whatever went wrong in it.
    """
    request = {
        "stage": stage,
        "arguments": arguments,
        "folder": str(folder),
        "run_id": run_id,
        "title": terminal.titled(stage),
    }
    # a Keras process has one backend and one choice of devices, and the other stages
    # run in this one
    backend = arguments.get("backend", "tensorflow")
    devices = arguments.get("devices", "auto")
    if ranks is not None and stage == "train":
        ranks.train(request)
    elif isolate or backend != "tensorflow" or devices != "auto":
        in_child(request, backend)
    else:
        os.environ |= quiet.environment()
        in_process(**request)


def require_backend(backend: str) -> None:
    """Refuse a backend that is not installed.

    Raises:
        Failure: it names the package to install.
    """
    if importlib.util.find_spec(backend) is None:
        raise Failure(
            f"train.backend={backend} needs the package {backend}, which is not "
            f"installed. Run: pip install {backend}",
            USAGE,
        )


def require_devices(devices: str) -> None:
    """Refuse a GPU without a driver; the stage itself looks closer.

    Raises:
        Failure: the machine has none.
    """
    if devices == "gpu" and not quiet.has_driver():
        raise Failure(
            "train.devices=gpu needs a GPU and its driver; this machine shows no "
            "/dev/nvidiactl. Leave train.devices out to train on what there is.",
            USAGE,
        )


def in_process(
    stage: str,
    arguments: dict,
    folder: Path,
    run_id: str,
    title: str = "",
    ranks: dict | None = None,
) -> None:
    """Import a stage and run it in this process.

    Args:
        stage: its name.
        arguments: plain data and paths, all but out_dir and log.
        folder: its out_dir.
        run_id: of the execution, for the contract.
        title: shown on the terminal, if not the stage's name.
        ranks: arguments of `ranks.join`, if this process is one of several that train;
            only the first one keeps a journal.

    Raises:
        Failure: whatever went wrong in it.
    """
    path = Path(folder) / "journal.jsonl"
    if ranks and ranks["rank"]:
        path = Path(os.devnull)
    journal = Journal(path, title or stage, run_id)
    try:
        with journal.listening():
            if "keras" not in sys.modules:
                progress.doing(f"starting {quiet.backend_name()}")
                quiet.load_library()
            if ranks:
                progress.doing(f"waiting for {ranks['count']} processes")
            quiet.import_keras(arguments.get("devices", "auto"), ranks)
            progress.doing("preparing")
            stage_function(stage)(**arguments, out_dir=folder, log=journal)
            if ranks:
                from phistar.components.training.ranks import leave

                leave()
    except Exception as error:
        raise Failure.of(error, stage, folder) from error
    finally:
        journal.close()


def stage_function(stage: str) -> Callable:
    """The function of a stage.

    Raises:
        ValueError: no stage has this name.
    """
    match stage:
        case "ingest":
            from phistar.components.ingest import run
        case "build":
            from phistar.components.build import run
        case "train":
            from phistar.components.train import run
        case "evaluate":
            from phistar.components.evaluate import run
        case "export":
            from phistar.components.export import run
        case _:
            raise ValueError(f"no such stage. Received: {stage!r}.")
    return run


def in_child(
    request: dict,
    backend: str,
    cores: Sequence[int] = (),
    gpus: str | None = None,
    started: Callable[[subprocess.Popen], object] = lambda child: None,
) -> None:
    """Run a stage in a child process, which ends if this process does.

    Args:
        request: the arguments of `in_process`.
        backend: of Keras.
        cores: numbers of those that it may use; default: those of this process.
        gpus: those that it may use, as CUDA_VISIBLE_DEVICES; default: as here.
        started: called with the child; it may be killed from another thread.

    Raises:
        Failure: of the stage, or of the child itself.
    """
    environment = os.environ | quiet.environment(backend) | importing()
    if gpus is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpus
    follows = (request.get("ranks") or {}).get("rank")  # rank 0 tells it all
    child = subprocess.Popen(
        [sys.executable, "-m", "phistar.pipeline.run.process"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if follows else None,
        bufsize=0,
    )
    with terminal.paused(), child:
        try:
            if cores:  # before it counts them
                with contextlib.suppress(ProcessLookupError):  # as below
                    os.sched_setaffinity(child.pid, cores)
            started(child)
            # stdin stays open: its end tells the child that this process has died
            with contextlib.suppress(BrokenPipeError):  # a dead child has a status
                child.stdin.write(json.dumps(request).encode() + b"\n")
            answer = child.stdout.read().splitlines()
            status = child.wait()
        finally:
            child.kill()  # the block waits for it: its folder will be removed
    if status:
        raise Failure(f"the process of {request['stage']} ended with status {status}")
    failure = json.loads(answer[-1])
    if failure is not None:
        raise Failure(**failure)


def _child() -> None:
    """Read a request from stdin; the last line of stdout is null or a failure."""
    # Ctrl-C goes to the whole group, and the parent handles it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = json.loads(sys.stdin.readline())
    if request.get("ranks"):
        quiet.hide_libraries()

    def die_with_parent() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=die_with_parent, daemon=True).start()
    answer = None
    try:
        in_process(**request)
    except Failure as failure:
        answer = failure.to_json()
    print(json.dumps(answer), flush=True)
    os._exit(0)  # the waiting thread holds stdin


if __name__ == "__main__":
    with streams():
        _child()
