"""Manifests: what is in an artifact, with sizes and SHA-256, and what is wrong with it.

`manifest.json` is the last file written into an artifact's folder. It holds `stage`,
`key`, `parts` (what the key was made of), `files`, `digest` and `origin`. Its `seal` is
the SHA-256 of all that: no part of it can change unseen.
"""

import hashlib
import json
from pathlib import Path

from phistar.components.hashing import file_sha256, parsed, seal

# Files that differ between two executions of one result. They are verified on reading,
# but equal results must have an equal digest, so the digest leaves them out.
VOLATILE = (
    # times, the id of the run
    *("journal.jsonl", "contract.json", "MLmodel"),
    # TensorFlow numbers functions by a counter of the process, and adds a random
    # fingerprint. What a graph computes follows from code and inputs, which the
    # artifact's key covers. Its weights and golden answers are other files.
    *("saved_model.pb", "fingerprint.pb"),
)


NAME = "manifest.json"
CACHE = "__pycache__"


def write(folder: Path, manifest: dict) -> None:
    """Write a manifest, with its seal, into an artifact's folder."""
    whole = manifest | {"seal": seal(manifest)}
    text = json.dumps(whole, sort_keys=True, indent=2, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", "utf-8")


def is_volatile(name: str) -> bool:
    """True if a file, by its relative path, does not belong to the result."""
    return name.rsplit("/")[-1] in VOLATILE


def digest(files: dict) -> str:
    """SHA-256 over the sorted (relative path, sha256) of all but the VOLATILE files."""
    total = hashlib.sha256()
    for name in sorted(files):
        if not is_volatile(name):
            total.update(f"{name}\0{files[name]['sha256']}\n".encode())
    return total.hexdigest()


def hashed(folder: Path) -> dict:
    """{relative path: {size, sha256}} of all files of a folder."""
    return {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": file_sha256(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def damage(path: Path) -> str | None:
    """The first fault of an artifact, in words; None if it is whole."""
    try:
        files = parsed((path / NAME).read_bytes())["files"]
    except (OSError, ValueError, KeyError) as error:
        found = f"{type(error).__name__}: {error}"
        return f"{NAME}: expected a whole manifest, found {found}."
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        # Python leaves bytecode beside the code of a model of MLflow that it loads
        if CACHE in file.parts or name == NAME or file.is_dir():
            continue
        if name not in files:
            return f"{name}: expected no such file."
    for name, expected in files.items():
        # The size first: it costs nothing, and a truncated file is the usual damage.
        try:
            size = (path / name).stat().st_size
        except OSError:
            return f"{name}: expected {expected['size']} bytes, found no file."
        if size != expected["size"]:
            return f"{name}: expected {expected['size']} bytes, found {size}."
        if (sha256 := file_sha256(path / name)) != expected["sha256"]:
            return f"{name}: expected SHA-256 {expected['sha256']}, found {sha256}."
    return None
