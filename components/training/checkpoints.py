"""Checkpoints of a training that is under way: whole or not at all, two kept.

    checkpoints/step-00000080/variables.npz    every variable, by position
                             /state.json       all else, and the SHA-256 of the arrays
    checkpoints/best-00000080.npz              the weights that will be kept

Everything that decides the next step is in them, so that a resumed training equals
an uninterrupted one bit for bit on the same machine.
"""

import hashlib
import json
import os
import platform
import shutil
import sys

import numpy as np

KEPT = 2


def save(folder, step, state, variables, best_step, best_weights):
    """Write a checkpoint; it appears by one rename.

    Args:
        folder: Path of the checkpoints.
        step: int, steps done.
        state: plain data; "arguments" and "machine" are what `load` compares.
        variables: list of np.ndarray.
        best_step: int, the step of `best_weights`, written once per step.
        best_weights: list of np.ndarray.
    """
    folder.mkdir(exist_ok=True)
    best = folder / f"best-{best_step:08d}.npz"
    if not best.exists():
        _write_arrays(folder / f".{best.name}", best_weights)
        os.replace(folder / f".{best.name}", best)
    temporary = folder / f".step-{step:08d}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    _write_arrays(temporary / "variables.npz", variables)
    state = state | {
        "step": step,
        "best": best.name,
        "sha256": {
            "variables": _sha256(temporary / "variables.npz"),
            "best": _sha256(best),
        },
    }
    with open(temporary / "state.json", "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    final = folder / f"step-{step:08d}"
    shutil.rmtree(final, ignore_errors=True)  # a damaged one that was passed over
    os.rename(temporary, final)
    _sync(folder)
    _forget(folder)


def load(folder, arguments, machine):
    """The newest checkpoint that loads.

    Args:
        folder: Path of the checkpoints.
        arguments: plain data that the checkpoint must have been made with.
        machine: plain data of this machine; there is a warning if it was another.

    Returns:
        (state, variables, best_weights), or None if there is no checkpoint.

    Raises:
        ValueError: none of the checkpoints loads, or the arguments differ.
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
        _compare(loaded[0], arguments, machine, path)
        return loaded
    if damage:
        raise ValueError(
            f"{damage} Expected one of {[path.name for path in found]} to load. "
            f"To begin again from the first step, remove {folder}."
        )
    return None


def machine():
    """What changes the bits of a result besides code, data and versions."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "flags": {
            name: os.environ.get(name, "")
            for name in ("TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "OMP_NUM_THREADS")
        },
    }


def _compare(state, arguments, machine, path):
    """Refuse other arguments; warn of another machine."""
    old = state["arguments"]
    changed = [
        f"{name} {old.get(name)!r} → {arguments.get(name)!r}"
        for name in sorted({*old, *arguments})
        if old.get(name) != arguments.get(name)
    ]
    if changed:
        raise ValueError(
            f"the checkpoint {path} is of another training: {'; '.join(changed)}. "
            "Go on with the old arguments, or remove it."
        )
    if state["machine"] != machine:
        print(
            f"warning: {path.name} was made on {state['machine']}, "
            f"this is {machine}: the result may differ in the last bits.",
            file=sys.stderr,
        )


def _read(folder, path):
    state = json.loads((path / "state.json").read_text("utf-8"))
    files = {"variables": path / "variables.npz", "best": folder / state["best"]}
    for name, file in files.items():
        if (digest := _sha256(file)) != state["sha256"][name]:
            raise ValueError(
                f"{file.name} has the SHA-256 {digest[:12]}…, "
                f"not {state['sha256'][name][:12]}…"
            )
    return state, *(_read_arrays(file) for file in files.values())


def _write_arrays(path, arrays):
    with open(path, "wb") as file:
        np.savez(file, **{f"{i:05d}": array for i, array in enumerate(arrays)})
        file.flush()
        os.fsync(file.fileno())


def _read_arrays(path):
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays)]


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _forget(folder):
    """Keep the newest checkpoints and the best weights that they name."""
    paths = sorted(folder.glob("step-*"), reverse=True)
    for path in paths[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
    named = set()
    for path in paths[:KEPT]:
        try:
            named.add(json.loads((path / "state.json").read_text("utf-8"))["best"])
        except (OSError, ValueError, KeyError):
            return  # a damaged one: it may need any of them
    for best in folder.glob("best-*.npz"):
        if best.name not in named:
            best.unlink(missing_ok=True)
