"""The work that a run would do, and why: nothing is run, keras is not imported."""

from itertools import pairwise
from statistics import median

from phistar.pipeline.config.choices import CHOSEN_BY
from phistar.pipeline.config.load import Config
from phistar.pipeline.record.journal import read
from phistar.pipeline.run.cached import cached, work
from phistar.pipeline.run.sources import require_network
from phistar.pipeline.run.stages import STAGES
from phistar.pipeline.store import keys
from phistar.pipeline.store.shared import shared
from phistar.pipeline.store.store import Store

SAME = ("task.name", "ingest.source")  # other runs than these explain nothing
COMPARED = 50  # newest manifests of a stage that a missing key is compared with


def plan(config: Config, store: Store) -> list[dict]:
    """Per stage: cached, or the reasons to run it and the expected time.

    Args:
        config: the resolved config.
        store: the results of all stages; hashes are not checked.

    Returns:
        list of {"stage", "status": "cached" or "run", "key" (None as long as
        something upstream must run), "reasons": [str], "seconds": float or None}.

    Raises:
        ValueError: a network that does not take the data.
    """
    require_network(config)
    rows, manifests, running = [], {}, {}  # the last two by the artifact's word
    for stage in STAGES:
        wanted = work(stage, config, manifests)
        row = {"stage": stage.name, "status": "cached", "key": wanted.key}
        if manifest := cached(wanted, store, check=False):
            manifests[stage.gives] = manifest
            here = store.manifest(stage.name, wanted.key)
            where = [] if here else [f"at {shared().remote.url}"]
            rows.append(row | {"reasons": where, "seconds": 0.0})
            continue
        upstream = [running[word] for word in stage.reads if word in running]
        nearest, changed = nearest_manifest(wanted.parts, store, bool(upstream))
        reasons = [f"{name} will run" for name in upstream]
        reasons += changed if nearest else ["never run"]
        seconds = expected_seconds(store, nearest, wanted.parts)
        rows.append(row | {"status": "run", "reasons": reasons, "seconds": seconds})
        # what this stage will write is not known yet
        manifests.pop(stage.gives, None)
        running[stage.gives] = stage.name
    return rows


def nearest_manifest(
    parts: dict, store: Store, ignore_inputs: bool
) -> tuple[dict | None, list[str]]:
    """The past artifact whose key differs in the fewest words.

    Args:
        parts: of the key that is missing.
        store: the results of all stages.
        ignore_inputs: leave the files that are read out of the comparison.

    Returns:
        (manifest, differences), or (None, []).
    """
    best, fewest = None, []
    for manifest in store.manifests(parts["stage"])[:COMPARED]:
        old = manifest["parts"]
        before, now = old["arguments"], parts["arguments"]
        if any(before.get(name) != now.get(name) for name in SAME):
            continue  # another task or source: the list would name everything
        if ignore_inputs:
            old = old | {"inputs": parts["inputs"]}
        if any(before.get(name) != now.get(name) for name in CHOSEN_BY.values()):
            # the choice explains it: another choice always has other code
            old = old | {name: parts[name] for name in ("code", "libraries")}
        changed = keys.differences(old, parts)
        if best is None or len(changed) < len(fewest):
            best, fewest = manifest, changed
    return best, fewest


def expected_seconds(store: Store, manifest: dict | None, parts: dict) -> float | None:
    """Time of the nearest past run, scaled to the steps of this one.

    Args:
        store: it holds the journal of that run.
        manifest: of its result, or None.
        parts: of the key that is missing.

    Returns:
        s; None without a past run.
    """
    if manifest is None:
        return None
    seconds, ratio = manifest["origin"]["seconds"], 1.0
    for name in ("train.steps", "train.epochs"):
        old = manifest["parts"]["arguments"].get(name)
        new = parts["arguments"].get(name)
        if old and new:
            ratio = new / old
    if ratio != 1:
        # importing and compiling take as long for any number of steps
        stepping = min(seconds, stepping_seconds(store, manifest) or seconds)
        seconds += (ratio - 1) * stepping
    return round(seconds, 1)


def stepping_seconds(store: Store, manifest: dict) -> float | None:
    """Time of a past training's steps, without its start.

    Returns:
        s: all steps at the median speed between two evaluations, since a training
        may have been stopped for a night; None if there was only one evaluation.
    """
    journal = store.path(manifest["stage"], manifest["key"]) / "journal.jsonl"
    points = [
        (entry["step"], entry["time"] / 1000)
        for entry in read(journal)[0]
        if entry["kind"] == "metrics"
    ]
    # the clock may have been set back in between
    speeds = [
        (t2 - t1) / (s2 - s1) for (s1, t1), (s2, t2) in pairwise(points) if t2 > t1
    ]
    return points[-1][0] * median(speeds) if speeds else None
