"""Copy results of the store to an address that machines share, and from there."""

from collections.abc import Callable, Iterable, Iterator

from phistar.pipeline.config.load import Config
from phistar.pipeline.process.terminal import working
from phistar.pipeline.run.cached import work
from phistar.pipeline.run.stages import NAMES, STAGES
from phistar.pipeline.store.remote import Remote
from phistar.pipeline.store.store import Store


def push(url: str, config: Config | None, store: Store) -> dict:
    """Copy results there, those of a recipe or all.

    Args:
        url: of the remote.
        config: the resolved config of the recipe; None: all results of the store.
        store: the results of all stages.

    Returns:
        url; copied, the {stage, key, bytes} of results that were not there; present,
        how many were; missing, the stages of the recipe that have no result here.
    """
    remote = Remote(url)
    if config is None:
        wanted = ((name, m["key"]) for name in NAMES for m in store.manifests(name))
    else:
        wanted = of_recipe(config, store)

    def copy(stage: str, key: str) -> int | None:
        return remote.push(store, stage, key)

    return carried(url, "push", wanted, copy, config)


def pull(url: str, config: Config | None, store: Store) -> dict:
    """Copy results from there; the same words as `push`."""
    remote = Remote(url)
    wanted = remote.keys() if config is None else of_recipe(config, store, remote)

    def copy(stage: str, key: str) -> int | None:
        with store.lock(stage, key):
            return None if store.get(stage, key) else remote.pull(store, stage, key)

    return carried(url, "pull", wanted, copy, config)


def carried(
    url: str,
    title: str,
    wanted: Iterable[tuple[str, str]],
    copy: Callable[[str, str], int | None],
    config: Config | None,
) -> dict:
    """Copy results one after the other.

    Args:
        url: of the remote.
        title: shown on the terminal.
        wanted: (stage, key) of each result.
        copy: function of (stage, key) -> bytes, None if there was nothing to do.
        config: the resolved config of a recipe, or None.

    Returns:
        What `push` returns.
    """
    copied, present, found = [], 0, set()
    with working(title, url) as shown:
        for stage, key in wanted:
            found.add(stage)
            shown.doing(f"{stage} {key[:12]}")
            if (size := copy(stage, key)) is None:
                present += 1
            else:
                copied.append({"stage": stage, "key": key, "bytes": size})
    missing = [name for name in NAMES if config and name not in found]
    return {"url": url, "copied": copied, "present": present, "missing": missing}


def of_recipe(
    config: Config, store: Store, remote: Remote | None = None
) -> Iterator[tuple[str, str]]:
    """The (stage, key) of a recipe's results, to the first stage without one.

    Args:
        config: the resolved config.
        store: the results here.
        remote: further results.
    """
    manifests = {}
    for stage in STAGES:
        key = work(stage, config, manifests).key
        manifest = store.manifest(stage.name, key)
        if manifest is None and remote is not None:
            manifest = remote.manifest(stage.name, key)
        if manifest is None:
            return
        yield stage.name, key
        manifests[stage.gives] = manifest
