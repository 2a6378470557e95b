"""Files of an earlier network: damaged, hostile, without an end, or not finite."""

import io
import json
import os
import resource
import zipfile

import numpy as np
import pytest

from phistar.components.training.earlier import Earlier
from phistar.components.training.warm_start import fingerprint

WANTED = {0: (3, 2), 1: (2,)}


def repack(folder, change):
    """Write weights.npz again, with `change` of {name of the member: its bytes}."""
    path = folder / "weights.npz"
    with zipfile.ZipFile(path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in change(members).items():
            packed.writestr(name, data)


def npy(array=None, shape=None):
    """The bytes of a .npy file, or its header alone with another shape."""
    buffer = io.BytesIO()
    if shape is None:
        np.lib.format.write_array(buffer, array)
    else:
        about = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(buffer, about)
    return buffer.getvalue()


def filled(value):
    """A change of all arrays: every number is this one."""

    def change(members):
        arrays = {n: np.load(io.BytesIO(data)) for n, data in members.items()}
        return {n: npy(np.full_like(array, value)) for n, array in arrays.items()}

    return change


def flipped(path):
    """Change a byte of an array: its sum is another one then."""
    one = np.float32(1).tobytes()
    path.write_bytes(path.read_bytes().replace(one, np.float32(-1).tobytes(), 1))


def described(**changed):
    """A change of network.json."""

    def change(folder):
        path = folder / "network.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return change


ZEROS = bytes(60 * 2**20)
HEADERS = {"2^40 floats": (2**40,), "no shape of it": (3, 1), "below zero": (-1,)}
HOSTILE = {
    "NaN": lambda f: repack(f, filled(np.nan)),
    "infinite": lambda f: repack(f, filled(-np.inf)),
    "no numbers": lambda f: repack(f, lambda m: {n: npy(np.array(["a"])) for n in m}),
    "no arrays": lambda f: repack(f, lambda m: dict.fromkeys(m, b"no array")),
    "60 MB": lambda f: repack(f, lambda m: {n: d + ZEROS for n, d in m.items()}),
    "fewer arrays": lambda f: repack(f, lambda m: dict(list(m.items())[:-1])),
    "no archive": lambda f: (f / "weights.npz").write_bytes(b"PK\x03\x04 no archive"),
    "cut off": lambda f: os.truncate(f / "weights.npz", 300),
    "empty": lambda f: (f / "weights.npz").write_bytes(b""),
    "a flipped byte": lambda f: flipped(f / "weights.npz"),
    "no JSON": lambda f: (f / "network.json").write_text("{"),
    "no object": lambda f: (f / "network.json").write_text("[]"),
    "deep JSON": lambda f: (f / "network.json").write_text("[" * 10**5),
    "not UTF-8": lambda f: (f / "network.json").write_bytes(b"\xff\xfe{}"),
    "no names": described(names=None),
    "odd shapes": described(shapes="abc"),
    "fewer shapes": described(shapes=[]),
}
HOSTILE |= {
    name: lambda f, shape=shape: repack(
        f, lambda m: {n: npy(shape=shape) + bytes(64) for n in m}
    )
    for name, shape in HEADERS.items()
}


@pytest.fixture
def folder(tmp_path):
    """The folder of a network with two weights."""
    shapes = list(map(list, WANTED.values()))
    described = {"names": ["head/kernel", "head/bias"], "shapes": shapes}
    (tmp_path / "network.json").write_text(json.dumps(described))
    arrays = {f"{i:05d}": np.ones(shape, "float32") for i, shape in WANTED.items()}
    np.savez(tmp_path / "weights.npz", **arrays)
    return tmp_path


def test_whole_network_is_read(folder):
    (folder / "weights.npz").unlink()
    ordered = np.asfortranarray(np.arange(6, dtype="float32").reshape(3, 2))
    np.savez(folder / "weights.npz", **{"00000": ordered, "00001": np.ones(2)})
    found = Earlier(folder).arrays(WANTED)
    assert (found[0] == ordered).all() and (found[1] == 1).all()


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_or_hostile_network_is_one_clear_error(name, folder):
    HOSTILE[name](folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if name == "60 MB":  # behind the array: it is never unpacked
        Earlier(folder).arrays(WANTED)
    else:
        with pytest.raises(ValueError, match="Received: .* Expected"):
            Earlier(folder).arrays(WANTED)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 30 * 2**10  # kB


@pytest.mark.parametrize("file", ["network.json", "weights.npz"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_network_that_has_no_end_is_refused(file, kind, folder):
    (folder / file).unlink()
    if kind == "pipe":
        os.mkfifo(folder / file)
    else:
        (folder / file).symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="no network to start from"):
        fingerprint(folder)
