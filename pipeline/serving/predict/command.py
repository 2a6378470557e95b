"""`phistar predict`: the inputs of files to an export, its answers to stdout.

One JSON object a line, in the order of the inputs. They are read in chunks, so memory
stays bounded for any number of them.
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from phistar.components import progress
from phistar.components.data.notices import Counter
from phistar.components.data.tables import MISSING
from phistar.components.serving.drift import Drift, compare
from phistar.components.serving.request import Signature
from phistar.components.serving.request import signature as signature_of
from phistar.pipeline.process import quiet
from phistar.pipeline.process.terminal import duration, is_live, note, working
from phistar.pipeline.serving import exports
from phistar.pipeline.serving.predict import beside, inputs
from phistar.pipeline.serving.predict.answers import answered
from phistar.pipeline.store.contract import KNOBS

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model


def predict(
    run: str,
    files: list[str],
    root: Path,
    *,
    signature: str,
    knobs: dict,
    batch_size: int | None,
    column: str | None,
    label: str | None,
    missing: list[str] | None,
) -> dict:
    """Answer every input of the files.

    Args:
        run: names the export; see `exports.find`.
        files: paths, or - for stdin.
        root: project root.
        signature: name of it.
        knobs: name -> number, or None for the default.
        batch_size: inputs of one call; None is the contract's.
        column: of texts, where files are tables; None is the signature's own name.
        label: column of a table with the labels; None is "label" for log_prob. If it
            is given, `predict` scores its answers with it. Of pairs, the column of
            translations to score; None is "target".
        missing: cells without a value; None is those of ingest.

    Returns:
        rows, seconds, run (its id), name, export (folder), signature, beside_test.

    Raises:
        ValueError: a mistake in a file, an option or an input.
    """
    started, rows, model, drift = time.time(), 0, None, None
    export = exports.find(run, root)
    reads = export.contract["reads"]
    called = signature_of(export.contract, signature)
    knobs = {name: value for name, value in knobs.items() if value is not None}
    others = {"missing": missing, "column": column, "label": label}
    typed = [*knobs, *(name for name, value in others.items() if value is not None)]
    require_options(export.contract, called, typed)
    called.settings(knobs)  # a wrong one is refused before TensorFlow's import
    size = batch_size or export.contract["batch_size"]
    words = MISSING if missing is None else tuple(missing)
    scored = "label" in called.y or label is None
    read = called if scored else signature_of(export.contract, "log_prob")
    counts = Counter()
    found = inputs.read(reads, files, read, label, words, column, counts)
    live = is_live()  # a file gets the answers, and one line at the end
    with working("predict") if live else contextlib.nullcontext():
        total = inputs.count(reads, files) if live else None
        seen = progress.counter("inputs", total)
        # the first chunk is read before TensorFlow's import, which takes seconds
        for chunk in inputs.chunks(found):
            if model is None:
                progress.doing("starting TensorFlow")
                model = load(export)
                drift = Drift(export.contract["inputs"]["seen"])
                progress.doing("")
            answers = answered(model, called, chunk, knobs, size, drift, seen)
            for one, answer in zip(chunk, answers, strict=True):
                print(dumped(one.place | answer))
            sys.stdout.flush()
            rows += len(chunk)
    seconds = time.time() - started
    note(f"{rows} inputs in {duration(seconds)}  {export.name}  {export.folder}")
    for notice in counts.values():
        note(str(notice))
    compared = compare(drift, export.contract) if drift else []
    unit = "token" if reads == "lines" else "label"
    if text := beside.line(compared, unit):
        note(text)
    return {
        "rows": rows,
        "seconds": round(seconds, 3),
        "run": export.run_id,
        "name": export.name,
        "export": str(export.folder),
        "signature": signature,
        "beside_test": beside.plain(compared),
    }


def require_options(contract: dict, called: Signature, typed: list[str]) -> None:
    """Refuse an option that the signature, or a file of this kind, does not have.

    Args:
        contract: of the export.
        called: the signature.
        typed: names of the options that were given.

    Raises:
        ValueError: the first one, with the signatures that have it.
    """
    has = options(contract, called)
    for name in typed:
        if name in has:
            continue
        with_it = [
            f"--signature {other}"
            for other in contract["signatures"]
            if name in options(contract, signature_of(contract, other))
        ]
        advice = f"with {' or '.join(with_it)}" if with_it else "with other exports"
        raise ValueError(
            f"`--signature {called.name}` has no such option. Received: "
            f"{option(name)}. Expected: {', '.join(map(option, has)) or 'none'}. "
            f"{option(name)} is an option {advice}."
        )


def options(contract: dict, called: Signature) -> list[str]:
    """Names of the options that a signature, and a file of its kind, has."""
    table, texts = (contract["reads"] == kind for kind in ("table", "lines"))
    labels = "label" in called.y or "log_probs" in called.outputs
    scored = (table and labels) or (
        texts and {"source", "text"} <= called.inputs.keys()
    )
    has = [name for name in KNOBS if name in called.knobs]
    return has + ["missing"] * table + ["column"] * texts + ["label"] * scored


def option(name: str) -> str:
    """An option as it is typed."""
    return "--" + name.replace("_", "-")


def load(export: exports.Export) -> "Model":
    """The export's Model; TensorFlow's first lines are not shown."""
    os.environ |= quiet.environment()
    quiet.load_library()
    with quiet.startup():
        from phistar.components.serving.ask import Model

        return Model(export.folder, export.contract["op_libraries"])


def dumped(row: dict) -> str:
    """One line of JSON; characters as they are where stdout can hold them."""
    escaped = (sys.stdout.encoding or "").lower() != "utf-8"
    return json.dumps(row, ensure_ascii=escaped, allow_nan=False)
