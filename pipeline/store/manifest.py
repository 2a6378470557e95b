"""Manifests: what is in an artifact, with sizes and SHA-256, and what is wrong with it.

`manifest.json` is the last file written into an artifact's folder. It holds `stage`,
`key`, `parts` (what the key was made of), `files`, `digest` and `origin`.
"""

import hashlib
import json
import os
from pathlib import Path

# Files that tell of one execution (times, run id): verified on reading, but equal
# results have an equal digest without them.
VOLATILE = ("journal.jsonl", "contract.json", "MLmodel")


def is_volatile(name: str) -> bool:
    """Whether a file, by its relative path, says nothing about the result."""
    return name.rsplit("/")[-1] in VOLATILE


def digest(files: dict) -> str:
    """SHA-256 over the sorted (relative path, sha256) of all but the VOLATILE files."""
    total = hashlib.sha256()
    for name in sorted(files):
        if not is_volatile(name):
            total.update(f"{name}\0{files[name]['sha256']}\n".encode())
    return total.hexdigest()


def hashed(folder: Path) -> dict:
    """{relative path: {size, sha256}} of all files, each of them synced to disk."""
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with open(path, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        files[path.relative_to(folder).as_posix()] = {"size": size, "sha256": sha256}
    return files


def damage(path: Path) -> str | None:
    """The first thing wrong with an artifact, in words; None if nothing is."""
    try:
        manifest = json.loads((path / "manifest.json").read_bytes())
        files = manifest["files"]
        complete = manifest["digest"] == digest(files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        return f"manifest.json: expected a whole manifest, found {found}."
    if not complete:
        return f"manifest.json: expected digest {digest(files)}, found another."
    for name, expected in files.items():
        try:
            size = (path / name).stat().st_size
        except OSError:
            return f"{name}: expected {expected['size']} bytes, found no file."
        if size != expected["size"]:
            return f"{name}: expected {expected['size']} bytes, found {size}."
        with open(path / name, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if sha256 != expected["sha256"]:
            return f"{name}: expected SHA-256 {expected['sha256']}, found {sha256}."
    return None
