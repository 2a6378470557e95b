"""Trainings that come back from a machine with a GPU: evaluated and exported here.

    python bench/gpu_unpack.py [.gpu/pack] [.gpu/out] [--root .gpu/root]

For each recipe of the pack bench/gpu.py has left RECIPE.tar, or its parts RECIPE.tar.0,
RECIPE.tar.1 and so on. Its files go into the store as the result of `train`. The rest
runs as `phistar run` does it, so MLflow shows one run for each recipe, with the curves,
the device and the load of the GPU that came back.

The table has valid_nll after the last step, there and on this CPU, as `gpu_pack.py
--reference` left it; test_nll; and the largest difference of the export's answers,
nats. The exit status is 1 if a recipe has failed.
"""

import argparse
import io
import json
import shutil
import sys
import tarfile
from pathlib import Path

from gpu_pack import train_work

from phistar.pipeline.cli.printing import table
from phistar.pipeline.config.load import load
from phistar.pipeline.process.errors import Failure
from phistar.pipeline.record.journal import read
from phistar.pipeline.run.command import run_once
from phistar.pipeline.store.store import Store

FILES = ("network.json", "weights.npz", "history.json", "journal.jsonl")
MADE_BY = "gpu"  # in place of a run's id: that machine has no MLflow
COLUMNS = ("recipe", "valid_nll there", "CPU", "apart", "test_nll", "parity", "MLflow")
VALID_BAR, PARITY_BAR = 0.01, 1e-4  # a share of valid_nll; nats


def main(typed=None):
    """Take back each recipe and print the table.  -> exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", nargs="?", type=Path, default=Path(".gpu/pack"))
    parser.add_argument("out", nargs="?", type=Path, default=Path(".gpu/out"))
    parser.add_argument("--root", type=Path, default=Path(".gpu/root"))
    given = parser.parse_args(typed)
    jobs = json.loads((given.pack / "jobs.json").read_text("utf-8"))["jobs"]
    rows, failures = [], []
    for job in jobs:
        try:
            rows.append(take_back(job, given.out, given.root.resolve()))
        except (Failure, ValueError, OSError) as error:
            failures.append(f"{job['recipe']}: {error}")
            rows.append([job["recipe"], "failed"])
    print("\n".join(table([COLUMNS, *rows])))
    print(f"bars: valid_nll {VALID_BAR:.0%} apart, parity {PARITY_BAR:g} nats")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def take_back(job, out, root):
    """Put one training into the store, evaluate it, export it.

    Args:
        job: dict, its entry in jobs.json.
        out: Path of what bench/gpu.py has left.
        root: Path of the project that holds the store.

    Returns:
        list of str, its row of the table.

    Raises:
        ValueError: its files are not those of this source's training.
        Failure: of a stage.
    """
    recipe, changes = job["recipe"], job["overrides"]
    content = joined(out, recipe)
    config, store = load(recipe, changes, root), Store(root / "mlruns")
    wanted, _ = train_work(config, root)
    if wanted.key != job["key"]:
        raise ValueError(
            "the pack is of another source, environment or recipe: its training has "
            f"another key. Received: {job['key']}. Expected {wanted.key}: make the "
            "pack again, with bench/gpu_pack.py."
        )
    origin = {"run_id": MADE_BY, "host": "elsewhere", "pid": None}
    how = {"origin": origin, "replace": True}
    with (
        store.lock("train", wanted.key),
        store.write("train", wanted.key, wanted.parts, **how) as folder,
    ):
        extract(content, folder)
        history = json.loads((folder / "history.json").read_text("utf-8"))
        require_whole(history, job["arguments"]["steps"])
        # before the end of the block, which writes it into the manifest
        origin |= facts(folder / "journal.jsonl")
    command = ["phistar", "run", recipe, *changes, "--root", str(root)]
    answer = run_once(config, root, command)
    return row(recipe, history, job["cpu"], answer)


def joined(out, recipe):
    """The bytes of a recipe's tar, whole or in parts.

    Raises:
        ValueError: there are none, or a part is missing.
    """
    whole = out / f"{recipe}.tar"
    if whole.is_file():
        return whole.read_bytes()
    found = {path.name: path for path in out.glob(f"{recipe}.tar.*")}
    names = [f"{recipe}.tar.{number}" for number in range(len(found))]
    if not found or found.keys() != set(names):
        raise ValueError(
            f"its training did not come back. Received: {sorted(found) or 'no file'} "
            f"in {out}. Expected {whole.name}, or {whole.name}.0, .1 and so on; "
            f"{out / 'log.txt'} has the cause."
        )
    return b"".join(found[name].read_bytes() for name in names)


def extract(content, folder):
    """Write the four files of a tar; nothing else may be in it.

    Args:
        content: bytes of the tar.
        folder: Path to write to.

    Raises:
        ValueError: another member, a link, a file that is missing or cut off.
    """
    names = []
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for member in tar:
                if member.name not in FILES or not member.isreg():
                    raise ValueError(
                        f"a file that no training writes. Received: {member.name!r} in "
                        f"the tar. Expected the plain files {', '.join(FILES)}."
                    )
                names.append(member.name)
                with open(folder / member.name, "wb") as file:
                    shutil.copyfileobj(tar.extractfile(member), file)
    except tarfile.TarError as error:
        raise ValueError(f"the tar cannot be read: {error}.") from error
    if sorted(names) != sorted(FILES):
        raise ValueError(
            f"not the files of a training. Received: {names}. Expected each of "
            f"{', '.join(FILES)} once."
        )


def require_whole(history, steps):
    """Refuse a training of another length.

    Raises:
        ValueError: its last evaluation is not at its last step.
    """
    if history["step"][-1] != steps:
        raise ValueError(
            f"a training of another length. Received: {history['step'][-1]} steps. "
            f"Expected {steps}, as in jobs.json."
        )


def facts(journal):
    """End, seconds and tags of a training: the key has the libraries of this machine.

    Args:
        journal: Path of its journal.

    Returns:
        dict: time, ms since the epoch; seconds; tags, such as the device.

    Raises:
        ValueError: the journal is empty.
    """
    entries = read(journal)[0]
    if not entries:
        raise ValueError(f"the journal is empty. Received: {journal}.")
    first, last, tags = entries[0]["time"], entries[-1]["time"], {}
    for entry in entries:
        tags |= entry["values"] if entry["kind"] == "tags" else {}
    return {"time": last, "seconds": (last - first) / 1000, "tags": tags}


def row(recipe, there, cpu, answer):
    """One row of the table.

    Args:
        recipe: its name.
        there: {"step", "valid_nll"} of the training elsewhere.
        cpu: the same of the CPU's, or None.
        answer: of `run_once`.

    Returns:
        list of str.
    """
    nll, parity = there["valid_nll"][-1], largest_difference(answer["stages"]["export"])
    compared = ["-", "-"]
    if cpu:
        here = cpu["valid_nll"][-1]  # of the same step
        apart = abs(nll - here) / here
        compared = [f"{here:.4f}", f"{apart:.2%}{missed(apart, VALID_BAR)}"]
    test_nll = f"{answer['metrics']['test_nll']:.4f}"
    parity = f"{parity:.2g}{missed(parity, PARITY_BAR)}"
    return [recipe, f"{nll:.4f}", *compared, test_nll, parity, answer["url"]]


def missed(value, bar):
    """A mark after a value above its bar.  -> str."""
    return "" if value <= bar else " missed"


def largest_difference(export):
    """The largest difference between an export's answers and the evaluation's.

    Args:
        export: the stage's outcome, as `run_stages` gives it.

    Returns:
        float, nats.
    """
    return max(
        value
        for entry in read(Path(export["path"]) / "journal.jsonl")[0]
        if entry["kind"] == "metrics"
        for name, value in entry["values"].items()
        if name.endswith("_difference")
    )


if __name__ == "__main__":
    sys.exit(main())
