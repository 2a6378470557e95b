"""The inputs of a stage from outside the store: the data, and an earlier network."""

import json
from functools import lru_cache

from phistar.components.data.sources.base import Source
from phistar.pipeline.config import schema
from phistar.pipeline.config.load import Config


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
            from phistar.components.training import warm_start

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

    from phistar.components.data import checks

    checks.require(
        config.sections["task"],
        source,
        section["source"],
        section["valid_fraction"],
        section["test_fraction"],
        section["seed"],
        section["fold"],
    )


def require_network(config: Config) -> None:
    """Refuse a network that does not take the source's kind of data.

    Raises:
        ValueError: with the networks that do.
    """
    name, kind = config.sections["build"]["network"], opened(config).kind
    takes = schema.chosen("build", name).takes
    if not takes or kind in takes:
        return
    every = {n: schema.chosen("build", n).takes for n in schema.names("build")}
    fitting = [other for other in every if kind in every[other]]
    if not fitting:
        return  # a new kind of data may fit: the network itself refuses its shape
    raise ValueError(
        f"the network {name} takes {' or '.join(takes)}. Received: "
        f"build.network={name} with ingest.source={config.sections['ingest']['source']}"
        f", a source of {kind}. Expected for {kind}: build.network="
        f"{' or '.join(fitting)}."
    )


def opened(config: Config) -> Source:
    """The config's Source; its rows are not read.

    Raises:
        ValueError: the source cannot be opened.
    """
    section = config.sections["ingest"]
    own = schema.chosen("ingest", section["source"]).keys
    return _opened(section["source"], json.dumps({key: section[key] for key in own}))


def forget() -> None:
    """Open sources anew from now on: a run begins, and files may have changed."""
    _opened.cache_clear()


# One command opens a source several times, and each time may hash a large file.
@lru_cache(maxsize=2)
def _opened(name: str, options: str) -> Source:
    from phistar.components.data.sources import source

    return source(name)(**json.loads(options))
