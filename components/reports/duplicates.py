"""Equal inputs within splits and across them: a test that was read is no test."""

import hashlib
from typing import NamedTuple

import numpy as np

from phistar.components.data.splits import SPLITS

# of a split, the first ones: what is compared must take seconds and not all memory
MAX_ROWS, MAX_BYTES = 10**6, 2**31
BLOCK_BYTES = 2**24


class Duplicates(NamedTuple):
    """Equal inputs, as the network reads them.

    Args:
        what: "inputs", "sources" or "texts".
        in_train: bool [N], True where test has an input that train has too.
        in_valid: the same of valid.
        valid_in_train: int, inputs of valid that train has too.
        repeated: split -> number of its rows whose input an earlier row has.
        compared: split -> number of its rows that were compared.
    """

    what: str
    in_train: np.ndarray
    in_valid: np.ndarray
    valid_in_train: int
    repeated: dict
    compared: dict


def duplicates(data):
    """Compare the inputs of all splits: all rows, or the first million of each.

    Of pairs the sources are compared, of texts without a source the texts.

    Args:
        data: Dataset.

    Returns:
        Duplicates.
    """
    keys = {split: row_keys(read(data, split)) for split in SPLITS}
    what = {(): "inputs", ("labels",): "texts"}.get(data.kind.sides, "sources")
    total = len(read(data, "test"))
    # rows of test beyond the first million count as new
    found = [
        np.pad(np.isin(keys["test"], keys[split]), (0, total - len(keys["test"])))
        for split in ("train", "valid")
    ]
    return Duplicates(
        what,
        *found,
        int(np.isin(keys["valid"], keys["train"]).sum()),
        {split: len(own) - len(np.unique(own)) for split, own in keys.items()},
        {split: len(own) for split, own in keys.items()},
    )


def read(data, split):
    """The side of a split that is compared.  -> array or Ragged"""
    inputs, labels = data.split(split)
    return labels if inputs is None else inputs


def row_keys(rows):
    """A hash of each row, equal where the rows are.

    Args:
        rows: array [N, ...], or Ragged.

    Returns:
        uint64 [N, or fewer where there are many].
    """
    ragged = hasattr(rows, "offsets")
    if ragged:
        ends = rows.offsets * rows.tokens.itemsize
    else:
        row = int(np.prod(rows.shape[1:], dtype="int64")) * rows.dtype.itemsize
        ends = np.arange(len(rows) + 1) * row
    most = min(MAX_ROWS, np.searchsorted(ends, MAX_BYTES, side="right") - 1)
    keys, start = [], 0
    while start < most:
        # at least one row, however long it is
        full = np.searchsorted(ends, ends[start] + BLOCK_BYTES, side="right") - 1
        stop = int(min(most, max(start + 1, full)))
        if ragged:
            block = np.asarray(rows.tokens[rows.offsets[start] : rows.offsets[stop]])
        else:
            block = np.asarray(rows[start:stop])
        if block.dtype.kind == "f":
            block = block + 0  # -0.0 becomes 0.0, which is equal
        content, at = memoryview(block.tobytes()), ends[start : stop + 1] - ends[start]
        for first, last in zip(at[:-1].tolist(), at[1:].tolist(), strict=True):
            keys.append(hashlib.blake2b(content[first:last], digest_size=8).digest())
        start = stop
    return np.frombuffer(b"".join(keys), "<u8")


def warnings(found, report):
    """Sentences about inputs of test that training has seen.

    Args:
        found: Duplicates.
        report: Report.

    Returns:
        list of str.
    """
    lines = []
    for split, seen in (("train", found.in_train), ("valid", found.in_valid)):
        if not seen.any():
            continue
        line = (
            f"{seen.sum():,} of {len(seen):,} {found.what} of test ({seen.mean():.1%}) "
            f"are in {split} too, so the result may be too good"
        )
        if seen.all():
            lines.append(f"{line}: no other is left.")
            continue
        rest, _ = report.mean_error(report.test_nll, ~seen)
        whole = report.metrics["test_nll"]
        lines.append(f"{line}: without them -ln P is {rest:.4f}, not {whole:.4f}.")
    if found.valid_in_train:
        lines.append(
            f"{found.valid_in_train:,} of {found.compared['valid']:,} {found.what} of "
            "valid are in train too: the step that was kept may be one too late."
        )
    return lines
