"""The predictions on test as a table that other programs read: Parquet."""


def write(path, columns):
    """Write columns of one length.

    Args:
        path: of the file.
        columns: name -> array or list [N].
    """
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path)
