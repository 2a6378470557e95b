"""The time of a training on n hosts, from its speed on one and the link between them.

    step(n) = fixed + varying ceil(rows / n) / rows
              + 2 (n - 1) arrays latency + 2 (n - 1) / n  bytes / bandwidth

The first line is the host's own work: each has 1/n of the rows. The second one is a
ring: every host sends its sums around twice, in parts of 1/n. Nothing of it is hidden
behind the work. Rank 0 alone scores valid, so evaluations take as long as on one host.

    efficiency(n) = step(1) / (n step(n))

More hosts pay as long as the efficiency is 1/2 at least.
"""

import re
from typing import NamedTuple

from phistar.pipeline.process.errors import USAGE, Failure

LATENCY = 50e-6  # s, of one message over TCP in one room
PAYS = 0.5  # the least efficiency that does
MOST_HOSTS = 2**20
UNITS = {"M": 1e6, "G": 1e9, "T": 1e12}


class Speed(NamedTuple):
    """Speed of a training on one host.

    Args:
        fixed: s of a step, whatever its rows.
        varying: s of a step for all of its rows together.
        rows: of a step.
        bytes: of the gradients.
        arrays: of the gradients; each is added by itself.
        steps: of the training.
        evaluations: of the training.
        evaluation: s of one.
    """

    fixed: float
    varying: float
    rows: int
    bytes: int
    arrays: int
    steps: int
    evaluations: int
    evaluation: float


class Forecast(NamedTuple):
    """Prediction for a number of hosts.

    Args:
        hosts: n.
        step: s.
        link: s of a step in which the gradients are added.
        efficiency: share of the hosts' time that one host would have needed.
        seconds: of the training, evaluations included.
    """

    hosts: int
    step: float
    link: float
    efficiency: float
    seconds: float


def forecast(
    speed: Speed, hosts: int, bandwidth: float, latency: float = LATENCY
) -> Forecast:
    """The prediction for `hosts`.

    Args:
        speed: on one host.
        hosts: n.
        bandwidth: of the link, bits a second.
        latency: s of one message.
    """
    share = -(-speed.rows // hosts) / speed.rows
    link = 2 * (hosts - 1) * speed.arrays * latency
    link += 2 * (hosts - 1) / hosts * 8 * speed.bytes / bandwidth
    step = speed.fixed + speed.varying * share + link
    efficiency = (speed.fixed + speed.varying) / (hosts * step)
    seconds = speed.steps * step + speed.evaluations * speed.evaluation
    return Forecast(hosts, step, link, efficiency, seconds)


def limits(speed: Speed, bandwidth: float, latency: float = LATENCY) -> tuple[int, int]:
    """The number of hosts up to which more of them pay, and that of the shortest step.

    Both are looked for among powers of two.
    """
    powers = [2**i for i in range(MOST_HOSTS.bit_length())]
    found = [forecast(speed, hosts, bandwidth, latency) for hosts in powers]
    paying = [each.hosts for each in found if each.efficiency >= PAYS]
    return paying[-1], min(found, key=lambda each: each.step).hosts


def hosts_of(text: str) -> list[int]:
    """ "1,8,64" -> [1, 8, 64].

    Raises:
        Failure: it is no list of numbers of hosts.
    """
    words = text.split(",")
    if all(re.fullmatch(r"[0-9]{1,7}", word) for word in words):
        hosts = [int(word) for word in words]
        if all(1 <= number <= MOST_HOSTS for number in hosts):
            return hosts
    raise Failure(
        f"--hosts takes numbers of hosts. Received: {text}. Expected a list like "
        f"1,8,64, each from 1 to {MOST_HOSTS}.",
        USAGE,
    )


def bandwidth_of(text: str) -> float:
    """ "100Gbit" -> 1e11 bits a second.

    Raises:
        Failure: it is no bandwidth.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([MGT])bit(?:/s)?", text)
    if not found or not float(found[1]):
        raise Failure(
            f"--link takes a bandwidth. Received: {text}. Expected a number with "
            "Mbit, Gbit or Tbit, like 100Gbit.",
            USAGE,
        )
    return float(found[1]) * UNITS[found[2]]
