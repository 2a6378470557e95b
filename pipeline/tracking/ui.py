"""All records of a root in MLflow, and MLflow's pages for them.

python -m phistar.pipeline.tracking.ui COMMAND --root ROOT

follow RUN_ID    the child of a run
rest             the child of a later command: what others could not send
sync             all records
"""

import argparse
import os
import sys
import threading
import warnings
from collections.abc import Collection
from pathlib import Path

from phistar.pipeline.process import quiet
from phistar.pipeline.process.output import streams
from phistar.pipeline.process.terminal import note
from phistar.pipeline.process.writable import require_root
from phistar.pipeline.record import journal, life, marks
from phistar.pipeline.record.sent import alone, behind, only_sender
from phistar.pipeline.tracking import follower, reach, registry, server
from phistar.pipeline.tracking.address import (
    PORT,
    first_page,
    public_name,
    require_free,
    results_page,
    sent_to,
    tracking_uri,
)
from phistar.pipeline.tracking.machine import monitors
from phistar.pipeline.tracking.outbox import Refused
from phistar.pipeline.tracking.sender import Sending
from phistar.pipeline.tracking.target import Target, answering, prepare

RECIPES = 8  # links that `ui` prints


def sync(root: Path, run_ids: Collection[str] | None = None) -> int:
    """Send every record of which MLflow lacks a part; parents come first.

    Then restore the champions, if it had lost them.

    A run whose process has died without an end is ended as KILLED. Runs that another
    process is sending are left to it. One that MLflow refuses is set aside.

    Args:
        root: project root.
        run_ids: of the only records to look at; default: all.

    Returns:
        Number of records that were sent.
    """
    records = journal.read_all(root)
    if run_ids is not None:
        records = [one for one in records if one[0].run_id in run_ids]
    if not records:
        return 0
    count, target = 0, Target(root)
    for record, _ in records:
        with only_sender(root, record.run_id) as free:
            if not free:
                continue
            sending = Sending(root, record.run_id, target)
            ours = sending.state.get("mlflow_run_id")
            if ours and not target.has(ours):
                sending.restart()
            if sending.complete:
                marks.unmark(record.path)
                continue
            try:
                sending.step(orphan=not life.alive(record.path))
                count += 1
            except Exception as error:
                if not isinstance(error, Refused):
                    target.require_answer()  # else no record can be sent
                marks.mark(record.path, str(error))
                note(f"{record.path.name}: left out: {error}")
    if count:
        registry.restore_champions(target, root)
    return count


def rest(root: Path) -> int:
    """Send what the followers of ended runs could not.  -> number of records.

    Of several commands at once, one sends.
    """
    with alone(root):
        left = behind(root)
        return sync(root, left) if left else 0


def ui(root: Path, port: int = PORT) -> None:
    """Send what is missing, then serve MLflow's pages until Ctrl-C.

    With MLFLOW_TRACKING_URI at a server there is nothing to start: its address is
    printed.

    Raises:
        ValueError: the port is taken, the root cannot be written, or the database
            cannot be used.
        ConnectionError: a server elsewhere does not answer, or the one here has ended.
    """
    uri, mlruns = tracking_uri(root), Path(root).resolve() / "mlruns"
    reach.require(root)
    if uri.startswith("http"):
        with answering(root):
            sync(root)
        print("\n".join(links(root, public_name(root).rstrip("/"))))
        return
    require_free(port)
    require_root(root)
    note("MLflow's server is starting, which takes about ten seconds")
    (mlruns / "artifacts").mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), answering(root):
        warnings.simplefilter("ignore")
        Target(root)  # creates or moves the database, also without any record
        sync(root)
    process = server.start(mlruns, uri, port)
    try:
        server.wait_ready(process, mlruns, port)
        lines = links(root, f"http://127.0.0.1:{port}")
        reached = "every user of this machine can reach it, and nobody else"
        print("\n".join([*lines, f"{reached}; Ctrl-C ends it"]), flush=True)
        process.wait()
    except KeyboardInterrupt:
        note("MLflow's server has ended")
    finally:
        server.stop(process)


def links(root: Path, server: str) -> list[str]:
    """The first page of a server, and the results of the newest recipes, as lines."""
    experiments = {}  # recipe -> MLflow's id, the newest first
    for record, entries in reversed(journal.read_all(root)):
        if sent := sent_to(root, record.run_id):
            experiments.setdefault(entries[0]["experiment"], sent[0])
    rows = [("MLflow", first_page(server))]
    newest = list(experiments.items())[:RECIPES]
    rows += [(name, results_page(server, number)) for name, number in newest]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {page}" for name, page in rows]


def main(arguments: list[str] | None = None) -> int:
    """Run one of the three commands at the top of this file.  -> exit status."""
    parser = argparse.ArgumentParser(prog="python -m phistar.pipeline.tracking.ui")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("follow", "rest", "sync"):
        command = commands.add_parser(name)
        command.add_argument("--root", type=Path, required=True)
        if name == "follow":
            command.add_argument("--patience", type=float, default=20.0)
            command.add_argument("run_id")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # no user of this process could act on them
    if given.command == "follow":
        with quiet.without_gc():
            prepare()

        def connect() -> Target:
            with quiet.without_gc():
                return Target(given.root)

        return follower.follow(
            given.root, given.run_id, connect, monitors, given.patience
        )
    try:
        if given.command == "rest":
            # nobody waits for it: it may not live for ever
            ending = threading.Timer(follower.TOTAL_SECONDS, os._exit, (1,))
            ending.daemon = True
            ending.start()
            rest(given.root)
        else:
            print(f"{sync(given.root)} runs sent")
    except Exception as error:  # a server that is down, a full disk: one line
        note(f"MLflow: {error}")
        return 1
    return 0


if __name__ == "__main__":
    with streams():
        code = main()
        sys.stdout.flush()
    os._exit(code)  # taking mlflow's thousand modules down again takes a while
