"""Files of texts and of sentences, line by line or whole."""

from itertools import islice
from pathlib import Path

from phistar.components.data.files import streams
from phistar.components.data.files.texts import TextFile
from phistar.components.data.notices import Notices
from phistar.pipeline.init import paths, sentences
from phistar.pipeline.init.encoding import encoding_line
from phistar.pipeline.init.guess import Guess, Line
from phistar.pipeline.init.language import language

HEAD_LINES = 10**5  # of texts that are looked at
HEAD_FILES = 200
SIDES = ("source", "target")


def of_texts(
    found: dict[str, list[Path]], typed: bool, folder: Path | None = None
) -> Guess:
    """Files of texts, or two files of lines for each split.

    Args:
        found: split -> files.
        typed: True if each file is named, by no pattern.
        folder: that has them; None without one.
    """
    paths.require_train(found)
    train = found["train"]
    sides = {streams.suffix(file) for file in train}
    if len(train) == 2 and folder is None and (typed or len(sides) == 2):
        return of_lines(found)
    ingest = [Line("source", "text"), *paths.keys_of(found, folder)]
    further, heads = beginnings(train)
    size = sum(file.stat().st_size for file in train)
    said = f"the language: {language(line.decode() for line in heads)}"
    if all(len(files) == 1 for files in found.values()):
        ask = "is each line a text of its own? Of a file with one long text it is not"
        why = "one file must hold many texts"
        ingest.append(Line("document", "line", why, ask))
        more = " or more" if len(heads) >= HEAD_LINES else ""
        known = [f"a text of {len(heads):,}{more} lines; each line is one text", said]
    else:
        known = [f"{len(train):,} files of texts, each one text", said]
    known += others_of(found)
    return sentences.texts(size, ingest + further, known)


def others_of(found: dict[str, list[Path]]) -> list[str]:
    """The splits that files give, in words; none if one must be made."""
    given = [split for split in paths.KEYS if split in found]
    return [f"splits: {', '.join(given)}, by their names"] if len(given) > 1 else []


def of_lines(found: dict[str, list[Path]]) -> Guess:
    """Files of lines, two for each split: line n of one the translation of the other's.

    Raises:
        ValueError: not two files for each split.
    """
    wrong = {split: files for split, files in found.items() if len(files) != 2}
    if wrong or "train" not in found:
        every = [file for files in found.values() for file in files]
        raise ValueError(
            f"files of lines that make no pairs. Received: {paths.shown(every)}. "
            "Expected two files, line n of one the translation of the other's; also "
            "two called valid.* and two called test.*. Or a folder of texts."
        )
    train = found["train"]
    further, _ = beginnings(train)
    heads = [beginnings([file])[1] for file in train]
    spoken = [language(line.decode() for line in head) for head in heads]
    asked = sentences.doubts([file.name for file in train], spoken)
    ingest = [Line("source", "parallel")]
    for split in (split for split in paths.KEYS if split in found):
        both = zip(SIDES, in_order(found[split], train), asked, strict=True)
        for side, file, ask in both:
            key = f"{side}_path" if split == "train" else f"{split}_{side}_path"
            ask = ask if split == "train" else ""
            ingest.append(Line(key, paths.absolute(file), "", ask))
    words = {word for head in heads for line in head for word in line.split()}
    number = min(map(len, heads))
    size = sum(path.stat().st_size for path in train)
    more = " or more" if number >= HEAD_LINES else ""
    known = [f"pairs of lines, {number:,}{more}"]
    both = zip(SIDES, train, spoken, strict=True)
    known += [f"the {side}, {file.name}: {one}" for side, file, one in both]
    known += others_of(found)
    return sentences.pairs(number, size, len(words), ingest + further, known, spoken)


def in_order(files: list[Path], train: list[Path]) -> list[Path]:
    """The two files of a split, the sources first, as in train.

    Raises:
        ValueError: they have other suffixes than those of train.
    """
    sides = [streams.suffix(file) for file in train]
    if {streams.suffix(file) for file in files} != set(sides):
        raise ValueError(
            f"files whose sides no name tells. Received: {paths.shown(files)}, beside "
            f"{paths.shown(train)}. Expected the same suffixes, like .en and .de: "
            "rename them."
        )
    return sorted(files, key=lambda file: sides.index(streams.suffix(file)))


def beginnings(files: list[Path]) -> tuple[list[Line], list[bytes]]:
    """The key of the encoding, if one is needed, and the first lines of some files."""
    line, counts = encoding_line(files), Notices().begin()
    encoding = line.value if line else None
    files = files[:HEAD_FILES]
    lines = [
        one
        for file in files
        for one in islice(
            TextFile(file, file.name, encoding).lines(counts), HEAD_LINES // len(files)
        )
    ]
    return [line] if line else [], lines
