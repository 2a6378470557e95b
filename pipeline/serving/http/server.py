"""`phistar serve NAME`: the champion over HTTP, with Starlette and uvicorn.

The routes of application.py include those of MLflow's server, so that its clients find
what they expect. An unknown parameter or column is the caller's mistake, and a body has
a limit. The SavedModel is the promoted folder itself: no database is needed.
"""

import json
import os
import shlex
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
from phistar.pipeline.process.terminal import note, working
from phistar.pipeline.serving.http import guard
from phistar.pipeline.serving.http.application import application
from phistar.pipeline.serving.http.dates import dated, written
from phistar.pipeline.serving.http.watched import Watched
from phistar.pipeline.store import champions
from phistar.pipeline.store.contract import read_contract
from phistar.pipeline.tracking.address import require_free

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model

EVERYWHERE = "0.0.0.0"
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
        ValueError: nothing was promoted, or its files have changed; the port is taken;
            the environment's token is none.
        RejectedModel: the model does not answer as it was evaluated.
    """
    champions.require_promoted(name, root)
    folder = champions.champion(name, root)
    champions.require_whole(folder)
    read_contract(folder)  # one of an earlier phistar is refused at once
    door = guard.door(host)
    require_free(port, host)
    os.environ |= quiet.environment()
    with working(f"serve {name}", "starting TensorFlow"):
        quiet.load_library()
        with quiet.startup():
            from phistar.pipeline.serving.http import listening

            near = "127.0.0.1" if host == EVERYWHERE else host
            address = f"http://{near}:{port}"
            log = write_line if access_log else None
            app = make(name, folder, address, partial(print, flush=True), log, door)
    if not guard.is_here(host):
        note(
            f"warning: whoever reaches port {port} of {host} and has the token can ask "
            "the model. HTTP is not encrypted: put a proxy with TLS before it."
        )
    listening.raise_limit()
    # A client that reads the lines connects at once. The socket must listen by then:
    # uvicorn opens its own only after the start event that prints them.
    with listening.listen(host, port) as socket:
        listening.server(app).run(sockets=[socket])


def make(
    name: str,
    folder: Path,
    address: str,
    say: Callable,
    log: Callable | None,
    door: guard.Door,
) -> Watched:
    """The application that serves a version, once it has answered its golden batch.

    Args:
        name: of the model.
        folder: of the version.
        address: that it will be served at.
        say: called with the text about it when it starts.
        log: function of a line of the access log; None for no log.
        door: who may ask it.

    Raises:
        RejectedModel: it does not answer as it was evaluated.
    """
    contract = read_contract(folder)
    given = folder, contract, address, folder.parent
    about = {
        "model": name,
        "version": folder.name,
        "run": champions.read_origin(folder)["run_id"],
    }
    text = (
        f"{name} {folder.name} answers at {address}/invocations\n"
        f"{curl(*given, door.shown)}\nopen {address} to try it: {door.users}"
    )
    model = load(folder, contract)
    line = curl(*given, door.token and "TOKEN")  # on a page
    ready = partial(say, text)
    return application(model, folder, contract, about, line, ready, log, door)


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


def curl(
    folder: Path, contract: dict, address: str, out: Path, token: str | None
) -> str:
    """A line that requests the first row of the golden batch.

    Args:
        folder: of the SavedModel.
        contract: its contract.
        address: of the server.
        out: folder for an image, or for a request that is too long to be typed.
        token: the word for it; None without one.
    """
    rows, called = golden_rows(folder / contract["golden"], 1), signature(contract)
    command = f"curl -s {address}/invocations"
    if token:
        command = f'{command} -H "authorization: Bearer {token}"'
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
