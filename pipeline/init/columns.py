"""Tables by what their columns hold: labels, images, sentence pairs or texts."""

from itertools import islice

from phistar.pipeline.init import pictures, sentences, tables
from phistar.pipeline.init.guess import Guess, Line
from phistar.pipeline.init.language import NAMES, language
from phistar.pipeline.init.looked import Looked

PAIR_COLUMNS = (("source", "target"), ("src", "tgt"), ("source", "translation"))
TEXT_COLUMNS = ("text", "content", "document", "sentence")
LANGUAGES = {
    word: code for code, name in NAMES.items() for word in (code, name.lower())
}
HEAD_CELLS = 10**4  # of texts whose language is looked at


def of_columns(looked: Looked, paths: list[Line], label: str | None) -> Guess:
    """The guess for a table.

    Args:
        looked: at the files of train.
        paths: lines of ingest with the files.
        label: its column, if the user names it.

    Raises:
        ValueError: no column can be the label.
    """
    if column := pictures.column_of_files(looked):
        return pictures.of_table(looked, paths, column, label)
    if label is None:
        if both := pair_columns(looked):
            return of_pairs(looked, paths, *both)
        names = {name.lower(): name for name in reversed(looked.table.names)}
        called = [names[word] for word in TEXT_COLUMNS if word in names]
        if called and not names.keys() & set(tables.LABELS):
            return of_texts(looked, paths, called[0])
    return tables.table(looked, paths, label)


def pair_columns(looked: Looked) -> tuple[str, str] | None:
    """The columns of sentences and of their translations, by their names."""
    names = {name.lower(): name for name in reversed(looked.table.names)}
    for source, target in PAIR_COLUMNS:
        if source in names and target in names:
            return names[source], names[target]
    spoken = [
        name
        for name in looked.table.names
        if name.lower() in LANGUAGES
        and looked.columns[name].form == "words"
        and len(looked.cells[name]) > looked.seen / 2
    ]
    return (spoken[0], spoken[1]) if len(spoken) == 2 else None


def of_pairs(looked: Looked, paths: list[Line], source: str, target: str) -> Guess:
    """A table with a column of sentences and one of their translations."""
    both = [source, target]
    spoken = [language(islice(looked.cells[name], HEAD_CELLS)) for name in both]
    asked = sentences.doubts([LANGUAGES.get(n.lower(), n) for n in both], spoken)
    ingest = [Line("source", "parallel"), *paths]
    for key, name, ask in zip(("source", "target"), both, asked, strict=True):
        ingest.append(Line(f"{key}_column", name, "by its name", ask))
    divided = tables.split_lines(looked)
    rest = set(looked.columns) - {*both, *(line.value for line in divided)}
    ingest += [*divided, *tables.dividing(looked, rest), *looked.further]
    letters = looked.length(source) + looked.length(target)
    words = {w for name in both for cell in looked.cells[name] for w in cell.split()}
    found = [f"a table of about {looked.rows:,} sentence pairs"]
    found += [
        f"the {side}, the column {name!r}: {one}"
        for side, name, one in zip(("source", "target"), both, spoken, strict=True)
    ]
    size = round(letters * looked.rows)
    return sentences.pairs(looked.rows, size, len(words), ingest, found, spoken)


def of_texts(looked: Looked, paths: list[Line], name: str) -> Guess:
    """A table with a column of texts."""
    ask = "is this the column of texts?"
    ingest = [Line("source", "text"), *paths, Line("text", name, "by its name", ask)]
    divided = tables.split_lines(looked)
    rest = set(looked.columns) - {name, *(line.value for line in divided)}
    ingest += [*divided, *tables.dividing(looked, rest), *looked.further]
    found = [
        f"a table of about {looked.rows:,} texts, in the column {name!r}",
        f"the language: {language(islice(looked.cells[name], HEAD_CELLS))}",
    ]
    return sentences.texts(round(looked.length(name) * looked.rows), ingest, found)
