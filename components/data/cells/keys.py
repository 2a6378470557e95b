"""A hash of each row, made of whole columns."""

import numpy as np

FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: times it is one to one
SHIFT = np.uint64(29)


def row_keys(columns):
    """Keys of rows: equal inputs have equal keys.

    Args:
        columns: list of float64 [N], or of pyarrow.Array of strings [N].

    Returns:
        uint64 [N].
    """
    keys = None
    for values in columns:
        hashed = words(values) if not isinstance(values, np.ndarray) else bits(values)
        keys = np.zeros(len(hashed), "uint64") if keys is None else keys
        keys ^= hashed
        keys *= FACTOR
        keys ^= keys >> SHIFT
    return keys


def bits(values):
    """The bits of numbers; 0.0 and -0.0 are equal, and every NaN.  -> uint64 [N]"""
    values = values + 0.0
    values[np.isnan(values)] = np.nan
    return values.view("uint64")


def words(values):
    """A hash of each word, computed once for each different one.  -> uint64 [N]"""
    from pandas.util import hash_array

    encoded = values.dictionary_encode()
    every = np.array(encoded.dictionary.to_pylist(), object)
    hashed = hash_array(every, categorize=False)
    return hashed[encoded.indices.to_numpy(zero_copy_only=False)]
