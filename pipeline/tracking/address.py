"""The address of MLflow's store, and of its pages. mlflow is not imported."""

import os
import re
import socket
from pathlib import Path
from urllib.parse import quote

from phistar.pipeline.process.credentials import public
from phistar.pipeline.process.root import root_option
from phistar.pipeline.record.sent import read_state

LOCAL = "sqlite:///mlruns/mlflow.db"  # its name in sent.json, for every root
ODD = re.compile(r"[%?#\\]")  # in a path: parts of an address, to MLflow and SQLAlchemy
PORT = 5000
LAST_PORT = 65535
# without these words MLflow 3 opens its pages for language models, without metrics
TRAINING = "workflowType=machine_learning"
VIEW = "results"  # id of the view of an experiment's runs, see views.py


def tracking_uri(root: Path) -> str:
    """MLflow's address of its store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or local_uri(root)


def local_uri(root: Path) -> str:
    """The address of the database of a root."""
    return database_uri(Path(root).resolve() / "mlruns" / "mlflow.db")


def database_uri(file: Path) -> str:
    """The address of an SQLite file: its path, quoted where it has to be."""
    path = str(file)
    if not ODD.search(path):
        return f"sqlite:///{path}"
    # with the driver's name: of an address without it MLflow makes the folders, unread
    return f"sqlite+pysqlite:///{quote(path)}"


def place(folder: Path) -> str:
    """The address of a folder of artifacts: a path, quoted where it has to be."""
    path = str(Path(folder).resolve())
    return Path(path).as_uri() if ODD.search(path) else path


def public_name(root: Path) -> str:
    """The tracking URI in public form: no secret, no place on disk."""
    uri = tracking_uri(root)
    if uri == local_uri(root):
        return LOCAL
    return public(uri)


def address(root: Path, run_id: str) -> str:
    """The page of a run; the first page, while MLflow does not have the run yet."""
    sent = sent_to(root, run_id)
    if sent is None:
        return first_page(server(root))
    return page(server(root), f"experiments/{sent[0]}/runs/{sent[1]}")


def first_page(server: str) -> str:
    """MLflow's list of experiments."""
    return page(server, "experiments")


def results_page(server: str, experiment_id: str) -> str:
    """The runs of an experiment, with the columns and charts of views.py."""
    runs = f"experiments/{experiment_id}/runs"
    return page(server, runs, f"viewStateShareKey={VIEW}")


def page(server: str, path: str, *query: str) -> str:
    """One of MLflow's pages, as its part for model training shows it."""
    return f"{server}/#/{path}?{'&'.join([*query, TRAINING])}"


def server(root: Path) -> str:
    """The address of MLflow's server."""
    uri = public_name(root)
    return uri.rstrip("/") if uri.startswith("http") else f"http://127.0.0.1:{PORT}"


def ui_command(root: Path) -> str:
    """The command that starts MLflow's pages of `root`, to be typed here."""
    return f"phistar ui{root_option(root)}"


def sent_to(root: Path, run_id: str) -> tuple[str, str] | None:
    """MLflow's experiment and run; None while it does not have the run yet."""
    state = read_state(root, run_id)
    if state.get("tracking_uri") != public_name(root) or "mlflow_run_id" not in state:
        return None
    return state["experiment_id"], state["mlflow_run_id"]


def model_version(root: Path, run_id: str) -> str | None:
    """MLflow's number of the model that a run has exported; None without one.

    It counts the exports that were registered; a number of `mlruns/serving/<name>/`
    counts promotions.
    """
    state = read_state(root, run_id)
    known = state.get("tracking_uri") == public_name(root)
    return state.get("model_version") if known else None


def require_free(port: int, host: str = "127.0.0.1") -> None:
    """Refuse a port that is taken or that no machine has, or an address of no network.

    Raises:
        ValueError: it is one of these.
    """
    if port > LAST_PORT:
        raise ValueError(
            f"there is no such port. Received: --port {port}. Expected a number from 1 "
            f"to {LAST_PORT}, like --port {PORT}."
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ValueError(
                f"the server cannot listen. Received: port {port} "
                f"of {host} ({error.strerror}). Expected a free port of an address "
                f"that this machine has, like 127.0.0.1. Stop what "
                f"listens there, or take another: --port {port + 1}"
            ) from error
