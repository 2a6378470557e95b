"""`phistar predict`: the inputs of files to an export, its answers to stdout.

In the order of the inputs, one JSON object a line or in a file. They are read in
chunks, so memory stays bounded for any number of them.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from phistar.components import progress
from phistar.components.data.notices import Counter
from phistar.components.serving.drift import Drift, compare
from phistar.components.serving.request import Signature
from phistar.components.serving.request import signature as signature_of
from phistar.pipeline.process import quiet
from phistar.pipeline.process.terminal import duration, is_live, note, working
from phistar.pipeline.serving import exports
from phistar.pipeline.serving.predict import beside, inputs, pictures
from phistar.pipeline.serving.predict.answers import answered, of_table
from phistar.pipeline.serving.predict.output import Output, columns, output
from phistar.pipeline.serving.predict.table import Table
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
    own: str | None = None,
    out: str | None = None,
) -> dict:
    """Answer every input of the files.

    Args:
        run: names the export; see `exports.find`.
        files: paths, or - for stdin.
        root: project root.
        signature: name of it.
        knobs: name -> number, or None for the default.
        batch_size: inputs of one call; None is the contract's.
        column: of texts or images, where files are tables; None is the signature's own
            name, or the column that names files.
        label: column of a table with the labels; None is "label" for log_prob. If it
            is given, `predict` of rows scores its answers with it. Of pairs, the column
            of translations to score; None is "target".
        missing: further cells without a value.
        own: column of a table that names its rows; None for file and line.
        out: path of a file for the answers; None is stdout.

    Returns:
        rows, seconds, run (its id), name, export (folder), signature, beside_test.

    Raises:
        ValueError: a mistake in a file, an option or an input.
    """
    started, rows, model, drift = time.monotonic(), 0, None, None
    export = exports.find(run, root)
    reads = export.contract["reads"]
    called = signature_of(export.contract, signature)
    knobs = {name: value for name, value in knobs.items() if value is not None}
    others = {"missing": missing, "column": column, "label": label, "id": own}
    typed = [*knobs, *(name for name, value in others.items() if value is not None)]
    require_options(export.contract, called, typed)
    called.settings(knobs)  # a wrong one is refused before TensorFlow's import
    size = batch_size or export.contract["batch_size"]
    if reads == "images" and not any(map(pictures.is_table, files)):
        require_no_table_options(column, label, own)
    scored = "label" in called.y or label is None
    read = called if scored else signature_of(export.contract, "log_prob")
    counts = Counter()
    if reads == "table":
        reading = export.contract["inputs"].get("reading")
        table = Table(read, label or "label", reading, tuple(missing or ()))
        chunks = table.pieces(files, own)
    else:
        found = inputs.read(reads, files, read, label, column, own, counts)
        chunks = inputs.chunks(found)
    live = is_live() and out is None  # a file gets the answers, and one line at the end
    written = output(out)
    with (
        working("predict") if live else contextlib.nullcontext(),
        closing(written),
    ):
        total = inputs.count(reads, files) if live and reads != "table" else None
        seen = progress.counter("inputs", total)
        # the first chunk is read before TensorFlow's import, which takes seconds
        for chunk in chunks:
            if model is None:
                progress.doing("starting TensorFlow")
                model = load(export)
                drift = Drift(export.contract["inputs"]["seen"])
                progress.doing("")
            if reads == "table":
                for start in range(0, len(chunk), size):
                    part = chunk.slice(start, min(start + size, len(chunk)))
                    answers = of_table(model, called, part, knobs, drift)
                    written.write(part.place | answers, len(part))
                    seen(len(part))
            else:
                answers = answered(model, called, chunk, knobs, size, drift, seen)
                both = zip(chunk, answers, strict=True)
                every = columns(one.place | answer for one, answer in both)
                written.write(every, len(chunk))
            rows += len(chunk)
    seconds = time.monotonic() - started
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


def require_no_table_options(
    column: str | None, label: str | None, own: str | None
) -> None:
    """Refuse the names of columns where no file is a table."""
    for name, value in (("column", column), ("label", label), ("id", own)):
        if value is not None:
            raise ValueError(
                f"{option(name)} names a column of a table. Received: "
                f"{option(name)} {value}, and no table. Expected a table of images, "
                "like labels.csv; without one the label is the name of the folder."
            )


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
    table, images = (contract["reads"] == kind for kind in ("table", "images"))
    labels = "label" in called.y or (table and "log_probs" in called.outputs)
    texts = not (table or images)
    scored = {"source", "text"} <= called.inputs.keys() if texts else labels
    has = [name for name in KNOBS if name in called.knobs]
    has += ["missing"] * table + ["column"] * (not table) + ["id"]
    return has + ["label"] * scored


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


@contextlib.contextmanager
def closing(written: Output) -> Iterator[None]:
    """Close an output; what is not whole does not stay."""
    whole = False
    try:
        yield
        whole = True
    finally:
        written.close(whole)
