"""`phistar predict`: the inputs of files to an export, its answers to stdout.

One JSON object a line, in the order of the inputs. They are read in chunks, so memory
stays bounded however many there are.
"""

import os
import sys
import time

import numpy as np

from pipeline.process import quiet
from pipeline.process.terminal import note
from pipeline.serving import exports
from pipeline.serving.predict import inputs
from pipeline.serving.predict.answers import Signature, answered, dumped
from pipeline.store.contract import KNOBS

BATCH_SIZES = {"columns": 1024}
BATCH_SIZE = 32  # of images and texts
SEEDS = 2**62  # above, seed + the input's number might leave int64


def predict(given):
    """Answer every input of the files.

    Args:
        given: Namespace, of the command line.

    Returns:
        dict: rows, seconds, run (its id), name, export (folder), signature.

    Raises:
        ValueError: what is wrong with a file, an option or an input.
    """
    started, rows, model = time.time(), 0, None
    export = exports.find(given.run, given.root)
    contract = export.contract
    kind, signature = contract["kind"], signature_of(contract, given.signature)
    x = signature_of(contract, "serving_default").inputs
    knobs = make_knobs(given, contract, signature, x)
    seed = knobs.get("seed")
    reader = read(given, kind, data_inputs(kind, signature, x, knobs))
    size = given.batch_size or BATCH_SIZES.get(kind, BATCH_SIZE)
    with bar(kind, given.files) as progress:
        # the first chunk is read before tensorflow's import, which takes seconds
        for chunk in inputs.chunks(reader):
            model = model or load(export)
            if seed is not None:
                knobs["seed"] = seed + rows + np.arange(len(chunk))
            answers = answered(model, signature, chunk, knobs, size, progress.update)
            for one, answer in zip(chunk, answers, strict=True):
                print(dumped(one.place | answer))
            sys.stdout.flush()
            rows += len(chunk)
    seconds = time.time() - started
    note(f"{rows} inputs in {seconds:.1f} s  {export.name}  {export.folder}")
    return {
        "rows": rows,
        "seconds": round(seconds, 3),
        "run": export.run_id,
        "name": export.name,
        "export": str(export.folder),
        "signature": signature.name,
    }


def signature_of(contract, name):
    """One signature of a contract.  -> Signature."""
    return Signature(name, **contract["signatures"][name])


def make_knobs(given, contract, signature, x):
    """What the signature takes beside what stands in a file.

    Args:
        given: Namespace, of the command line; None is what was not typed.
        contract: dict.
        signature: Signature.
        x: names of its inputs that are no knobs, whatever they are called.

    Returns:
        dict of name -> number.

    Raises:
        ValueError: an option for something that it does not take, or too large a
            number.
    """
    taken = {n: spec for n, spec in signature.inputs.items() if n not in x}
    names = [name for name in KNOBS if name in taken]
    table = contract["kind"] == "columns"
    has = [*names, *["missing"] * table, *["label"] * (table and "label" in taken)]
    for name in (*KNOBS, "missing", "label"):
        if getattr(given, name) is not None and name not in has:
            raise ValueError(
                f"{signature.name} of this export has no such option. Received: "
                f"{option(name)}. Expected: {', '.join(map(option, has)) or 'none'}."
            )
    stated = contract["knobs"]
    typed = {name: getattr(given, name) for name in names}
    knobs = {n: stated[n] if typed[n] is None else typed[n] for n in names}
    for name, value in knobs.items():
        dtype = taken[name]["dtype"]
        limits = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
        if abs(value) > (SEEDS if name == "seed" else limits.max):
            raise ValueError(
                f"too large a number. Received: {option(name)} {value}. "
                f"Expected {dtype}: {taken[name]['meaning']}."
            )
    return knobs


def option(name):
    """How an option is typed."""
    return "--" + name.replace("_", "-")


def data_inputs(kind, signature, x, knobs):
    """What a signature takes of each input of a file, its x first.

    Args:
        kind: of the contract.
        signature: Signature.
        x: names of the inputs of `serving_default`.
        knobs: names that the command fills.

    Returns:
        dict of name -> dtype.

    Raises:
        ValueError: something that the files cannot hold.
    """
    taken = signature.inputs
    names = [name for name in dict.fromkeys((*x, *taken)) if name not in knobs]
    specs = {name: taken[name]["dtype"] for name in names}
    if kind == "text" and "text" in specs:
        del specs["prompt"]  # a line is the text, from its beginning on
    known = ("string", "float32") if kind == "columns" else ("string",)
    if unknown := [name for name, dtype in specs.items() if dtype not in known]:
        raise ValueError(
            f"{signature.name} takes what a file of {kind} does not hold. Received: "
            f"{', '.join(unknown)}. Expected inputs that are {' or '.join(known)}."
        )
    return specs


def read(given, kind, specs):
    """The inputs of the files.  -> iterator of Input."""
    label = given.label or "label"
    missing = inputs.MISSING if given.missing is None else given.missing
    return inputs.read(kind, given.files, specs, label, missing)


def load(export):
    """The export's model, TensorFlow's first words unheard.  -> Model."""
    os.environ |= quiet.environment()
    with quiet.startup():
        from components.serving.ask import Model

        return Model(export.folder, export.contract["op_libraries"])


def bar(kind, files):
    """A bar on stderr; nothing where that is no terminal.  -> tqdm."""
    from tqdm import tqdm

    seen = sys.stderr.isatty()
    return tqdm(
        total=inputs.count(kind, files) if seen else None,
        unit=" inputs",
        file=sys.stderr,
        dynamic_ncols=True,
        disable=not seen,
        leave=False,
    )
