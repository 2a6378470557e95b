"""Preflight: the later stages on two batches, before hours go into training.

First the untrained network must obey the laws of components/training/laws.py. Then
the stages themselves run on the first rows of each split, with few steps of training,
in a temporary folder. The export is written, loaded again and called. Success is
remembered under train's key, and the time of the training is estimated.
"""

import json
import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phistar.components import progress
from phistar.pipeline.config.load import Config
from phistar.pipeline.process import disk, quiet
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.process.terminal import duration, note, working
from phistar.pipeline.record.journal import read
from phistar.pipeline.run.plan import expected_seconds, nearest_manifest
from phistar.pipeline.run.process import call
from phistar.pipeline.run.stages import STAGES, arguments
from phistar.pipeline.store.store import Store

if TYPE_CHECKING:
    from phistar.components.artifacts import Dataset

# Two executions: the first one compiles, the second shows the speed.
SHORTER = {"steps": 4, "epochs": None, "eval_every": 2}
LONG_SECONDS = 60  # training that is expected to take longer gets a preflight
# The same limit in labels, as long as the speed is not known.
LONG_EXAMPLES = 200_000
LONG_TOKENS = 4_000_000  # of a text: kjv_quick reads 75,000 a second on two cores
LONG_PAIRED = 250_000  # of translations: libreoffice_en_de learns 4,500 a second there


def check(config: Config, store: Store, artifacts: dict, key: str, run_id: str) -> None:
    """Run the successors of build on two batches; raise what they raise.

    Args:
        config: the resolved config.
        store: for the temporary folder, and to remember success.
        artifacts: {"dataset": Path, "network": Path}, of ingest and build.
        key: of train.
        run_id: of the execution.
    """
    if store.get("preflight", key) is not None:
        return
    note("preflight: its laws; then train, evaluate and export on two batches")
    with (
        working("preflight"),
        store.write("preflight", key, {"train": key}, {"run_id": run_id}) as folder,
    ):
        few = folder / "ingest"
        try:
            _obey_laws(config, artifacts, few)
        except Exception as error:
            raise Failure.of(error) from error
        _run_stages(config, artifacts | {"dataset": few}, folder, run_id)
        expected = estimate(config, artifacts, folder)
        require_space(config, store.root, folder)
        # the folder becomes the memory of the success: an empty artifact
        for written in folder.iterdir():
            shutil.rmtree(written)
    note(f"preflight: passed; {expected}")


def _obey_laws(config: Config, artifacts: dict, few: Path) -> None:
    """Write the first rows of the dataset to `few`; check the laws on them."""
    first_rows(config, artifacts, few)
    from phistar.components.training import laws

    progress.doing("checking the laws of the network")
    section = config.sections["train"]
    laws.check(
        config.sections["task"],
        few,
        artifacts["network"],
        **{name: section[name] for name in ("loss", "batch_size", "batch_tokens")},
        warm=config.sections["build"]["weights"] is not None,
    )


def first_rows(config: Config, artifacts: dict, few: Path) -> Path:
    """Write the rows of about two batches to `few`.  -> `few`."""
    os.environ |= quiet.environment()
    progress.doing(f"starting {quiet.backend_name()}")
    quiet.load_library()
    quiet.import_keras()
    from phistar.components.artifacts import Dataset, truncate

    section = config.sections["train"]
    rows, train_rows = 2 * section["batch_size"], None
    context = _description(artifacts, "network")["arguments"].get("context")
    tokens = context and rows * context  # a row of a batch is a window of a text
    if section["batch_tokens"]:  # of pairs: as many as have the tokens of two batches
        lengths = Dataset.load(artifacts["dataset"]).split("train")[1].lengths
        train_rows = math.ceil(2 * section["batch_tokens"] / lengths.mean())
    truncate(artifacts["dataset"], few, rows, tokens, train_rows)
    return few


def _run_stages(config: Config, artifacts: dict, folder: Path, run_id: str) -> None:
    """Run train, evaluate and export into `folder`, each on the results so far."""
    for stage in STAGES[2:]:
        given = arguments(config, stage.name, {w: artifacts[w] for w in stage.reads})
        given |= SHORTER if stage.name == "train" else {}
        artifacts[stage.gives] = folder / stage.name
        artifacts[stage.gives].mkdir()
        call(stage.name, given, artifacts[stage.gives], run_id)


def estimate(config: Config, artifacts: dict, folder: Path) -> str:
    """Time and memory of the whole training, from those of the short one.

    Args:
        config: the resolved config.
        artifacts: {"dataset": Path, "network": Path}, of ingest and build.
        folder: of the preflight, with its dataset and its training.

    Raises:
        Failure: if the steps of the training are not a multiple of its `eval_every`.
    """
    _, steps, evaluations = length_of(config, artifacts)
    step, evaluation = times(folder / "train")
    share = valid_share(artifacts["dataset"], folder / "ingest")
    seconds = steps * step + evaluations * share * evaluation
    memory = float(_tags(folder / "train")["device_peak_memory_mib"]) / 1024
    return (
        f"training will take about {duration(seconds)} ({steps} steps of "
        f"{1e3 * step:.3g} ms, and evaluations); its process {memory:.1f} GiB of memory"
    )


def require_space(config: Config, mlruns: Path, folder: Path) -> None:
    """Refuse a disk on which the training and what comes after it have no place.

    Args:
        config: the resolved config.
        mlruns: folder of all results.
        folder: of the preflight, with what it has written of this run.

    Raises:
        Failure: with the bytes that are free.
    """
    from phistar.components.training.checkpoint_files import KEPT

    written = [path for path in folder.rglob("*") if path.is_file()]
    weights = (folder / "train" / "weights.npz").stat().st_size
    # an optimizer's variables are three times the weights at most; the last ones may
    # be averaged; and one checkpoint is written while the others are still there
    checkpoint = (3 + config.sections["train"]["average"]) * weights
    needed = (KEPT + 1) * (checkpoint + weights)
    needed += sum(path.stat().st_size for path in written)
    if lacking := disk.lacking(needed, mlruns):
        raise Failure(f"the disk is too full for this run. {lacking}")


def times(folder: Path) -> tuple[float, float]:
    """Time of a step, and of an evaluation, of the training in a folder.  -> (s, s)."""
    tags = _tags(folder)
    step, evaluation = (
        float(tags[f"{name}_milliseconds"]) / 1e3 for name in ("step", "evaluation")
    )
    return step, evaluation


def _tags(folder: Path) -> dict:
    """Tags of the training in a folder."""
    tags = {}
    for entry in read(folder / "journal.jsonl")[0]:
        tags |= entry["values"] if entry["kind"] == "tags" else {}
    return tags


def length_of(config: Config, artifacts: dict) -> tuple[Any, int, int]:
    """The length of the whole training.

    Args:
        config: the resolved config.
        artifacts: {"dataset": Path, "network": Path}, of ingest and build.

    Returns:
        (plan of its batches, steps, evaluations).

    Raises:
        Failure: if the steps are not a multiple of its `eval_every`.
    """
    from phistar.components.artifacts import Dataset, load_network, make_task
    from phistar.components.training.steps import length

    section, data = config.sections["train"], Dataset.load(artifacts["dataset"])
    plan = make_task(config.sections["task"], data.space).plan(
        *data.split("train"),
        load_network(artifacts["network"])[0],
        *(section[name] for name in ("batch_size", "batch_tokens", "seed")),
        section["accumulate"],
    )
    given = (section[name] for name in ("steps", "epochs", "eval_every"))
    try:
        steps, eval_every = length(plan, *given)
    except ValueError as error:
        raise Failure.of(error) from error
    return plan, steps, steps // eval_every


def valid_share(dataset: Path, few: Path) -> float:
    """Labels of valid in a dataset, over those in one of its first rows.

    An evaluation scores all of valid, so its time grows with them.
    """
    from phistar.components.artifacts import Dataset

    whole, part = (Dataset.load(folder) for folder in (dataset, few))
    return _num_labels(whole, "valid") / _num_labels(part, "valid")


def _num_labels(data: "Dataset", split: str) -> int:
    """Labels of a split; of texts, tokens."""
    labels = data.split(split)[1]
    return int(labels.offsets[-1]) if hasattr(labels, "offsets") else len(labels)


def is_long(parts: dict, store: Store, artifacts: dict) -> bool:
    """True if training is expected to take more than a minute.

    Args:
        parts: of train's key.
        store: its past runs show the speed.
        artifacts: {"dataset": Path, "network": Path}, of ingest and build.
    """
    nearest, _ = nearest_manifest(parts, store, ignore_inputs=True)
    seconds = expected_seconds(store, nearest, parts)
    if seconds is not None:
        return seconds > LONG_SECONDS
    # no past run: the number of labels decides
    given = parts["arguments"]
    context = _description(artifacts, "network")["arguments"].get("context")
    paired = given["train.batch_tokens"]
    if given["train.epochs"]:
        a_pass = sum(_description(artifacts, "dataset")["train_counts"])
        labels = given["train.epochs"] * a_pass
    elif paired:
        labels = given["train.steps"] * paired
    else:  # an example of a batch is a window of a text, or has one label
        examples = given["train.steps"] * given["train.batch_size"]
        labels = examples * (context or 1)
    if paired:
        return labels > LONG_PAIRED
    return labels > (LONG_TOKENS if context else LONG_EXAMPLES)


def _description(artifacts: dict, word: str) -> dict:
    """Description of the dataset or the network, from its JSON file."""
    return json.loads((Path(artifacts[word]) / f"{word}.json").read_text("utf-8"))
