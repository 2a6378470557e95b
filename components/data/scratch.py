"""Typed columns on disk: text is parsed once, and the passes over the rows read them.

A file holds record batches of Arrow, one for each piece that was written.
"""

import os

import numpy as np


class ScratchFile:
    """A file of typed columns, written front to back.

    Args:
        path: Path to write to.
        lasting: True if the file shall be on the disk once it is closed.
    """

    def __init__(self, path, lasting=True):
        self.path, self.writer, self.stream = path, None, None
        self.lasting = lasting

    def append(self, columns):
        """Write the next rows.

        Args:
            columns: dict of name -> array [N] of NumPy or of pyarrow.
        """
        import pyarrow as pa

        batch = pa.record_batch(
            [pa.array(values) for values in columns.values()], list(columns)
        )
        if self.writer is None:
            self.stream = pa.OSFile(str(self.path), "wb")
            self.writer = pa.ipc.new_file(self.stream, batch.schema)
        self.writer.write_batch(batch)

    def close(self):
        """Close the file; a lasting one is then there also after a power cut."""
        if self.writer is not None:
            self.writer.close()
            self.stream.close()
        with open(self.path, "ab") as file:  # empty without a row
            if self.lasting:
                os.fsync(file.fileno())


def batches(path):
    """The pieces of a file.

    Args:
        path: Path.

    Yields:
        dict of name -> pyarrow.Array.
    """
    import pyarrow as pa

    if not os.path.getsize(path):
        return
    # not a memory map, whose pages would count as this process's memory
    with pa.OSFile(str(path)) as stream:
        reader = pa.ipc.open_file(stream)
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            yield dict(zip(batch.schema.names, batch.columns, strict=True))


def numpy_strings(values):
    """Strings of pyarrow as str [N], each different one made once."""
    encoded = values.dictionary_encode()
    every = np.array(encoded.dictionary.to_pylist() or [""], str)
    return every[encoded.indices.to_numpy(zero_copy_only=False)]
