import pytest

from phistar.pipeline.serving.predict.files import STDIN, present
from tests.helpers import odd


@pytest.mark.parametrize("name", odd.FOLDERS)
def test_a_file_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    assert present([name, f"~/{name}", STDIN]) == [name, f"{tmp_path}/{name}", STDIN]


def test_a_file_may_begin_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~x.csv").touch()
    assert present(["~x.csv"]) == ["~x.csv"]
    with pytest.raises(ValueError, match="no such file. Received: ~y.csv"):
        present(["~y.csv"])
