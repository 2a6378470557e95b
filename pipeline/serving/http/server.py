"""`phistar serve NAME`: the champion over HTTP, with Starlette.

The routes of application.py include those of MLflow's server, so that its clients find
what they expect. An unknown parameter or column is the caller's mistake, and a body has
a limit. The SavedModel is the promoted folder itself: no database is needed.
"""

import json
import os
import shlex
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phistar.components.serving import clean
from phistar.components.serving.request import (
    farthest,
    golden,
    golden_rows,
    plain,
    signature,
)
from phistar.pipeline.process import quiet
from phistar.pipeline.process.terminal import working
from phistar.pipeline.serving.http.application import application
from phistar.pipeline.serving.http.dates import dated, written
from phistar.pipeline.serving.http.watched import Watched
from phistar.pipeline.store import champions
from phistar.pipeline.store.contract import read_contract
from phistar.pipeline.tracking.address import require_free

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model

EVERYWHERE = "0.0.0.0"
BACKLOG = 2048  # connections that wait until one of them is taken
LONGEST_LINE = 2000  # characters of a request that is typed, not read from a file


def serve(name: str, root: Path, host: str, port: int, access_log: bool) -> None:
    """Serve the champion of a name until a signal ends it.

    Args:
        name: of a recipe that was promoted.
        root: project root.
        host: address to listen at; 0.0.0.0 is every one of this machine.
        port: of it.
        access_log: write a line to stderr for each request.

    Raises:
        ValueError: nothing was promoted, or its files have changed; the port is taken.
        RejectedModel: the model does not answer as it was evaluated.
    """
    champions.require_promoted(name, root)
    folder = champions.champion(name, root)
    champions.require_whole(folder)
    read_contract(folder)  # one of an earlier phistar is refused at once
    require_free(port, host)
    os.environ |= quiet.environment()
    with working(f"serve {name}", "starting TensorFlow"):
        quiet.load_library()
        with quiet.startup():
            import uvicorn

            near = "127.0.0.1" if host == EVERYWHERE else host
            address = f"http://{near}:{port}"
            log = write_line if access_log else None
            app = make(name, folder, address, partial(print, flush=True), log)
    # A client that reads the lines connects at once. The socket must listen by then:
    # uvicorn opens its own only after the start event that prints them.
    with socket.create_server((host, port), backlog=BACKLOG) as listening:
        config = uvicorn.Config(app, log_level="warning", lifespan="on")
        uvicorn.Server(config).run(sockets=[listening])


def make(
    name: str, folder: Path, address: str, say: Callable, log: Callable | None
) -> Watched:
    """The application that serves a version, once it has answered its golden batch.

    Args:
        name: of the model.
        folder: of the version.
        address: that it will be served at.
        say: called with the text about it when it starts.
        log: function of a line of the access log; None for no log.

    Raises:
        RejectedModel: it does not answer as it was evaluated.
    """
    contract = read_contract(folder)
    line = curl(folder, contract, address, folder.parent)
    about = {
        "model": name,
        "version": folder.name,
        "run": champions.read_origin(folder)["run_id"],
    }
    text = (
        f"{name} {folder.name} answers at {address}/invocations\n{line}\n"
        f"open {address} to try it"
    )
    model = load(folder, contract)
    return application(model, folder, contract, about, line, partial(say, text), log)


def write_line(text: str) -> None:
    """Write a line of the access log."""
    sys.stderr.write(f"{text}\n")  # stderr is flushed at each line


def load(folder: Path, contract: dict) -> "Model":
    """The SavedModel of a version, once it has answered its golden batch.

    Raises:
        RejectedModel: it does not answer as it was evaluated.
    """
    from phistar.components.serving.ask import Model

    model = Model(folder, contract["op_libraries"])
    difference = farthest(golden(folder / contract["golden"]), model.call)
    clean.require_close(difference, "the SavedModel")
    return model


def curl(folder: Path, contract: dict, address: str, out: Path) -> str:
    """A line that requests the first row of the golden batch.

    Args:
        folder: of the SavedModel.
        contract: its contract.
        address: of the server.
        out: folder for an image, or for a request that is too long to be typed.
    """
    rows, called = golden_rows(folder / contract["golden"], 1), signature(contract)
    command = f"curl -s {address}/invocations"
    if contract["reads"] == "images":
        image = out / "example.png"
        image.write_bytes(rows["image"][0])
        return f"{command} -F {shlex.quote(f'image=@{image}')}"
    first = {name: plain(rows[name], shortest=True)[0] for name in called.x}
    first |= {n: written(first[n], f) for n, f in dated(called, contract).items()}
    data: list[Any] = [list(first.values())]
    columns = [called.shown[name] for name in called.x]
    body = {"dataframe_split": {"columns": columns, "data": data}}
    request = json.dumps(body, ensure_ascii=False)
    if len(request) > LONGEST_LINE:
        path = out / "request.json"
        path.write_text(request, "utf-8")
        request = f"@{path}"
    kind = "-H 'content-type: application/json'"
    return f"{command} {kind} -d {shlex.quote(request)}"
