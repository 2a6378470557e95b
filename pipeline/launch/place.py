"""The place of a process among those that train together, from its environment.

    variables of    address of rank 0, number of processes, rank
    Keras           KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES, _PROCESS_ID
    JAX, Kubeflow   JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES, JAX_PROCESS_ID
    SLURM's srun    SLURM_STEP_NODELIST, SLURM_STEP_NUM_TASKS, SLURM_PROCID

The first group that is set counts.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from phistar.pipeline.process.errors import USAGE, Failure

KERAS = "KERAS_DISTRIBUTION_"
GROUPS = (
    (f"{KERAS}JOB_ADDRESSES", f"{KERAS}NUM_PROCESSES", f"{KERAS}PROCESS_ID"),
    ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
)
SLURM = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID")
# Ports that SLURM's jobs get by their number, as JAX does: the highest 4,096.
FIRST_PORT, PORTS = 61440, 4096


class Place(NamedTuple):
    """Place of a process.

    Args:
        host: of rank 0, as the others reach it.
        port: of rank 0.
        count: processes.
        rank: of this process, 0 ... count-1.
    """

    host: str
    port: int
    count: int
    rank: int

    @property
    def address(self) -> str:
        """HOST:PORT of rank 0."""
        return f"{self.host}:{self.port}"

    @property
    def local(self) -> bool:
        """True if no other machine can take part."""
        return self.host in ("127.0.0.1", "localhost")

    def variables(self) -> dict[str, str]:
        """The environment variables that mean this place."""
        values = self.address, str(self.count), str(self.rank)
        return dict(zip(GROUPS[0], values, strict=True))


def place_of(environment: Mapping[str, str]) -> Place | None:
    """The place that an environment means; None without such variables.

    Raises:
        Failure: a variable of a group is missing, or has no sense.
    """
    for group in GROUPS:
        given = {name: environment[name] for name in group if environment.get(name)}
        if not given:
            continue
        if missing := [name for name in group if name not in given]:
            raise Failure(
                "the variables that place a process are not all set. Received: "
                f"{_shown(given)}. Expected also {' and '.join(missing)}.",
                USAGE,
            )
        # Keras takes the addresses of all; rank 0 is the first
        address, count, rank = given.values()
        return _checked(address.partition(",")[0], count, rank, given)
    given = {name: environment[name] for name in SLURM if environment.get(name)}
    if len(given) < len(SLURM):
        return None
    job, nodes, count, rank = given.values()
    port = FIRST_PORT + int(job) % PORTS
    return _checked(f"{first_host(nodes)}:{port}", count, rank, given)


def first_host(nodes: str) -> str:
    """The first of a SLURM list: "node[007-009,12],other" -> "node007"."""
    found = re.match(r"([^\[,]+)(?:\[([^\],-]+))?", nodes)
    return "".join(filter(None, found.groups()))


def _checked(address: str, count: str, rank: str, given: dict[str, str]) -> Place:
    """The place that three words mean.

    Raises:
        Failure: they mean none.
    """
    host, _, port = address.rpartition(":")
    numbers = [int(word) if word.isdecimal() else -1 for word in (port, count, rank)]
    if not host or numbers[0] < 1 or not 0 <= numbers[2] < numbers[1]:
        raise Failure(
            f"the variables place no process. Received: {_shown(given)}. Expected the "
            "HOST:PORT of rank 0, a number of processes, and a rank from 0 to that "
            "number less 1.",
            USAGE,
        )
    return Place(host, *numbers)


def _shown(given: dict[str, str]) -> str:
    """Variables as one sets them."""
    return " ".join(f"{name}={value}" for name, value in given.items())
