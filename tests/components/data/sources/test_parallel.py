import gzip
from pathlib import Path

import pytest

from phistar.components.data.sources.parallel import parallel


def pairs(pieces):
    """All pairs of pieces of Rows.  -> list of (bytes, bytes)."""
    return [
        pair
        for piece in pieces
        for pair in zip(piece.inputs, piece.labels, strict=True)
    ]


@pytest.fixture
def files(tmp_path):
    """Write two files.  (source bytes, target bytes) -> their paths as options."""

    def made(source, target, suffix=""):
        paths = {"source_path": source, "target_path": target}
        for name, content in paths.items():
            file = tmp_path / f"{name}.txt{suffix}"
            file.write_bytes(gzip.compress(content) if suffix else content)
            paths[name] = str(file)
        return paths

    return made


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_parallel_pairs_line_by_line(files, capsys, suffix):
    given = files(
        b"one\n\n\ntwo\r\n \nf\xff\0ur", b"eins\nx\n\nzwei\nu\nvier\n", suffix
    )
    source = parallel(**given)
    assert source.kind == "pairs" and source.name == "source_path"
    rows = source.read()["all"]
    expected = [(b"one", b"eins"), (b"two", b"zwei"), (b"f\xff\0ur", b"vier")]
    assert pairs(rows) == expected == pairs(rows)
    said = capsys.readouterr().err
    assert said.count("3 of 6 pairs are left out, empty on one side or both") == 1


def test_parallel_says_nothing_where_nothing_is_left_out(files, capsys):
    rows = parallel(**files(b"one\ntwo", b"eins\nzwei")).read()["all"]
    assert len(pairs(rows)) == 2 and not capsys.readouterr().err


@pytest.mark.parametrize("side", [0, 1])
def test_parallel_refuses_other_numbers_of_lines_with_both(files, side):
    contents = [b"one\ntwo\nthree\n", b"eins\nzwei\n"]
    given = files(contents[side], contents[1 - side])
    counts = [(3, 2), (2, 3)][side]
    match = "source_path.txt with {} lines, .*target_path.txt with {}.".format(*counts)
    with pytest.raises(ValueError, match=match):
        parallel(**given).read()


def test_parallel_knows_a_change_on_either_side(files):
    prints = [
        parallel(**files(*contents)).fingerprint
        for contents in ((b"a", b"b"), (b"a", b"c"), (b"c", b"b"), (b"b", b"a"))
    ]
    assert len({str(one) for one in prints}) == 4
    assert parallel(**files(b"a", b"b")).fingerprint == prints[0]


def test_parallel_comes_in_pieces(files, monkeypatch):
    monkeypatch.setattr("phistar.components.data.sources.text.PIECE_BYTES", 10)
    rows = parallel(**files(b"\n".join([b"abc"] * 5), b"\n".join([b"de"] * 5)))
    assert [len(piece) for piece in rows.read()["all"]] == [2, 2, 1]


@pytest.mark.parametrize("key", ["source_path", "target_path"])
def test_parallel_refuses_a_file_that_is_not_there(files, key):
    given = files(b"a", b"b") | {key: "nowhere.txt"}
    with pytest.raises(ValueError, match=f"no such file. Received: ingest.{key}='now"):
        parallel(**given)


def test_parallel_refuses_half_a_gzip_file(files):
    given = files(b"one\n" * 1000, b"eins\n" * 1000, ".gz")
    file = Path(given["target_path"])
    file.write_bytes(file.read_bytes()[:-12])
    with pytest.raises(ValueError, match="target_path.txt.gz cannot be read"):
        parallel(**given).read()


def test_parallel_refuses_lines_without_a_pair_before_they_are_read(files):
    with pytest.raises(ValueError, match="no pair of lines. Received: .*Expected"):
        parallel(**files(b"one\n\n", b"\nzwei\n")).overview()
    with pytest.raises(ValueError, match="with 2 lines, .* with 1"):
        parallel(**files(b"one\ntwo\n", b"eins\n")).overview()
    rows = parallel(**files(b"one\n\n", b"eins\nzwei\n")).overview().rows
    assert pairs(rows) == [(b"one", b"eins")]
