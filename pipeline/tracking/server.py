"""MLflow's server on 127.0.0.1, a child process that ends with its parent.

The end of stdin ends the child. What it says goes to the log, without secrets. It is
ready when /health answers.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from phistar.pipeline.process.output import clean
from phistar.pipeline.process.root import importing
from phistar.pipeline.tracking.address import place

LOG = "mlflow.log"  # in mlruns: the server's warnings and errors
LINES = 5  # of the log, in an error
POLL_SECONDS = 0.1
STOP_SECONDS = 3.0  # for requests under way


class Server(subprocess.Popen):
    """The child; a thread writes what it says to the log, without secrets.

    Args:
        log: file.
        *arguments, **options: of Popen.
    """

    def __init__(self, log: Path, *arguments: Any, **options: Any):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        super().__init__(*arguments, **options, **streams)
        self.keeping = threading.Thread(target=self.keep, args=(log,), daemon=True)
        self.keeping.start()

    def keep(self, log: Path) -> None:
        """Write the log, line by line; in the thread."""
        with open(log, "w", encoding="utf-8") as file:
            for line in self.stdout:
                file.write(clean(line.decode("utf-8", "replace")))
                file.flush()


def start(mlruns: Path, uri: str, port: int) -> Server:
    """Start the server in a group of its own.

    Args:
        mlruns: folder of the artifacts and of the log.
        uri: of the database, with its password.
        port: a free one.
    """
    paths = {
        # MLflow looks for uvicorn on PATH, where a venv that is not activated is not
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH')}",
    }
    # by variables, since every user of the machine can read arguments
    stores = dict.fromkeys(
        ("MLFLOW_BACKEND_STORE_URI", "MLFLOW_REGISTRY_STORE_URI"), uri
    )
    return Server(
        mlruns / LOG,
        [sys.executable, "-m", "phistar.pipeline.tracking.server"]
        + ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        + ["--default-artifact-root", place(mlruns / "artifacts")]
        + ["--no-serve-artifacts"]
        + ["--uvicorn-opts", "--log-level warning --no-access-log"],
        cwd=mlruns.parent,
        env=os.environ | importing() | paths | stores | {"PYTHONWARNINGS": "ignore"},
        stdin=subprocess.PIPE,
        # Ctrl-C goes to the terminal's group: this process ends the child
        start_new_session=True,
    )


def wait_ready(process: Server, mlruns: Path, port: int) -> None:
    """Wait until the server answers.

    Raises:
        ConnectionError: it has ended; with the last lines of its log.
    """
    while not answers(f"http://127.0.0.1:{port}/health"):
        if process.poll() is not None:
            process.keeping.join(STOP_SECONDS)  # to the last line
            lines = (mlruns / LOG).read_text("utf-8", "replace").splitlines()
            raise ConnectionError(
                f"MLflow's server ended with status {process.returncode}. Received: "
                f"{' / '.join(lines[-LINES:])}. Read the whole log: {mlruns / LOG}"
            )
        time.sleep(POLL_SECONDS)


def answers(address: str) -> bool:
    """True if a page can be read."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def stop(process: Server) -> None:
    """End the server and the processes that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


def main() -> None:
    """Run `mlflow` with this process's arguments, until stdin ends."""

    def end_with_parent() -> None:
        sys.stdin.read()
        os.killpg(0, signal.SIGTERM)

    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv[0] = "mlflow"
    runpy.run_module("mlflow", run_name="__main__")


if __name__ == "__main__":
    main()
