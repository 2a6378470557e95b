"""A root is refused if no result can be written in it; the check leaves nothing."""

import os

import pytest

from phistar.pipeline.process.writable import require_root


def test_a_root_may_be_new_and_nothing_is_made_in_it(tmp_path):
    for root in (tmp_path, tmp_path / "new" / "deeper"):
        require_root(root)
    (tmp_path / "mlruns").mkdir()
    require_root(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["mlruns"]


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_is_no_root(tmp_path, below):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="the root is a file. Received: --root .*file"):
        require_root(tmp_path / "file" / below)


def test_mlruns_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "mlruns").write_text("x")
    with pytest.raises(ValueError, match="mlruns.* Expected a folder"):
        require_root(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path):
    for mode in (0o500, 0o000):  # it may be read; it may not even be looked into
        tmp_path.chmod(mode)
        with pytest.raises(ValueError, match="cannot be written.*Permission denied"):
            require_root(tmp_path)
