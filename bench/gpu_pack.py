"""The pack that travels to a machine with a GPU, where bench/gpu.py trains.

    python bench/gpu_pack.py [.gpu/pack] [--steps 200] [--python 3.12] [--reference]

Ingest and build run here. The other machine has JAX and no TensorFlow, and fetches
nothing, so the pack holds all that training needs:

    jobs.json            for each recipe the arguments of the stage `train` and its key
    RECIPE/dataset/      what `train` reads of the Dataset
    RECIPE/network/      the network to start from
    source/              pipeline/, components/ and bench/
    wheels/              packages that the other machine lacks, for its Python

With --reference each recipe is also trained here, on the CPU in float32, for as many
steps; jobs.json then holds its valid_nll. bench/gpu_unpack.py takes back what comes.
"""

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from phistar.components.hashing import file_sha256
from phistar.components.training.steps import largest_divisor
from phistar.pipeline.config.load import load
from phistar.pipeline.record.journal import Record
from phistar.pipeline.run.cached import work
from phistar.pipeline.run.stages import NAMES, STAGES, arguments, run_stages
from phistar.pipeline.store.store import Store

SOURCE = Path(__file__).resolve().parents[1]
RECIPES = ("breast_cancer", "digits", "kjv_quick", "libreoffice_en_de_quick")
EVALUATIONS = 4  # of a training, about
MIB = 2**20
LARGEST = 64  # MiB, of the pack
# what --small changes, so that a CPU trains on texts in a minute
NARROW = ("build.num_layers=1", "build.model_dim=32", "build.mlp_dim=64")
FEW = ("ingest.valid_fraction=0.01", "ingest.test_fraction=0.01")
SHORT = ("task.vocab_size=1000", "task.max_length=16")  # few shapes to compile
SMALL = {
    "kjv_quick": (*NARROW, *FEW, "train.batch_size=8"),
    "libreoffice_en_de_quick": (*NARROW, *FEW, *SHORT, "train.batch_tokens=512"),
}
MADE_BY = "gpu_pack"  # in place of a run's id: MLflow has no run of this work
TRAIN = STAGES[NAMES.index("train")]
# what components/train.py and pipeline/run/process.py import, and JAX does not bring
PACKAGES = (
    *("keras", "namex", "optree"),
    *("pydantic", "pydantic-core", "annotated-types", "typing-inspection"),
)
# the newest first; a wheel of an older glibc runs on a newer one
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


def main(typed=None):
    """Make the pack and print the size of its parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", nargs="?", type=Path, default=Path(".gpu/pack"))
    parser.add_argument("--recipes", nargs="+", default=RECIPES, metavar="NAME")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--python", default="3.12", help="the other machine's")
    parser.add_argument("--reference", action="store_true", help="train here too")
    parser.add_argument("--small", action="store_true", help="sizes for a CPU")
    parser.add_argument("--no-wheels", action="store_true")
    parser.add_argument("--root", type=Path, default=Path(".gpu/root"))
    given = parser.parse_args(typed)
    require_replaceable(given.pack)
    draft = given.pack.with_name(f".{given.pack.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        parts = fill(draft, given)
        shutil.rmtree(given.pack, ignore_errors=True)
        draft.rename(given.pack)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    for name, size in parts.items():
        print(f"{size / MIB:7.2f} MiB  {name}")
    print(f"{sum(parts.values()) / MIB:7.2f} MiB  {given.pack}, at most {LARGEST}")


def fill(folder, given):
    """Write all of the pack.

    Args:
        folder: Path, empty.
        given: Namespace of the command's options.

    Returns:
        dict of the name of each part -> its bytes.
    """
    root, jobs = given.root.resolve(), []
    for recipe in given.recipes:
        changes = SMALL.get(recipe, ()) if given.small else ()
        changes = [*changes, *length(given.steps), "train.backend=jax"]
        entry = job(recipe, changes, root, folder / recipe)
        if given.reference:
            entry["cpu"] = reference(recipe, changes, root)
        jobs.append(entry)
    text = json.dumps({"steps": given.steps, "jobs": jobs}, indent=2)
    (folder / "jobs.json").write_text(text + "\n", "utf-8")
    copy_source(folder / "source")
    if not given.no_wheels:
        download(folder / "wheels", given.python)
    parts = sizes(folder)
    require_small(parts)
    return parts


def length(steps):
    """The keys of a training of so many steps.  -> list of "section.key=value"."""
    every = largest_divisor(steps, max(1, steps // EVALUATIONS))
    return [f"train.steps={steps}", f"train.eval_every={every}", "train.epochs=null"]


def job(recipe, changes, root, folder):
    """Write what `train` reads of a recipe.

    Args:
        recipe: its name.
        changes: list of "section.key=value", without the precision.
        root: Path of the project that holds the store.
        folder: Path to write to.

    Returns:
        dict, the recipe's entry in jobs.json.
    """
    changes = [*changes, "train.precision=mixed_bfloat16"]
    config = load(recipe, changes, root)
    wanted, given = train_work(config, root)
    for word, patterns in TRAIN.reads.items():
        for pattern in patterns:
            for path in given[word].glob(pattern):
                to = folder / word / path.relative_to(given[word])
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
    plain = arguments(config, "train", {})
    about = {"recipe": recipe, "overrides": changes, "key": wanted.key}
    return about | {"arguments": plain, "cpu": None}


def reference(recipe, changes, root):
    """Train a recipe here, in float32; arguments as in `job`.

    Returns:
        {"step": list of int, "valid_nll": list of float}.
    """
    config = load(recipe, [*changes, "train.precision=float32"], root)
    trained = run_to("train", config, root)["train"]["path"]
    history = json.loads(Path(trained, "history.json").read_text("utf-8"))
    return {name: history[name] for name in ("step", "valid_nll")}


def train_work(config, root):
    """The stage `train` under a config; ingest and build run if they have not yet.

    Returns:
        (Work, dict of the word of each artifact that it reads -> its folder, Path).
    """
    store, outcomes = Store(root / "mlruns"), run_to("build", config, root)
    made = {stage.gives: stage.name for stage in STAGES if stage.name in outcomes}
    manifests = {
        word: store.manifest(name, outcomes[name]["key"]) for word, name in made.items()
    }
    folders = {word: Path(outcomes[name]["path"]) for word, name in made.items()}
    return work(TRAIN, config, manifests), folders


def run_to(last, config, root):
    """Run the stages up to `last`, without a run in MLflow.  -> their outcomes."""
    record = Record(root, MADE_BY)
    record.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return run_stages(config, Store(root / "mlruns"), record, last=last)
    finally:
        record.path.unlink(missing_ok=True)


def copy_source(folder):
    """Copy the Python files of the packages."""
    for name in ("phistar", "pipeline", "components", "bench"):
        for path in sorted((SOURCE / name).rglob("*.py")):
            to = folder / path.relative_to(SOURCE)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


def download(folder, python):
    """Fetch the wheels of PACKAGES as the lock has them, with their hashes.

    Args:
        folder: Path to write to, requirements.txt included.
        python: version of the Python to fetch them for, "3.12".
    """
    lock = (SOURCE / "requirements.lock").read_text("utf-8")
    platforms = [f"--platform={name}_x86_64" for name in PLATFORMS]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write("".join(locked(name, lock) for name in PACKAGES))
        wanted.flush()
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
            + ["--no-deps", "--only-binary=:all:", "--implementation=cp"]
            + [f"--python-version={python}", *platforms]
            + ["--dest", str(folder), "--requirement", wanted.name],
            check=True,
        )
    lines = []
    for wheel in sorted(folder.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{file_sha256(wheel)}\n")
    (folder / "requirements.txt").write_text("".join(lines), "utf-8")


def locked(name, lock):
    """The lines of a package in the lock: its version and its hashes.

    Raises:
        ValueError: the lock does not have it.
    """
    found = re.search(rf"^{re.escape(name)}==.*\n(?: +--hash=.*\n)+", lock, re.M)
    if found is None:
        raise ValueError(
            f"requirements.lock has no such package. Received: {name}. Expected a "
            "package of the environment: correct PACKAGES in bench/gpu_pack.py."
        )
    return found[0]


def require_replaceable(pack):
    """Refuse a folder that exists and is no pack: it would be lost.

    Raises:
        ValueError: it is.
    """
    with contextlib.suppress(FileNotFoundError):
        if any(pack.iterdir()) and not (pack / "jobs.json").is_file():
            raise ValueError(
                f"the folder of the pack holds other things. Received: {pack}. "
                "Expected a new folder, or a pack, which is replaced."
            )


def sizes(folder):
    """Bytes of each entry of a folder.  -> dict of name -> int."""
    return {
        entry.name: sum(
            p.stat().st_size for p in [entry, *entry.rglob("*")] if p.is_file()
        )
        for entry in sorted(folder.iterdir())
    }


def require_small(parts):
    """Refuse a pack that is larger than what travels.

    Args:
        parts: name -> bytes.

    Raises:
        ValueError: it is.
    """
    total = sum(parts.values())
    if total > LARGEST * MIB:
        listed = ", ".join(f"{name} {size / MIB:.1f}" for name, size in parts.items())
        raise ValueError(
            f"the pack is too large. Received: {total / MIB:.1f} MiB ({listed}). "
            f"Expected {LARGEST} MiB at most: name fewer recipes with --recipes."
        )


if __name__ == "__main__":
    main()
