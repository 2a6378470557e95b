"""The help pages of LibreOffice in English and another language.

Fetched from Debian's archive: libreoffice-help-en-us and the packages of the other
languages (MPL-2.0). A paragraph has the same identifier in every language. Source: The
Document Foundation, LibreOffice Help.
"""

import html
import re
import unicodedata
from typing import Literal

from phistar.components.data.sources.base import Rows, Source, objects
from phistar.components.data.sources.fetch import debian_files, files_of
from phistar.components.digests import Inputs

HELP = "usr/share/libreoffice/help"
FOLDERS = {"en": "en-US", "pt": "pt-BR"}  # the others are called by their code
PARAGRAPH = re.compile(
    r'<(p|h[1-6]|pre)\b[^>]*?\bid="((?:par|hd)_id[^"]*)"[^>]*>(.*?)</\1>', re.DOTALL
)
BREAK = re.compile(r"<br\b[^>]*>")
TAG = re.compile(r"<[^>]+>")
LETTER = re.compile(r"[^\W\d_]")
MAX_WORDS = 60
MAX_RATIO, MORE_WORDS = 3, 3  # the longer side: 3 times the shorter one and 3 words


def libreoffice(
    *, pair: Literal["en-de", "en-es", "en-fr", "en-it", "en-nl", "en-pt"] = "en-de"
):
    """Paragraphs of LibreOffice's help and their translation: 34,705 pairs in en-de.

    The first use fetches the two packages, 5 MB, since only they tell the version of
    the help. They are kept in the cache and used from then on, also if Debian has newer
    ones.

    Args:
        pair: languages, the source's first; en-pt is Brazil's Portuguese.

    Returns:
        Source of pairs, without splits.

    Raises:
        ConnectionError: if the packages are not in the cache and cannot be fetched.
    """
    folders = [FOLDERS.get(language, language) for language in pair.split("-")]
    files = debian_files([f"libreoffice-help-{name.lower()}" for name in folders])
    names, inputs = [file.name for file in files], Inputs()
    # Debian's security updates change the version, so the fingerprint is that of the
    # files in the cache. It has their bytes, since one version may be built twice.
    return Source(
        name=f"libreoffice_{pair.replace('-', '_')}",
        kind="pairs",
        fingerprint=dict(zip(names, inputs.sha256(files), strict=True)),
        read=lambda: {"all": [_read(files, folders)]},
        inputs=inputs,
    )


def _read(files, folders):
    """All pairs, in the order of the pages and identifiers.

    Args:
        files: list of two Path, the .deb of source and target.
        folders: list of two str, the folder of each language.

    Returns:
        Rows.

    Raises:
        ValueError: if no paragraph is in both.
    """
    source, target = (
        paragraphs(files_of(file), f"{HELP}/{folder}/text/")
        for file, folder in zip(files, folders, strict=True)
    )
    pairs = clean((source[k], target[k]) for k in sorted(source.keys() & target.keys()))
    if not pairs:
        raise ValueError(
            f"no paragraphs in common. Received: {[file.name for file in files]}, with "
            f"{len(source)} and {len(target)} paragraphs. Expected pages as version "
            "7.4 has them: put packages of that version into the cache."
        )
    sides = ([text.encode() for text in side] for side in zip(*pairs, strict=True))
    return Rows(*map(objects, sides))


def paragraphs(files, folder):
    """The paragraphs and headings of all pages in one language.

    Args:
        files: iterable of (path, bytes).
        folder: str, the folder of the pages, with a slash at its end.

    Returns:
        dict of (page, identifier) -> str, composed (NFC), each white space one space.
    """
    found = {}
    for path, content in files:
        if not (path.startswith(folder) and path.endswith(".html")):
            continue
        page = path.removeprefix(folder)
        for _, name, body in PARAGRAPH.findall(content.decode()):
            text = html.unescape(TAG.sub("", BREAK.sub(" ", body)))
            text = " ".join(unicodedata.normalize("NFC", text).split())
            found.setdefault((page, name), text)
    return found


def clean(pairs):
    """The pairs that are a sentence and its translation, each once.

    A pair is left out if a side has no letter or more than 60 words. It is also left
    out if both sides are the same, so not translated, or if their lengths differ too
    much.

    Args:
        pairs: iterable of (str, str).

    Returns:
        list of the pairs, in their order.
    """
    kept = {}
    for source, target in pairs:
        few, many = sorted(len(side.split()) for side in (source, target))
        if (
            source != target
            and LETTER.search(source)
            and LETTER.search(target)
            and many <= min(MAX_WORDS, MAX_RATIO * few + MORE_WORDS)
        ):
            kept[source, target] = None
    return list(kept)
