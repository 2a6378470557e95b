"""The inputs of a stage from outside the store: the data, and an earlier network."""

import json
from functools import lru_cache

from components.data.sources.base import Source
from pipeline.config import schema
from pipeline.config.load import Config


def fingerprint(stage: str, config: Config) -> dict:
    """Plain data that changes with a stage's outside input; {} without one.

    Args:
        stage: its name: ingest reads the source, build may start from a network.
        config: the resolved config.

    Raises:
        ValueError: the input does not exist.
    """
    match stage:
        case "ingest":
            return opened(config).fingerprint
        case "build" if config.sections["build"]["weights"] is not None:
            from components.training import warm_start

            return warm_start.fingerprint(config.sections["build"]["weights"])
        case _:
            return {}


def require(config: Config) -> None:
    """Refuse data that ingest would refuse, without TensorFlow and before a run begins.

    Raises:
        ValueError: a mistake in the data, or a task that they do not fit.
        ConnectionError: data that are not within reach.
    """
    source, section = opened(config), config.sections["ingest"]
    source.require()

    from components.data import checks

    checks.require(
        config.sections["task"],
        source,
        section["source"],
        section["valid_fraction"],
        section["test_fraction"],
        section["seed"],
    )


def require_network(config: Config) -> None:
    """Refuse a network that does not take the source's kind of data.

    Raises:
        ValueError: with the networks that do.
    """
    name, kind = config.sections["build"]["network"], opened(config).kind
    takes = {
        other: schema.chosen("build", other).takes for other in schema.names("build")
    }
    # a new kind of data may fit any network; the network itself refuses its shape
    if kind in set().union(*takes.values()) and kind not in (takes[name] or [kind]):
        fitting = [other for other in takes if kind in takes[other]]
        raise ValueError(
            f"the network {name} takes {' or '.join(takes[name])}. Received: "
            f"build.network={name} with ingest.source="
            f"{config.sections['ingest']['source']}, a source of {kind}. Expected for "
            f"{kind}: build.network={' or '.join(fitting) or 'one of your own'}."
        )


def opened(config: Config) -> Source:
    """The config's Source; its rows are not read.

    Raises:
        ValueError: the source cannot be opened.
    """
    section = config.sections["ingest"]
    own = schema.chosen("ingest", section["source"]).keys
    return _opened(section["source"], json.dumps({key: section[key] for key in own}))


# One command opens a source several times, and each time may hash a large file.
@lru_cache(maxsize=2)
def _opened(name: str, options: str) -> Source:
    from components.data.sources import source

    return source(name)(**json.loads(options))
