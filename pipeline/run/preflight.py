"""Preflight: the later stages on two batches, before hours go into training.

The untrained network is asked the laws of components/training/laws.py. Then the stages
themselves run, with a few steps of training, on the first rows of each split, into a
temporary folder: the export is written, reloaded and asked. What passed is remembered
under train's key, and what training will take is told.
"""

import json
import math
import os
import shutil
from pathlib import Path

from pipeline.process import quiet
from pipeline.process.errors import Failure
from pipeline.process.terminal import note
from pipeline.record.journal import read
from pipeline.run.plan import expected_seconds, nearest_manifest
from pipeline.run.process import call
from pipeline.run.stages import STAGES

# of two executions the first one is slow: the second tells the speed
SHORTER = {"steps": 4, "epochs": None, "eval_every": 2}
LONG_SECONDS = 60  # training expected to take longer is checked without being asked
# the same, as long as nothing is known of its speed
LONG_EXAMPLES = 200_000
LONG_TOKENS = 4_000_000  # a text's labels: kjv_quick reads 75,000 a second on two cores
LONG_PAIRED = 250_000  # a translation's: libreoffice_en_de learns 4,500 a second there


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
    note("preflight: its laws; then train, evaluate and export on two batches")
    with store.write("preflight", key, {"train": key}, {"run_id": run_id}) as folder:
        _run(config, dict(artifacts), folder, run_id)
        expected = estimate(config, artifacts, folder)
        # that it passed is all that is kept
        for written in folder.iterdir():
            shutil.rmtree(written)
    note(f"preflight: passed; {expected}")


def _run(config, artifacts, folder, run_id):
    os.environ |= quiet.environment()
    quiet.import_keras()
    from components.artifacts import Dataset, truncate
    from components.training import laws

    section = config.sections["train"]
    rows, train_rows = 2 * section["batch_size"], None
    context = _description(artifacts, "network")["arguments"].get("context")
    tokens = context and rows * context  # a row of a batch is a window of a text
    if section["batch_tokens"]:  # of pairs
        lengths = Dataset.load(artifacts["dataset"]).split("train")[1].lengths
        train_rows = math.ceil(2 * section["batch_tokens"] / lengths.mean())
    truncate(artifacts["dataset"], folder / "ingest", rows, tokens, train_rows)
    artifacts["dataset"] = folder / "ingest"
    try:
        laws.check(
            config.sections["task"],
            artifacts["dataset"],
            artifacts["network"],
            **{name: section[name] for name in ("loss", "batch_size", "batch_tokens")},
            warm=config.sections["build"]["weights"] is not None,
        )
    except Exception as error:
        raise Failure.of(error) from error
    for stage in STAGES[2:]:
        section = dict(config.sections[stage.name])
        backend = section.get("backend", "tensorflow")
        section |= SHORTER if stage.name == "train" else {}
        arguments = {"task": config.sections["task"], **section}
        arguments |= {word: str(artifacts[word]) for word in stage.reads}
        (folder / stage.name).mkdir()
        call(stage.name, arguments, folder / stage.name, run_id, False, backend)
        artifacts[stage.gives] = folder / stage.name


def estimate(config, artifacts, folder):
    """What the whole training will take, of what the short one took.

    Args:
        config: Config.
        artifacts: {"dataset": Path, "network": Path}, of ingest and build.
        folder: Path of the preflight, with its dataset and its training.

    Returns:
        str.
    """
    from components.artifacts import Dataset, load_network, make_task
    from components.training.steps import length

    section, data = config.sections["train"], Dataset.load(artifacts["dataset"])
    task, network = config.sections["task"], load_network(artifacts["network"])[0]
    names = ("batch_size", "batch_tokens", "seed")
    plan = make_task(task, data.space).plan(
        *data.split("train"),
        network,
        *(section[name] for name in names),
        section["accumulate"],
    )
    given = (section[name] for name in ("steps", "epochs", "eval_every"))
    steps, eval_every = length(plan, *given)
    tags = {}
    for entry in read(folder / "train" / "journal.jsonl")[0]:
        tags |= entry["values"] if entry["kind"] == "tags" else {}
    step, evaluation = (
        float(tags[f"{name}_milliseconds"]) / 1e3 for name in ("step", "evaluation")
    )
    few = Dataset.load(folder / "ingest")
    share = _num_labels(data, "valid") / _num_labels(few, "valid")
    seconds = steps * step + steps // eval_every * share * evaluation
    memory = float(tags["device_peak_memory_mib"]) / 1024
    return (
        f"training will take about {_duration(seconds)} ({steps} steps of "
        f"{1e3 * step:.3g} ms, and evaluations); its process {memory:.1f} GiB of memory"
    )


def _num_labels(data, split):
    """Labels of a split; of texts, tokens.  -> int."""
    labels = data.split(split)[1]
    return int(labels.offsets[-1]) if hasattr(labels, "offsets") else len(labels)


def _duration(seconds):
    """Seconds as one would say them.  -> str."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


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
    paired = arguments["train.batch_tokens"]
    if arguments["train.epochs"]:
        a_pass = sum(_description(artifacts, "dataset")["train_counts"])
        labels = arguments["train.epochs"] * a_pass
    elif paired:
        labels = arguments["train.steps"] * paired
    else:  # an example of a batch is a window of a text, or has one label
        examples = arguments["train.steps"] * arguments["train.batch_size"]
        labels = examples * (context or 1)
    if paired:
        return labels > LONG_PAIRED
    return labels > (LONG_TOKENS if context else LONG_EXAMPLES)


def _description(artifacts, word):
    """What an artifact says of itself.  -> dict."""
    return json.loads((Path(artifacts[word]) / f"{word}.json").read_text("utf-8"))
