"""The inputs of a stage from outside the store: the data, and an earlier network."""

import json
from functools import lru_cache

from pipeline.config import schema
from pipeline.process.errors import Failure


def fingerprint(stage: str, config) -> dict:
    """Plain data that changes when the outside input of a stage changes; else {}.

    Args:
        stage: its name: ingest reads the source, build may start from a network.
        config: Config.

    Raises:
        Failure: the input does not exist.
    """
    match stage:
        case "ingest":
            return opened(config).fingerprint
        case "build":
            return weights_fingerprint(config)
        case _:
            return {}


def opened(config):
    """The config's Source; its rows are not read.

    Raises:
        Failure: the source cannot be opened.
    """
    section = config.sections["ingest"]
    own = schema.chosen("ingest", section["source"]).keys
    options = {key: section[key] for key in own}
    try:
        return _opened(section["source"], json.dumps(options))
    except Exception as error:
        raise Failure.of(error) from error


# One command opens a source several times, and each time may hash a large file.
@lru_cache(maxsize=2)
def _opened(name: str, options: str):
    from components.data.sources import source

    return source(name)(**json.loads(options))


def require_rows(config) -> None:
    """Refuse a source whose rows are out of reach.

    Raises:
        Failure: it says what to do.
    """
    try:
        opened(config).require()
    except Exception as error:
        raise Failure.of(error) from error


def weights_fingerprint(config) -> dict:
    """SHA-256 of the earlier network that build starts from; {} without one.

    Raises:
        Failure: it does not exist.
    """
    from components.training.warm_start import fingerprint

    weights = config.sections["build"]["weights"]
    try:
        return fingerprint(weights) if weights is not None else {}
    except ValueError as error:
        raise Failure.of(error) from error
