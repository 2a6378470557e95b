"""Checkpoints on disk: what was changed there is not believed."""

import contextlib
import shutil

import numpy as np
import pytest

from phistar.components.hashing import parsed
from phistar.components.training.checkpoint_files import load, save

STRIDE = 61


def two(folder):
    """Write two checkpoints."""
    for step in (4, 8):
        state = {"best_nll": 0.5 - step / 100, "history": [[step, 0.25]], "journal": 9}
        arrays = [np.arange(3.0) + step]
        save(folder, step, state, arrays, step, arrays)
    return folder


def same(one, other):
    """True if two loaded checkpoints have the same state and arrays."""
    return one[0] == other[0] and all(
        np.array_equal(a, b)
        for first, second in zip(one[1:], other[1:], strict=True)
        for a, b in zip(first, second, strict=True)
    )


def test_no_flipped_bit_of_a_state_is_believed(tmp_path, capsys):
    folder = two(tmp_path / "whole")
    newest = load(folder)
    shutil.copytree(folder, tmp_path / "newest")
    text = (folder / "step-00000008" / "state.json").read_bytes()
    shutil.copytree(folder, tmp_path / "old")
    shutil.rmtree(tmp_path / "old" / "step-00000008")
    older = load(tmp_path / "old")
    went_back = 0
    for place in range(len(text)):
        for bit in range(8):
            changed = bytearray(text)
            changed[place] ^= 1 << bit
            with contextlib.suppress(ValueError):
                # what passes says the same, like another space
                assert parsed(bytes(changed)) == newest[0]
            if (8 * place + bit) % STRIDE:
                continue  # the arrays behind each are read and hashed too
            path = folder / "step-00000008" / "state.json"
            if not path.parent.exists():  # one that is not believed is removed
                shutil.copytree(tmp_path / "newest", folder, dirs_exist_ok=True)
            path.write_bytes(changed)
            found = load(folder)
            if not same(found, newest):
                assert same(found, older)
                went_back += 1
    assert went_back > 7 * len(text) / STRIDE
    assert "its seal is not that of the rest" in capsys.readouterr().err


def test_a_state_without_a_seal_is_not_believed(tmp_path, capsys):
    folder = two(tmp_path / "whole")
    path = folder / "step-00000008" / "state.json"
    path.write_text(path.read_text().partition(', "seal"')[0] + "}")
    assert load(folder)[0]["step"] == 4
    assert "Going back to step-00000004" in capsys.readouterr().err


def test_no_whole_state_is_an_error(tmp_path):
    folder = two(tmp_path / "whole")
    for path in folder.glob("step-*/state.json"):
        path.write_text("{}")
    with pytest.raises(ValueError, match="does not load.*remove"):
        load(folder)
