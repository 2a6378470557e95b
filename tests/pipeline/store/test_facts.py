"""Facts of source files that are kept on disk give the hashes that reading gives."""

import subprocess
import sys
from pathlib import Path

import pytest

from phistar.pipeline.store.code import facts
from phistar.pipeline.store.code.facts import Facts
from phistar.pipeline.store.code.reach import code

REPOSITORY = Path(__file__).parents[3]
FILES = {
    "__init__.py": "",
    "train.py": "from phistar.components import losses\n"
    "def run():\n    losses.hinge(1)\n",
    "losses.py": 'def hinge(m):\n    """max(0, 1 - m)"""\n    return max(0, 1 - m)\n',
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "components").mkdir()
    for name, text in FILES.items():
        (tmp_path / "components" / name).write_text(text)
    return tmp_path


def edit(root, old, new):
    path = root / "components" / "losses.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def command(root):
    """The hashes that a new process finds."""
    facts.facts.cache_clear()
    return code([("components/train.py", "run")], root=root)


def kept(root):
    """The file of the facts."""
    return Facts(root, "components").path


@pytest.fixture
def files_read(monkeypatch):
    """The files that were parsed, in a list that grows."""
    found, read = [], facts.read

    def counted(file, source):
        found.append(file)
        return read(file, source)

    monkeypatch.setattr(facts, "read", counted)
    return found


def test_a_second_command_parses_only_the_files_that_changed(root, files_read):
    first = command(root)
    assert sorted(files_read) == [f"components/{name}" for name in sorted(FILES)]
    assert command(root) == first and len(files_read) == 3
    edit(root, "1 - m", "2 - m")
    command(root)
    assert files_read[3:] == ["components/losses.py"]


def test_a_changed_function_changes_its_hash_and_a_docstring_does_not(root):
    (hashes, libraries), hinge = command(root), "components/losses.py:hinge"
    edit(root, 'max(0, 1 - m)"', 'the hinge"')
    assert command(root) == (hashes, libraries)
    edit(root, "return max(0, 1 - m)", "return max(0, 2 - m)")
    changed, _ = command(root)
    assert {name for name in hashes if changed[name] != hashes[name]} == {hinge}
    kept(root).unlink()
    assert command(root)[0] == changed  # as found without anything kept


def test_a_new_use_is_followed_although_the_rest_is_kept(root):
    command(root)
    edit(root, "return max(0, 1 - m)", "return other(m)")
    with open(root / "components" / "losses.py", "a") as file:
        file.write("\ndef other(m):\n    return m\n")
    assert "components/losses.py:other" in command(root)[0]


def test_damaged_facts_are_ignored_and_written_again(root, files_read):
    first = command(root)
    good = kept(root).read_bytes()
    middle = len(good) // 2
    flipped = bytes([good[middle] ^ 1])
    for damaged in (
        b"",
        good[:10],
        good[:-1],
        good[:middle] + flipped + good[middle + 1 :],
        b"\0" * len(good),
        good + b"\0",
    ):
        files_read.clear()
        kept(root).write_bytes(damaged)
        assert command(root) == first and len(files_read) == 3
        assert command(root) == first and len(files_read) == 3  # kept again


def test_facts_of_other_code_or_another_python_are_ignored(
    root, files_read, monkeypatch
):
    first = command(root)
    monkeypatch.setattr(facts, "_MAKER", b"other")
    assert command(root) == first and len(files_read) == 6


def test_a_folder_that_cannot_be_written_keeps_nothing(root):
    folder = root / "components" / "__pycache__"
    folder.write_text("a file, so that root cannot write below it either")
    first = command(root)
    assert command(root) == first and folder.is_file()
    folder.unlink()
    kept(root).mkdir(parents=True)  # the rename fails
    assert command(root) == first
    assert list(folder.iterdir()) == [kept(root)]  # no temporary is left


@pytest.mark.heavy
def test_of_two_writers_a_reader_sees_whole_files_only(root):
    first = command(root)
    script = """
import pathlib, sys
from phistar.pipeline.store.code.facts import Facts
facts = Facts(pathlib.Path(sys.argv[1]), "components")
for i in range(300):
    facts.known[sys.argv[2]] = (b"", "x" * 50 * i)
    facts.changed = True
    facts.save()
"""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(root), name], cwd=REPOSITORY
        )
        for name in "ab"
    ]
    while None in [writer.poll() for writer in writers]:
        assert "components/train.py" in Facts(root, "components").known
    assert [writer.returncode for writer in writers] == [0, 0]
    assert command(root) == first
    assert list(kept(root).parent.iterdir()) == [kept(root)]
