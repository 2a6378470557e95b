"""Answers as JSON lines, CSV or Parquet: whole columns at a time.

JSON lines   one object a line, to stdout or a file
CSV          one column for each number: probs of yes and no are prob_no, prob_yes
Parquet      lists as they are
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

SUFFIXES = (".jsonl", ".json", ".ndjson", ".csv", ".parquet")
SINGULAR = {"log_probs": "log_prob", "probs": "prob"}  # columns of a label in a CSV


class Output(Protocol):
    """Target of answers."""

    def write(self, columns: dict, size: int) -> None:
        """Write rows: name -> array [N, ...], pyarrow.Array, list, or one str."""

    def close(self, whole: bool) -> None:
        """Finish; a file that is not whole is removed."""


def output(path: str | None) -> Output:
    """The output that a path names; None is stdout.

    Raises:
        ValueError: no such folder, or another suffix.
    """
    if path is None:
        return JsonLines(sys.stdout)
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES or not Path(path).absolute().parent.is_dir():
        what = "no such folder" if suffix in SUFFIXES else "another kind of file"
        raise ValueError(
            f"{what}. Received: --output {path}. Expected a file in a folder that "
            f"exists, whose name ends in {', '.join(SUFFIXES)}."
        )
    if suffix == ".parquet":
        return ParquetFile(path)
    return CsvFile(path) if suffix == ".csv" else JsonFile(path)


class JsonLines:
    """JSON lines to an open stream; characters as they are where it can hold them."""

    def __init__(self, stream: TextIO):
        self.stream = stream
        self.escaped = (stream.encoding or "").lower().replace("-", "") != "utf8"

    def write(self, columns: dict, size: int) -> None:
        """Write rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not size:
            return
        parts: list[Any] = []
        for number, (name, values) in enumerate(columns.items()):
            parts.append(f"{', ' if number else '{'}{self.dumped(name)}: ")
            parts.append(self.texts(values))
        if any(isinstance(part, pa.Array) for part in parts):
            lines = pc.binary_join_element_wise(*parts, "}\n", "")
            self.stream.write("".join(lines.to_pylist()))
        else:
            self.stream.write((f"{''.join(parts)}}}\n") * size)
        self.stream.flush()

    def close(self, whole: bool) -> None:
        """Nothing: the stream is another's."""

    def dumped(self, value: Any) -> str:
        """A value as JSON."""
        return json.dumps(value, ensure_ascii=self.escaped, allow_nan=False)

    def texts(self, values: Any) -> Any:
        """JSON of each row.  -> pyarrow.Array of strings [N], or a str for all."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if isinstance(values, str):
            return self.dumped(values)
        if isinstance(values, list):  # nested, of texts
            return pa.array([self.dumped(value) for value in values], pa.string())
        if isinstance(values, np.ndarray) and values.ndim == 2:
            if constant(values):
                return self.dumped([decoded(value) for value in values[0]])
            columns = [self.texts(values[:, n]) for n in range(values.shape[1])]
            inner = pc.binary_join_element_wise(*columns, ", ")
            return pc.binary_join_element_wise("[", inner, "]", "")
        found = arrow(values)
        if pa.types.is_string(found.type):
            encoded = found.dictionary_encode(null_encoding="encode")
            every = [self.dumped(word) for word in encoded.dictionary.to_pylist()]
            return pa.array(every, pa.string()).take(encoded.indices)
        if pa.types.is_floating(found.type):
            found = pc.if_else(pc.is_finite(found), found, pa.scalar(None, found.type))
        return pc.fill_null(found.cast(pa.string()), "null")


class Partial:
    """A file that has its name once it is whole."""

    def __init__(self, path: str):
        self.path, self.part = Path(path), Path(f"{path}.part")

    def finish(self, whole: bool) -> None:
        """Give it its name, or remove it."""
        if whole:
            os.replace(self.part, self.path)
        else:
            self.part.unlink(missing_ok=True)


class JsonFile(JsonLines):
    """JSON lines to a file."""

    def __init__(self, path: str):
        self.file = Partial(path)
        # closed by close
        super().__init__(open(self.file.part, "w", encoding="utf-8"))  # noqa: SIM115

    def close(self, whole: bool) -> None:
        """Close the file."""
        self.stream.close()
        self.file.finish(whole)


class ParquetFile:
    """A Parquet file."""

    def __init__(self, path: str):
        self.file, self.writer = Partial(path), None

    def table(self, columns: dict, size: int) -> Any:
        """Rows as pyarrow has them."""
        import pyarrow as pa

        made = {name: nested(values, size) for name, values in columns.items()}
        return pa.table(made)

    def opened(self, schema: Any) -> Any:
        """The writer."""
        from pyarrow.parquet import ParquetWriter

        return ParquetWriter(self.file.part, schema)

    def write(self, columns: dict, size: int) -> None:
        """Write rows."""
        table = self.table(columns, size)
        if self.writer is None:
            self.schema = table.schema
            self.writer = self.opened(self.schema)
        self.writer.write_table(table.cast(self.schema))

    def close(self, whole: bool) -> None:
        """Close the file."""
        import pyarrow as pa

        if self.writer is None and whole:
            self.writer = self.opened(pa.schema([]))
        if self.writer is not None:
            self.writer.close()
        self.file.finish(whole)


class CsvFile(ParquetFile):
    """A CSV file: lists of numbers are columns, other lists JSON."""

    def table(self, columns: dict, size: int) -> Any:
        """Rows as pyarrow has them."""
        import pyarrow as pa

        labels, made = columns.get("labels"), {}
        wide = isinstance(labels, np.ndarray) and len(labels) > 0 and constant(labels)
        names = [decoded(label) for label in labels[0]] if wide else []
        for name, values in columns.items():
            if wide and name == "labels":
                continue
            if wide and name in SINGULAR:
                for number, label in enumerate(names):
                    column = f"{SINGULAR[name]}_{label}"
                    made[column] = arrow(np.ascontiguousarray(values[:, number]))
                continue
            found = nested(values, size)
            if pa.types.is_list(found.type):
                texts = [
                    json.dumps(row, ensure_ascii=False) for row in found.to_pylist()
                ]
                found = pa.array(texts, pa.string())
            made[name] = found
        return pa.table(made)

    def opened(self, schema: Any) -> Any:
        """The writer."""
        from pyarrow.csv import CSVWriter

        return CSVWriter(self.file.part, schema)


def nested(values: Any, size: int) -> Any:
    """Values of rows, also lists.  -> pyarrow.Array [N]"""
    import pyarrow as pa

    if isinstance(values, str):
        return pa.array([values] * size, pa.string())
    if isinstance(values, np.ndarray) and values.ndim == 2:
        flat = arrow(np.ascontiguousarray(values).reshape(-1))
        offsets = np.arange(size + 1, dtype="int32") * values.shape[1]
        return pa.ListArray.from_arrays(pa.array(offsets), flat)
    return arrow(values)


def arrow(values: Any) -> Any:
    """Values of one dimension; bytes as text.  -> pyarrow.Array"""
    import pyarrow as pa

    if isinstance(values, pa.Array):
        return values
    if isinstance(values, np.ndarray) and values.dtype.kind in "SO":
        encoded = pa.array(values.astype(object), pa.binary()).dictionary_encode()
        every = [decoded(word) for word in encoded.dictionary.to_pylist()]
        return pa.array(every, pa.string()).take(encoded.indices)
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return pa.array(values, mask=~np.isfinite(values))
    return pa.array(values)


def constant(values: np.ndarray) -> bool:
    """True of names that are the same in every row."""
    return values.dtype.kind in "SO" and bool((values[0] == values[-1]).all())


def decoded(value: bytes) -> str:
    """Bytes as text."""
    return value.decode("utf-8", "replace")


def columns(rows: Iterable[dict]) -> dict[str, list]:
    """Rows with the same names as columns."""
    rows = list(rows)
    return {name: [row[name] for row in rows] for name in rows[0]}
