"""Stage 1, ingest: a source -> a Dataset, encoded once, in random access."""

import hashlib
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from components.artifacts import SPLITS, save_split, write_json
from components.data.encoders import encoder
from components.data.sources import source as source_function
from components.labels import label_space


def run(
    task,
    out_dir,
    log,
    *,
    source: str,
    valid_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1,
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.2,
    seed: int = 0,
    **options,
):
    """Read a source, split it, encode it, write arrays.

    Label space and encoder are those of train; valid and test only use them. Which
    split an example is in is decided by a hash of its inputs, so equal inputs are
    in one split and a new row moves no other.

    Args:
        task: plain data of the section `task`.
        out_dir: folder to write the Dataset to.
        log: Journal.
        source: where the examples come from.
        valid_fraction: share of all rows, about, that choose the weights to keep.
        test_fraction: share of all rows, about, that are scored once at the end;
            unused where the source has a test split of its own.
        seed: of the split.
        **options: keys of the source.

    Raises:
        ValueError: an unknown label, an empty split, one class only; with the row.
    """
    opened = source_function(source)(**options)
    splits = split_rows(opened.read(), valid_fraction, test_fraction, seed)
    for name, rows in splits.items():
        if not len(rows):
            raise ValueError(
                f"an empty split: {name}. Received: "
                f"{sum(map(len, splits.values()))} rows in all, seed={seed}. Raise "
                "`ingest.valid_fraction` or `ingest.test_fraction`, or add data."
            )
    space = label_space(task, splits["train"].labels)
    fitted = encoder(opened.kind).fit(splits["train"].inputs)
    folder, digests, counts = Path(out_dir), {}, {}
    for name in SPLITS:
        labels = space.encode(splits[name].labels, name)
        counts[name] = np.bincount(space.index(labels), minlength=space.size).tolist()
        if max(counts[name]) == len(labels):
            raise ValueError(
                f"one class only: rows 0 ... {len(labels) - 1} of {name} are all "
                f"{splits[name].labels[0]!r}. Expected at least two labels in every "
                "split: add data, or choose another `ingest.seed`."
            )
        inputs = fitted.encode(splits[name].inputs)
        digests[name] = save_split(folder, name, inputs, labels)
    raw = splits["test"].inputs
    raw = raw if opened.kind == "columns" else {"images": raw}
    np.savez(
        folder / "test" / "raw.npz",
        # with a prefix, since a column may be called like an argument of savez
        **{f"input/{name}": v for name, v in raw.items()},
    )
    digests["all"] = hashlib.sha256(
        "".join(digests[s] for s in SPLITS).encode()
    ).hexdigest()
    write_json(folder / "digest.json", digests)
    write_json(
        folder / "dataset.json",
        {
            "name": opened.name,
            "task": task,
            "labels": space.to_json(),
            "train_counts": counts["train"],
            "inputs": {
                "kind": fitted.kind,
                "shape": list(fitted.shape),
                "dtype": fitted.dtype,
                "encoder": fitted.to_json(),
            },
        },
    )
    log.dataset(
        name=opened.name,
        digest=digests["all"],
        source=str(opened.fingerprint),
        rows=sum(map(len, splits.values())),
        schema=fitted.describe(),
    )
    log.params({f"data.{name}_rows": len(rows) for name, rows in splits.items()})


def split_rows(given, valid_fraction, test_fraction, seed):
    """The three splits: those the source gives, the others by a hash of the inputs.

    Args:
        given: dict of split name -> Rows, {"all"}, or train and test, or all three.
        valid_fraction, test_fraction: shares of the rows that are divided.
        seed: of the hash.

    Returns:
        dict of "train", "valid", "test" -> Rows.
    """
    if "valid" in given:
        return given
    rows = given["train"] if "test" in given else given["all"]
    position = hash_positions(rows.inputs, seed)
    low = 0.0 if "test" in given else test_fraction
    test = given["test"] if "test" in given else rows.take(position < low)
    valid = (position >= low) & (position < low + valid_fraction)
    train = position >= low + valid_fraction
    return {"train": rows.take(train), "valid": rows.take(valid), "test": test}


def hash_positions(inputs, seed):
    """A number in [0, 1) for each example, a function of its inputs and the seed.

    Args:
        inputs: dict of name -> array [N], or array [N, ...].
        seed: int.

    Returns:
        float64 [N].
    """
    if isinstance(inputs, dict):
        columns = [values.tolist() for values in inputs.values()]
        examples = (repr(row).encode() for row in zip(*columns, strict=True))
    else:
        examples = (np.ascontiguousarray(image).tobytes() for image in inputs)
    key = str(seed).encode()
    digests = (hashlib.blake2b(e, digest_size=8, key=key).digest() for e in examples)
    return np.array([int.from_bytes(d, "big") / 2**64 for d in digests])
