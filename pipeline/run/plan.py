"""What a run would do, and why: nothing is run, keras is not imported."""

from itertools import pairwise
from statistics import median

from pipeline.config.choices import CHOSEN_BY
from pipeline.record.journal import read
from pipeline.run.stages import STAGES, stage_parts
from pipeline.store import keys

SAME = ("task.name", "ingest.source")  # only runs of these tell anything
COMPARED = 50  # newest manifests of a stage that a missing key is compared with


def plan(config, store):
    """Per stage: cached, or the reasons to run it, and about how long it will take.

    Args:
        config: Config.
        store: Store; hashes are not checked.

    Returns:
        list of {"stage", "status": "cached" or "run", "key" (None as long as
        something upstream must run), "reasons": [str], "seconds": float or None}.
    """
    manifests, rows, running = {}, [], {}  # by the word of the artifact
    for stage in STAGES:
        upstream = [running[word] for word in stage.reads if word in running]
        # what a stage that must run will write is not known yet
        known = {word: manifests.get(word, {"files": {}}) for word in stage.reads}
        parts = stage_parts(stage, config, known)
        key = None if upstream else keys.key(parts)
        manifest = store.manifest(stage.name, key) if key else None
        reasons = [f"{name} will run" for name in upstream]
        if manifest:
            status, seconds = "cached", 0.0
            manifests[stage.gives] = manifest
            running.pop(stage.gives, None)
        else:
            status = "run"
            nearest, changed = nearest_manifest(parts, store, bool(upstream))
            if nearest is None:
                reasons.append("never run")
            else:
                reasons += changed
            seconds = expected_seconds(store, nearest, parts)
            running[stage.gives] = stage.name
        rows.append(
            {
                "stage": stage.name,
                "status": status,
                "key": key,
                "reasons": reasons,
                "seconds": seconds,
            }
        )
    return rows


def nearest_manifest(parts, store, ignore_inputs):
    """The past artifact whose key differs in the fewest words.

    Args:
        parts: of the key that is missing.
        store: Store.
        ignore_inputs: leave the files read out of the comparison.

    Returns:
        (manifest, differences), or (None, []).
    """
    best, fewest = None, []
    for manifest in store.manifests(parts["stage"])[:COMPARED]:
        old = manifest["parts"]
        before, now = old["arguments"], parts["arguments"]
        if any(before.get(name) != now.get(name) for name in SAME):
            continue  # other work altogether: no words would help
        if ignore_inputs:
            old = old | {"inputs": parts["inputs"]}
        if any(before.get(name) != now.get(name) for name in CHOSEN_BY.values()):
            # another choice says it all: of course its code is another
            old = old | {name: parts[name] for name in ("code", "libraries")}
        changed = keys.differences(old, parts)
        if best is None or len(changed) < len(fewest):
            best, fewest = manifest, changed
    return best, fewest


def expected_seconds(store, manifest, parts):
    """What the nearest past run took, with as many steps as are asked for now.

    Args:
        store: Store, where the journal of that run is.
        manifest: of it, or None.
        parts: of the key that is missing.

    Returns:
        Seconds, or None.
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


def stepping_seconds(store, manifest):
    """How long a past training took without its start: all its steps, at the median
    speed between two evaluations.  s, or None if there was only one."""
    journal = store.path(manifest["stage"], manifest["key"]) / "journal.jsonl"
    points = [
        (entry["step"], entry["time"] / 1000)
        for entry in read(journal)[0]
        if entry["kind"] == "metrics"
    ]
    speeds = [(t2 - t1) / (s2 - s1) for (s1, t1), (s2, t2) in pairwise(points)]
    return points[-1][0] * median(speeds) if speeds else None
