"""The code that decides if a stage is cached: the same for `run`, `plan`, `--from`.

A stage's key is made of exactly what the stage receives. `work` makes the key, and
`cached` looks for the result under it: in the store, then at PHISTAR_REMOTE.
"""

from typing import NamedTuple

from phistar.pipeline.config.load import Config
from phistar.pipeline.run import sources
from phistar.pipeline.store import keys
from phistar.pipeline.store.shared import shared
from phistar.pipeline.store.store import Store


class Work(NamedTuple):
    """A stage under one config.

    Args:
        stage: its name.
        parts: what its key is made of.
        key: of its result; None as long as an artifact that it reads must be made.
    """

    stage: str
    parts: dict
    key: str | None


def work(stage: NamedTuple, config: Config, manifests: dict[str, dict]) -> Work:
    """The work of a stage, and the key of its result.

    Args:
        stage: its row in the table of stages, a `stages.Stage`.
        config: the resolved config.
        manifests: word of an artifact -> manifest of the one given to the stage; an
            artifact that must be made is left out.
    """
    known = {word: manifests.get(word, {"files": {}}) for word in stage.reads}
    parts = stage_parts(stage, config, known)
    complete = stage.reads.keys() <= manifests.keys()
    return Work(stage.name, parts, keys.key(parts) if complete else None)


def stage_parts(stage: NamedTuple, config: Config, manifests: dict[str, dict]) -> dict:
    """The parts that a stage's key is made of, see `keys.stage_parts`."""
    source = sources.fingerprint(stage.name, config)
    kind = sources.opened(config).kind
    return keys.stage_parts(stage, config.sections, manifests, kind=kind, source=source)


def cached(wanted: Work, store: Store, check: bool = True) -> dict | None:
    """The manifest of a stage's result; None: the stage must run.

    Args:
        wanted: the stage and its key.
        store: the results of all stages; gets the result if only the remote has it.
        check: False trusts the manifest, hashes no files and copies none.
    """
    if wanted.key is None:
        return None
    where, remote = (wanted.stage, wanted.key), shared()
    if not check:
        return store.manifest(*where) or (remote and remote.manifest(*where))
    if store.get(*where) is None and not (remote and remote.pull(store, *where)):
        return None
    return store.manifest(*where)
