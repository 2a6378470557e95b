"""Files of a folder, a pattern or a home: what is left out is counted."""

import pytest

from phistar.components.data.files.found import HIDDEN, LOST, OTHER, TWICE, Found
from phistar.components.data.notices import Counter

SUFFIXES = (".txt", ".md", ".gz")
MESS = {
    HIDDEN: [
        "._a.txt",
        ".DS_Store",
        ".ipynb_checkpoints/a.txt",
        "deep/a.txt~",
        "~$a.txt",
        "#a.txt#",
        "__MACOSX/a.txt",
    ],
    OTHER: ["photo.png", "a.pdf", "deep/no_suffix", "a.png.gz"],
    None: ["a.txt", "B.TXT", "c.md", "d.txt.gz", "e.gz", "deep/er/f.txt"],
}


@pytest.fixture
def folder(tmp_path):
    """A folder with all of MESS in it."""
    for name in sum(MESS.values(), []):
        file = tmp_path / "letters" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "letters"


def found(path, suffixes=SUFFIXES):
    """Names of the files, and what has been counted."""
    counts = Counter()
    one = Found("path", str(path), suffixes, counts)
    return [one.name(file) for file in one.files], counts


def test_hidden_files_and_those_of_other_kinds_are_left_out_and_counted(folder):
    names, counts = found(folder)
    assert sorted(names) == sorted(MESS[None])
    assert {what: one.count for what, one in counts.items()} == {
        HIDDEN: len(MESS[HIDDEN]),
        OTHER: len(MESS[OTHER]),
    }
    assert set(counts[OTHER].places) == set(MESS[OTHER])


def test_links_to_folders_are_followed_once(folder, tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "z.txt").write_text("z")
    (folder / "link").symlink_to(tmp_path / "else")
    (tmp_path / "else" / "loop").symlink_to(folder)
    (folder / "lost.txt").symlink_to(tmp_path / "nowhere")
    names, counts = found(folder)
    assert sorted(names) == sorted([*MESS[None], "link/z.txt"])
    assert counts[TWICE].places == ["link/loop/"] and counts[LOST].count == 1
    (tmp_path / "alias").symlink_to(folder)
    assert found(tmp_path / "alias")[0] == names


def test_a_file_that_is_named_may_have_any_suffix(folder):
    assert found(folder / "deep" / "no_suffix")[0] == ["no_suffix"]
    assert found(folder / "*.p*")[0] == ["a.pdf", "a.png.gz", "photo.png"]
    assert found(folder / "**" / "f.*")[0] == ["deep/er/f.txt"]


def test_a_name_with_signs_of_a_pattern_is_taken_as_it_is(tmp_path):
    (tmp_path / "full[1]").mkdir()
    (tmp_path / "full[1]" / "a?.txt").write_text("x")
    assert found(tmp_path / "full[1]")[0] == ["a?.txt"]
    assert found(tmp_path / "full[1]" / "a?.txt")[0] == ["a?.txt"]


def test_home_is_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert found("~/letters") == found(folder)
    with pytest.raises(ValueError, match=r"no such user. Received: ingest.path='~nob"):
        found("~nobody_of_this_name/letters")


@pytest.mark.parametrize("path", ["", " "])
def test_no_path_is_refused(path):
    with pytest.raises(ValueError, match="no path. Received: ingest.path="):
        found(path)


def test_splits_need_a_train_and_nothing_else(tmp_path):
    def splits(*names):
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x")
        folder = tmp_path / names[0].split("/")[0]
        one = Found("path", str(folder), SUFFIXES, Counter())
        return {split: len(files) for split, files in one.splits().items()}

    assert splits("a/Train/x.txt", "a/dev/deep/y.txt") == {"train": 1, "valid": 1}
    # a letter may be called test.txt
    assert splits("b/test.txt", "b/other.txt") == {}
    assert splits("c/train.txt") == {}
    with pytest.raises(ValueError, match="no train. Received: test/x.txt"):
        splits("d/test/x.txt")
    with pytest.raises(ValueError, match="other files beside them. Received: more.txt"):
        splits("e/train.txt", "e/test.txt", "e/more.txt")
