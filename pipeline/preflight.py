"""Preflight: the later stages on two batches, before hours go into training.

The stages themselves run, with two steps of training, on the first rows of each
split, into a temporary folder: the export is written, reloaded and asked. What
passed is remembered under train's key.
"""

import json
import shutil
from pathlib import Path

from pipeline import quiet
from pipeline.call import call
from pipeline.execution import note
from pipeline.plan import expected_seconds, nearest_manifest
from pipeline.stages import STAGES

LONG_SECONDS = 60  # training expected to take longer is checked without being asked
# the same, as long as nothing is known of its speed
LONG_EXAMPLES = 200_000
LONG_TOKENS = 4_000_000  # a text's labels: kjv_quick reads 75,000 a second on two cores


def check(config, store, artifacts, key, run_id):
    """Run build's successors on two batches; raises what they raise.

    Args:
        config: Config.
        store: Store, for the temporary folder and the memory of what passed.
        artifacts: {"dataset": Path, "network": Path}, of ingest and build.
        key: of train.
        run_id: of the execution.
    """
    if store.get("preflight", key) is not None:
        return
    note("preflight: train, evaluate and export on two batches")
    with store.write("preflight", key, {"train": key}, {"run_id": run_id}) as folder:
        _run(config, dict(artifacts), folder, run_id)
        # that it passed is all that is kept
        for written in folder.iterdir():
            shutil.rmtree(written)


def _run(config, artifacts, folder, run_id):
    quiet.import_keras()
    from components.artifacts import truncate

    rows = 2 * config.sections["train"]["batch_size"]
    context = _description(artifacts, "network")["arguments"].get("context")
    tokens = context and rows * context  # a row of a batch is a window of a text
    truncate(artifacts["dataset"], folder / "ingest", rows, tokens)
    artifacts["dataset"] = folder / "ingest"
    shorter = {"steps": 2, "epochs": None, "eval_every": 1}
    for stage in STAGES[2:]:
        section = dict(config.sections[stage.name])
        backend = section.get("backend", "tensorflow")
        section |= shorter if stage.name == "train" else {}
        arguments = {"task": config.sections["task"], **section}
        arguments |= {word: str(artifacts[word]) for word in stage.reads}
        (folder / stage.name).mkdir()
        call(stage.name, arguments, folder / stage.name, run_id, False, backend)
        artifacts[stage.gives] = folder / stage.name


def is_long(parts, store, artifacts):
    """Whether training is expected to take more than a minute.

    Args:
        parts: of train's key.
        store: Store: past runs tell the speed.
        artifacts: {"dataset": Path, "network": Path}, of ingest and build.
    """
    nearest, _ = nearest_manifest(parts, store, ignore_inputs=True)
    seconds = expected_seconds(store, nearest, parts)
    if seconds is not None:
        return seconds > LONG_SECONDS
    arguments = parts["arguments"]
    context = _description(artifacts, "network")["arguments"].get("context")
    if arguments["train.epochs"]:
        a_pass = sum(_description(artifacts, "dataset")["train_counts"])
        labels = arguments["train.epochs"] * a_pass
    else:  # an example of a batch is a window of a text, or has one label
        examples = arguments["train.steps"] * arguments["train.batch_size"]
        labels = examples * (context or 1)
    return labels > (LONG_TOKENS if context else LONG_EXAMPLES)


def _description(artifacts, word):
    """What an artifact says of itself.  -> dict."""
    return json.loads((Path(artifacts[word]) / f"{word}.json").read_text("utf-8"))
