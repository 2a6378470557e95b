"""SHA-256 of a file, the one place that reads a file for its digest; and of plain data.

It imports nothing heavy, because the store of results uses it too.
"""

import hashlib
import json


def file_sha256(path):
    """Hexadecimal SHA-256 of the bytes in the file `path`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(data):
    """SHA-256 of an object of plain data, by the values in it.  dict -> str"""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parsed(text):
    """The object that a JSON text holds, without its field `seal`.  bytes -> dict

    Raises:
        ValueError: it is none, or its seal is not that of the rest.
    """
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("it is no object")
    if data.pop("seal", None) != seal(data):
        raise ValueError("its seal is not that of the rest")
    return data
