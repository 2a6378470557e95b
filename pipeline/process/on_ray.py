"""Processes on a Ray cluster: each is an actor that holds a core, and a GPU if any.

Ray chooses the node, and starts a process of a lost node again on another one, where it
goes on from its checkpoint: the nodes share the project folder. A process is what it is
on this machine, a command; Ray sees nothing of it but its status. The ranks of one
training are the exception: they are placed together, and end together.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.root import importing

HERE = "ray"  # --on ray: this machine, or the cluster of RAY_ADDRESS
PORT = 10001  # of a head node, for clients
SECONDS = 25  # until a node must have answered
CONNECT_SECONDS = 10


def imported() -> Any:
    """The package ray.

    Raises:
        Failure: it is not installed.
    """
    # Ray would report each use to its makers
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # a process without GPUs would lose CUDA_VISIBLE_DEVICES
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise Failure(
            "`--on ray` needs the package ray, which is not installed. Run: "
            "pip install 'ray[client]'",
            USAGE,
        ) from error
    return ray


class Runner:
    """A process on a node; an actor."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.stopped = False

    def run(
        self, words: list[str], environment: dict[str, str], folder: str, log: str
    ) -> int:
        """Run a command to its end.  -> its exit status"""
        from phistar.pipeline.process.workers import Here

        if self.stopped:
            return -signal.SIGTERM
        child = Here().start(words, environment, Path(folder), Path(log))
        self.process = child.process
        return self.process.wait()

    def address(self) -> tuple[str, int]:
        """The address of its node, and a port there that no program has."""
        import ray

        with socket.create_server(("", 0)) as server:
            return ray.util.get_node_ip_address(), server.getsockname()[1]

    def stop(self) -> None:
        """Send SIGTERM."""
        self.stopped = True
        if self.process is not None:
            self.process.terminate()


class OnRay:
    """A Ray cluster; a `Worker`.

    Args:
        address: "ray" or ray://HOST:PORT.
        root: project root, which every node must see.

    Attributes:
        slots: processes that it runs at a time.

    Raises:
        Failure: no Ray, no cluster there, or a node that does not see the root.
    """

    def __init__(self, address: str, root: Path):
        self.ray = imported()
        self.joined = not self.ray.is_initialized()
        where = {} if address == HERE else {"address": address}
        require_answer(address)
        quiet = {"log_to_driver": False, "configure_logging": False}
        if address == HERE and "RAY_ADDRESS" not in os.environ:
            quiet |= {"include_dashboard": False}
        with contextlib.ExitStack() as undo:
            # Ray prints there that a node is lost; stdout is for the answer
            undo.enter_context(contextlib.redirect_stdout(sys.stderr))
            try:
                self.ray.init(**where, **quiet, namespace="phistar")
            except Exception as error:  # of several kinds, by what does not answer
                raise silent(address, error) from error
            if self.joined:
                undo.callback(self.ray.shutdown)
            resources = self.ray.cluster_resources()
            self.gpus = int(resources.get("GPU", 0) > 0)
            self.slots = int(resources.get("GPU" if self.gpus else "CPU", 0))
            self.require_root(Path(root))
            self.undo = undo.pop_all()

    def start(
        self, words: list[str], environment: dict[str, str], folder: Path, log: Path
    ) -> "Task":
        """Start a process on a node, see `Worker`."""
        # on another node, if its node is lost
        runner = self._runner(max_restarts=-1, max_task_retries=-1)
        return Task(self.ray, runner, (words, environment, str(folder), str(log)))

    def together(self, count: int) -> list[Any]:
        """Places for processes that run at the same time, on as many nodes as can be.

        Args:
            count: number of them.

        Returns:
            list of actors, each a Runner.

        Raises:
            Failure: the cluster has no room for all of them.
        """
        share = {"CPU": 1, "GPU": 1} if self.gpus else {"CPU": 1}
        group = self.ray.util.placement_group([share] * count, strategy="SPREAD")
        if count > self.slots or not group.wait(SECONDS):
            what = "GPUs" if self.gpus else "cores"
            raise Failure(
                f"no room for all processes. Received: {count}, on a cluster of "
                f"{self.slots} {what}. Expected as many that are free: ask for fewer, "
                "or wait until other work has ended.",
                USAGE,
            )
        at = self.ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy
        return [
            self._runner(scheduling_strategy=at(group, placement_group_bundle_index=n))
            for n in range(count)
        ]

    def _runner(self, **options: Any) -> Any:
        """A new Runner on a node, with a core of its own, and a GPU if any."""
        actor = self.ray.remote(Runner).options(
            num_cpus=1,
            num_gpus=self.gpus,
            max_concurrency=2,  # `stop` while `run` waits
            runtime_env=known(),
            **options,
        )
        return actor.remote()

    def require_root(self, root: Path) -> None:
        """Refuse a cluster of which a node does not see the project folder.

        Raises:
            Failure: it names the node.
        """
        told = secrets.token_hex(16)
        file = root / "mlruns" / f".seen-{told[:8]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(told, "utf-8")
        at = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        look = self.ray.remote(reads)
        how = {"num_cpus": 0, "max_retries": 0, "runtime_env": known()}
        try:
            nodes = [n for n in self.ray.nodes() if n["Alive"]]
            nodes = [n for n in nodes if n["Resources"].get("CPU", 0)]
            answers = [
                look.options(
                    scheduling_strategy=at(node["NodeID"], soft=False), **how
                ).remote(str(file))
                for node in nodes
            ]
            self.ray.wait(answers, num_returns=len(answers), timeout=SECONDS)
            for node, answer in zip(nodes, answers, strict=True):
                try:
                    found = self.ray.get(answer, timeout=0)
                except Exception as error:  # it is down, or has no phistar
                    found = f"{type(error).__name__}: {brief(error)}"
                if found != told:
                    raise Failure(
                        "every node of a Ray cluster must see the project folder "
                        f"under the same path. Received: {root}, which node "
                        f"{node['NodeID'][:8]} at {node['NodeManagerAddress']} does "
                        f"not see ({found or 'no such file'}). Put the folder on a "
                        "disk that the nodes share, and name it with --root.",
                        USAGE,
                    )
        finally:
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the cluster, which ends its processes."""
        self.undo.close()


class Task:
    """A process on a node; a `Handle`.

    Args:
        ray: the package.
        runner: the actor that runs it.
        arguments: of `Runner.run`.
    """

    def __init__(self, ray: Any, runner: Any, arguments: tuple):
        self.ray, self.runner = ray, runner
        self.status = runner.run.remote(*arguments)

    def poll(self) -> int | None:
        """Its exit status; None while it runs, or waits for another node.

        It is that of a kill if its node is lost, and it may not have another one.
        """
        if not self.ray.wait([self.status], timeout=0)[0]:
            return None
        try:
            return self.ray.get(self.status)
        except self.ray.exceptions.RayActorError:
            return -signal.SIGKILL

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.runner.stop.remote()


def require_answer(address: str) -> None:
    """Refuse an address at which nothing listens: Ray would try for half a minute.

    Raises:
        Failure: nothing does.
    """
    place = urlsplit(address)
    if not place.netloc:
        return
    try:
        where = place.hostname, place.port or PORT
        socket.create_connection(where, CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise silent(address, error) from error


def silent(address: str, error: BaseException) -> Failure:
    """The failure of an address without a cluster."""
    return Failure(
        f"no Ray cluster answers. Received: {address} ({type(error).__name__}: "
        f"{brief(error)}). Expected ray, for this machine, or ray://HOST:{PORT} of a "
        "head node that runs `ray start --head`.",
        USAGE,
    )


def known() -> dict:
    """Variables of a process of Ray, with which it finds this code."""
    return {"env_vars": importing()}


def reads(file: str) -> str:
    """The text of a file on a node, "" without one."""
    import phistar  # noqa: F401  every node must have it

    path = Path(file)
    return path.read_text("utf-8") if path.exists() else ""


def brief(error: BaseException) -> str:
    """The first line of an error."""
    return str(error).strip().partition("\n")[0][:200]
