"""The plan past this machine: the time of a training on several hosts."""

from phistar.pipeline.config.load import Config
from phistar.pipeline.launch import forecast
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.run.process import require_backend
from phistar.pipeline.run.speed import speed_of
from phistar.pipeline.store.store import Store


def hosts_plan(
    config: Config, store: Store, hosts: str | None, link: str | None
) -> dict:
    """The time of a training on several hosts.

    Args:
        config: the resolved config.
        store: it has the results of ingest and build.
        hosts: their numbers, like "1,8,64".
        link: the bandwidth between them, like "100Gbit".

    Returns:
        "speed", see `forecast.Speed`; "measured", True if it was measured now; "link",
        bits a second; "hosts", for each number {"hosts", "step_seconds",
        "link_seconds", "efficiency", "seconds"}; "pays_up_to" and "fastest", see
        `forecast.limits`.

    Raises:
        Failure: an option is missing or has no sense; there is nothing to measure.
    """
    if not hosts or not link:
        raise Failure(
            "--hosts and --link belong together. Received: only "
            f"{'--hosts' if hosts else '--link'}. Expected both, like --hosts 1,8,64 "
            "--link 100Gbit.",
            USAGE,
        )
    numbers, bandwidth = forecast.hosts_of(hosts), forecast.bandwidth_of(link)
    backend = config.sections["train"]["backend"]
    if backend != "jax":
        raise Failure(
            f"several hosts train with JAX only. Received: train.backend={backend}. "
            "Expected train.backend=jax.",
            USAGE,
        )
    require_backend(backend)
    speed, measured = speed_of(config, store)
    found = [forecast.forecast(speed, number, bandwidth) for number in numbers]
    pays, fastest = forecast.limits(speed, bandwidth)
    return {
        "speed": speed._asdict(),
        "measured": measured,
        "link": bandwidth,
        "hosts": [
            {
                "hosts": each.hosts,
                "step_seconds": each.step,
                "link_seconds": each.link,
                "efficiency": each.efficiency,
                "seconds": each.seconds,
            }
            for each in found
        ],
        "pays_up_to": pays,
        "fastest": fastest,
    }
