import subprocess
from pathlib import Path

import pytest

from phistar.components.data.sources import fetch
from phistar.components.data.sources.libreoffice import clean, libreoffice


def pairs(pieces):
    """All pairs of pieces of Rows.  -> list of (bytes, bytes)."""
    return [
        pair
        for piece in pieces
        for pair in zip(piece.inputs, piece.labels, strict=True)
    ]


PAGES = {
    "en-US": {
        "text/swriter/a.html": """
            <h1 id="hd_id1" dir="auto"><a name="x"></a>The  <b>Size</b></h1>
            <p id="par_id2" class="paragraph">One<br>two &amp;
              three</p><p id="par_id3">only here</p>
            <p dir="auto">no identifier</p><div id="par_id9">no paragraph</div>
            """,
        "text/scalc/a.html": '<p id="par_id2">Another page</p><p id="par_id4">42</p>',
        "contents.html": '<p id="par_id7">no page</p>',
    },
    "de": {
        "text/swriter/a.html": """
            <p id="par_id2">Eins<br/>zwei &amp; drei</p>
            <h1 id="hd_id1">Die Gro\u0308ße</h1>""",
        "text/scalc/a.html": '<p id="par_id2">Andere Seite</p><p id="par_id4">43</p>',
        "contents.html": '<p id="par_id7">keine Seite</p>',
    },
}


def package(folder, language, version, pages):
    """Write a .deb of help pages.  -> Path."""
    name = f"libreoffice-help-{language.lower()}"
    root = folder / f"{name}-{version}"
    (root / "DEBIAN").mkdir(parents=True)
    control = f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
    control += "Maintainer: x <x@y>\nDescription: x\n"
    (root / "DEBIAN" / "control").write_text(control)
    for page, text in pages.items():
        file = root / "usr/share/libreoffice/help" / language / page
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    file = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    subprocess.run(["dpkg-deb", "-b", root, file], check=True, capture_output=True)
    return file


class Archive:
    """Debian's archive, at the version in `version`; `asked` counts the downloads."""

    def __init__(self):
        self.real, self.version, self.asked = fetch.run, "4:7.4.7-1", 0

    def run(self, command, folder, *stdout):
        if command[0] != "apt-get":
            return self.real(command, folder, *stdout)
        if self.version is None:
            return subprocess.CompletedProcess(command, 100, "", "E: no network")
        self.asked += 1
        for name in (word for word in command if word.startswith("libreoffice")):
            language = {"en-us": "en-US"}.get(name.removeprefix("libreoffice-help-"))
            pages = PAGES[language or "de"]
            language = language or name.removeprefix("libreoffice-help-")
            package(Path(folder), language, self.version, pages)
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Small packages in place of the archive, and an empty cache."""
    made = Archive()
    monkeypatch.setattr(fetch, "run", made.run)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return made


def test_libreoffice_joins_paragraphs_by_page_and_identifier(archive):
    source = libreoffice(pair="en-de")
    assert source.kind == "pairs" and source.name == "libreoffice_en_de"
    expected = [
        ("Another page", "Andere Seite"),
        ("The Size", "Die Größe"),
        ("One two & three", "Eins zwei & drei"),
    ]
    encoded = [(s.encode(), t.encode()) for s, t in expected]
    assert pairs(source.read()["all"]) == encoded == pairs(source.read()["all"])


def test_libreoffice_stays_what_it_is_when_debian_moves_on(archive):
    first = libreoffice()
    archive.version = "4:7.4.7-2"
    again = libreoffice()
    assert again.fingerprint == first.fingerprint and archive.asked == 1
    # another language needs both packages at one version, and changes nothing either
    other = libreoffice(pair="en-fr")
    assert [name.split("_")[1] for name in other.fingerprint] == ["4%3a7.4.7-2"] * 2
    # nor does a newer German one: the English one beside it is in the cache by now
    package(fetch.cache_folder(), "de", "4:7.4.7-2", PAGES["de"])
    archive.version = None
    assert libreoffice().fingerprint == first.fingerprint
    assert libreoffice(pair="en-fr").fingerprint == other.fingerprint
    assert pairs(libreoffice().read()["all"]) == pairs(first.read()["all"])


def test_libreoffice_fingerprint_changes_with_the_bytes(archive):
    first = libreoffice().fingerprint
    file = next(fetch.cache_folder().glob("libreoffice-help-de_*"))
    file.write_bytes(file.read_bytes() + b"x")
    assert libreoffice().fingerprint.keys() == first.keys()
    assert libreoffice().fingerprint != first


def test_libreoffice_says_what_to_do_without_a_network(archive):
    archive.version = None
    with pytest.raises(ConnectionError, match="Received from apt-get: E: no network.*"):
        libreoffice()
    with pytest.raises(ConnectionError, match="put the files, of one version.*phistar"):
        libreoffice()


def test_libreoffice_refuses_a_damaged_package(archive):
    libreoffice()
    file = next(fetch.cache_folder().glob("libreoffice-help-de_*"))
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ConnectionError, match="help-de_.*deb cannot be unpacked: dpkg"):
        libreoffice().read()


def test_libreoffice_refuses_two_versions(archive, monkeypatch):
    real = archive.run

    def run(command, folder, *stdout):
        done = real(command, folder, *stdout)
        for file in Path(folder or "nowhere").glob("libreoffice-help-de_*"):
            file.rename(file.with_name(file.name.replace("-1_", "-2_")))
        return done

    monkeypatch.setattr(fetch, "run", run)
    with pytest.raises(ConnectionError, match="of different versions. Received: .*-2_"):
        libreoffice()


def test_libreoffice_refuses_pages_it_cannot_read(archive, monkeypatch):
    monkeypatch.setitem(PAGES, "de", {"text/a.html": "<article>x</article>"})
    with pytest.raises(ValueError, match="no paragraphs in common.*5 and 0 paragraphs"):
        libreoffice().read()


SENTENCE = "word " * 59 + "word"
GOOD = [
    ("Save", "Sichern"),
    ("a", "eins zwei drei vier fünf sechs"),
    (SENTENCE, "x " * 60),
]


@pytest.mark.parametrize(
    "bad",
    [
        ("Save", "Save"),
        ("12 + 3", "zwölf"),
        ("twelve", "12"),
        ("", "leer"),
        (f"{SENTENCE} more", SENTENCE.title()),
        ("a", "eins zwei drei vier fünf sechs sieben"),
    ],
)
def test_clean_keeps_translations_once(bad):
    assert clean([GOOD[0], bad, *GOOD, bad]) == GOOD


@pytest.mark.slow
def test_libreoffice_of_debian():
    (rows,) = libreoffice(pair="en-de").read()["all"]
    assert 30_000 < len(rows) < 40_000  # 34,705 in 7.4.7-1+deb12u14
