"""SHA-256 of a file, the one place that reads a file for its digest.

It imports nothing heavy, because the store of results uses it too.
"""

import hashlib


def file_sha256(path):
    """Hexadecimal SHA-256 of the bytes in the file `path`."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
