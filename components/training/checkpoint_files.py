"""Files of checkpoints: whole or not at all, the newest two.

checkpoints/step-00000080/variables.npz    arrays, by position
                         /state.json       all else, the SHA-256 of the arrays, a seal
checkpoints/best-00000080.npz              the best weights so far
"""

import contextlib
import json
import os
import shutil
import sys

import numpy as np

from phistar.components.hashing import file_sha256, parsed, seal

KEPT = 2  # if a machine stops while it writes one, the other is whole


def save(folder, step, state, variables, best_step, best_weights):
    """Write a checkpoint; it appears by one rename.

    Args:
        folder: Path of the checkpoints.
        step: int, steps done.
        state: plain data; `load` returns it with "step" and "best_step".
        variables: list of np.ndarray.
        best_step: int, the step of `best_weights`, which are written once.
        best_weights: list of np.ndarray.
    """
    folder.mkdir(exist_ok=True)
    best = folder / f"best-{best_step:08d}.npz"
    if not best.exists():  # the same weights stay the best over many checkpoints
        _write_arrays(folder / f".{best.name}", best_weights)
        os.replace(folder / f".{best.name}", best)
    temporary = folder / f".step-{step:08d}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    _write_arrays(temporary / "variables.npz", variables)
    state = state | {
        "step": step,
        "best_step": best_step,
        "best": best.name,
        "sha256": {
            "variables": file_sha256(temporary / "variables.npz"),
            "best": file_sha256(best),
        },
    }
    with _synced(temporary / "state.json") as file:
        file.write(json.dumps(state | {"seal": seal(state)}).encode())
    final = folder / f"step-{step:08d}"
    # if it exists, it is damaged, and so not the one that was loaded
    shutil.rmtree(final, ignore_errors=True)
    os.rename(temporary, final)
    _sync(folder)
    _remove_old(folder)


def load(folder):
    """Read the newest checkpoint that is whole.

    Args:
        folder: Path of the checkpoints.

    Returns:
        (state, variables, best_weights), or None if there is no checkpoint.

    Raises:
        ValueError: if there are checkpoints, but none is whole.
    """
    found = sorted(folder.glob("step-*"), reverse=True)
    damage = None
    for path in found:
        if damage:
            print(f"warning: {damage} Going back to {path.name}.", file=sys.stderr)
        try:
            loaded = _read(folder, path)
        except (OSError, ValueError, KeyError, EOFError) as error:
            damage = f"checkpoint {path} does not load: {error}."
            continue
        # the steps of the damaged ones are repeated, and their files written again
        for newer in found[: found.index(path)]:
            shutil.rmtree(newer)
        _remove_old(folder)
        return loaded
    if damage:  # no silent start from step 0: hours of work may be recoverable
        raise ValueError(
            f"{damage} Expected one of {[path.name for path in found]} to load. "
            f"To begin again from the first step, remove {folder}."
        )
    return None


def _read(folder, path):
    """(state, variables, best weights) of a checkpoint whose bytes are as written."""
    state = parsed((path / "state.json").read_bytes())
    files = {"variables": path / "variables.npz", "best": folder / state["best"]}
    for name, file in files.items():
        if (digest := file_sha256(file)) != state["sha256"][name]:
            raise ValueError(
                f"{file.name} has the SHA-256 {digest[:12]}…, "
                f"not {state['sha256'][name][:12]}…"
            )
    return state, *(_read_arrays(file) for file in files.values())


def _write_arrays(path, arrays):
    """Write arrays by position, and have them on disk."""
    with _synced(path) as file:
        np.savez(file, **{f"{i:05d}": array for i, array in enumerate(arrays)})


@contextlib.contextmanager
def _synced(path):
    """A file to write bytes to; after the block they are on disk."""
    with open(path, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _read_arrays(path):
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays)]


def _sync(folder):
    """Have the names in a folder on disk: a rename alone may not survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old(folder):
    """Remove all but the newest checkpoints and the best weights that they name."""
    paths = sorted(folder.glob("step-*"), reverse=True)
    for path in paths[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
    named = set()
    for path in paths[:KEPT]:
        try:
            named.add(parsed((path / "state.json").read_bytes())["best"])
        except (OSError, ValueError, KeyError):
            return  # it is damaged: it may name any of them
    for best in folder.glob("best-*.npz"):
        if best.name not in named:
            best.unlink(missing_ok=True)
