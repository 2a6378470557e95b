"""Stage 1, ingest: a source -> a Dataset, encoded once, in random access.

The rows are read twice, in pieces: once for the label space and the statistics, once
to be written. No array of all rows is ever in memory. The user's own files are read
before, part by part, by several processes if they are large. Parts that an interrupted
ingest has read are not read again.
"""

import hashlib
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from phistar.components import progress
from phistar.components.artifacts import Dataset, write_json
from phistar.components.data import corpus, examples
from phistar.components.data.ahead import ahead
from phistar.components.data.checks import require_labels, require_rows
from phistar.components.data.encoders import encoder
from phistar.components.data.kept import Scratch
from phistar.components.data.kinds import kind as kind_class
from phistar.components.data.origins import balance, origin, origins
from phistar.components.data.sources import source as source_function
from phistar.components.data.splits import SPLITS, split_rows
from phistar.components.data.workers import Workers, number_of
from phistar.components.digests import require_fingerprint
from phistar.components.labels import labels_of

# folder of what is kept between the passes, removed at the end; an ingest that is
# interrupted leaves it, and the next one goes on with it
SCRATCH = "checkpoints"
DIGITS = 32  # hexadecimal, of a digest


def run(
    task,
    out_dir,
    log,
    fingerprint=None,
    *,
    source: str,
    valid_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1,
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.2,
    seed: Annotated[int, Field(ge=0)] = 0,
    fold: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=2)]] | None = None,
    workers: Annotated[int, Field(ge=1)] | None = None,
    **options,
):
    """Read a source, split it, encode it, write arrays.

    Label space and encoder are those of train; valid and test only use them. Splits
    that the source does not give are made: by time, or by a hash of the inputs or of
    their group, which puts equal inputs into one split.

    Args:
        task: plain data of the section `task`.
        out_dir: folder to write the Dataset to.
        log: Journal.
        fingerprint: of the source in the result's key; None compares nothing.
        source: where the examples come from.
        valid_fraction: share of all rows, about, that choose the weights to keep.
        test_fraction: share of all rows, about, that are scored once at the end;
            unused where the source has its own test split.
        seed: of the split.
        fold: [k, K]: valid is fold k, from 0, of the K folds of train and valid. Test
            stays as it is.
        workers: processes that read your own files; the Dataset is the same. Default:
            one for each core if the files have 256 MiB or more.
        **options: keys of the source.

    Raises:
        ValueError: an unknown label, an empty split, one class only; with the row. Or
            data that have changed since their fingerprint was taken.
    """
    opened = source_function(source)(**options)
    require_fingerprint(opened.fingerprint, fingerprint)
    make_encoder, kind = encoder(opened.kind), kind_class(opened.kind)
    require_labels(task, opened, kind, source)
    folder = Path(out_dir)
    scratch = begun(folder, log, opened.inputs)
    try:
        with Workers(number_of(workers, opened.size)) as processes:
            progress.doing("reading the data")
            opened.prepare(Scratch(scratch, processes))
            fractions = valid_fraction, test_fraction
            split = split_rows(opened.read(), *fractions, seed, opened.stratified, fold)
            pieces = partial(shown, split, Total())
            # both read the rows twice: for what is fitted on train, and to write
            if kind.sides:
                ingested = texts(
                    *(folder, pieces, task, make_encoder, opened.kind, seed),
                    *(opened.notices, processes),
                )
            else:
                fit = partial(make_encoder.fit, **opened.fitting())
                ingested = labelled(folder, pieces, task, fit, seed)
        if opened.inputs:
            opened.inputs.require_same()
    except Exception:
        # a mistake in the data: they will be others; an interruption is none of these
        remove(scratch)
        if opened.inputs:  # a change of the files tells more than what came of it
            opened.inputs.require_same()
        raise
    for kept in scratch.glob("*.csv"):
        kept.rename(folder / kept.name)
    remove(scratch)
    fitted, space, digests, train_counts, counts = ingested
    # 32 digits, as the store's keys have: MLflow shows 36 at most
    digests = {name: digest[:DIGITS] for name, digest in digests.items()}
    joined = "".join(digests[name] for name in SPLITS)
    digests["all"] = hashlib.sha256(joined.encode()).hexdigest()[:DIGITS]
    write_json(folder / "digest.json", digests)
    # nothing in it depends on test: build and train read it, and so does their key
    write_json(
        folder / "dataset.json",
        {
            "name": opened.name,
            "task": task,
            "labels": space.to_json(),
            "train_counts": train_counts,
            "inputs": {
                "kind": opened.kind,
                "shape": list(fitted.shape),
                "dtype": fitted.dtype,
                "encoder": fitted.to_json(),
            },
        },
    )
    taken = origins(opened.origin, counts)
    for name, one in taken.items():
        where = f" {one['from']}" if one["from"] else ""
        print(f"ingest  {name}: {one['rows']:,} rows{where}", file=sys.stderr)
    if opened.kind == "columns":
        fitted.tell(opened.notices.begin("encoder"))
    notices = list(map(str, opened.notices.found()))
    for notice in notices:
        print(f"ingest  {notice}", file=sys.stderr)
    about = origin(source, options, opened.fingerprint)
    said = {"origin": about, "splits": taken, "notices": notices}
    write_json(folder / "source.json", said)
    splits = {
        name: {"digest": digests[name], "rows": counts[f"{name}_rows"]}
        for name in SPLITS
    }
    if not kind.sides:
        for name in SPLITS:
            splits[name]["balance"] = balance(
                space, Dataset.load(folder).split(name)[1]
            )
    log.dataset(
        name=opened.name,
        source=about,
        schema={
            fitted.own_names.get(name, name): meaning
            for name, meaning in fitted.describe().items()
        },
        label="the text itself" if kind.sides else options.get("label", "label"),
        splits=splits,
    )
    log.params({f"data.{name}": count for name, count in counts.items()})


def begun(folder, log, inputs):
    """The folder of what is kept between the passes.

    What an interrupted ingest has left beside it, half written, is removed. So is what
    it has kept of files that were not these: they may have been replaced and put back.

    Args:
        folder: Path of the Dataset.
        log: Journal.
        inputs: Inputs of the source, or None.

    Returns:
        Path.
    """
    scratch = folder / SCRATCH
    if scratch.exists():
        log.rewind(0)
        for path in folder.iterdir():
            if path.is_dir() and path != scratch:
                shutil.rmtree(path)
    known, now = scratch / "inputs", inputs.mark() if inputs else ""
    if scratch.exists() and (not known.exists() or known.read_text() != now):
        shutil.rmtree(scratch)
    if not scratch.exists():
        scratch.mkdir()
        known.write_text(now)
    return scratch


def remove(scratch):
    """Remove a folder; in the middle of it, it has its name no more."""
    shutil.rmtree(scratch.rename(scratch.with_name("removed")))


class Total:
    """Number of all rows; None until a pass has counted them."""

    rows = None


def shown(split, total):
    """The rows of the splits, counted for a listener.

    Args:
        split: Chunks of `split_rows`.
        total: Total; the first pass to its end sets it.

    Yields:
        (name of the split, Rows).
    """
    seen, found = progress.counter("rows", total.rows), 0
    for name, rows in ahead(split):
        yield name, rows
        seen(len(rows))
        found += len(rows)
    total.rows = found


def labelled(folder, pieces, task, fit, seed):
    """Encode and write rows whose label is a name.

    Args:
        folder: Path of the Dataset.
        pieces: () -> pieces of `split_rows`.
        task: plain data of the section `task`.
        fit: inputs of train -> encoder.
        seed: of the split.

    Returns:
        (encoder, LabelSpace, digests by split, counts of the labels in train, counts
        of rows by name).
    """
    survey = examples.Survey()
    fitted = fit(survey.train_inputs(pieces()))
    require_rows(survey.num_rows, seed)
    progress.doing("encoding")
    space = survey.label_space(task)
    digests, train_counts = examples.write(folder, pieces(), fitted, space, survey)
    return fitted, space, digests, train_counts, counted("rows", survey.num_rows)


def texts(folder, pieces, task, make_encoder, kind, seed, notices, workers):
    """Encode and write rows whose label is a text; as `labelled`, labels are tokens.

    Args:
        make_encoder: class of the encoder.
        kind: name of the kind of data.
        notices: of the source.
        workers: Workers.
    """
    # fitted to all texts of train: which are too long is known by their tokens only
    train_texts = corpus.train_texts(pieces(), kind_class(kind).sides)
    size = task.get("vocab_size")
    fitted = make_encoder.fit(task["tokenizer"], train_texts, size)
    max_length = task.get("max_length")
    progress.doing("encoding")
    digests, train_counts, num_rows, num_dropped = corpus.write(
        *(folder, pieces(), kind, fitted, max_length),
        *(notices.begin("lengths"), workers),
    )
    require_rows(num_rows, seed, num_dropped)
    counts = counted("rows", num_rows)
    if max_length:
        counts |= counted("dropped", num_dropped)
    space = labels_of(task["name"]).space(fitted.names)
    return fitted, space, digests, train_counts, counts


def counted(what, by_split):
    """Split -> number, as "train_rows" and so on.  -> dict."""
    return {f"{name}_{what}": number for name, number in by_split.items()}
