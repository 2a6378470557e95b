"""`phistar init`: a recipe for the user's files, with reasons and questions."""

import glob
import re
import textwrap
from pathlib import Path

from phistar.pipeline.config import recipes
from phistar.pipeline.config.load import load
from phistar.pipeline.init.guess import Guess, Line, scalar
from phistar.pipeline.init.look import look
from phistar.pipeline.process.root import command

WIDTH = 88
MARK = "?"  # before a question


def init(folder: Path, data: list[str], label: str | None, name: str | None) -> dict:
    """Write a recipe for some files.

    Args:
        folder: of the project; made if it is not there.
        data: paths, as typed.
        label: column of a table, if the user names it.
        name: of the recipe; None for that of the data.

    Returns:
        recipe (its path), name, found and questions (lists of str), next (commands).

    Raises:
        ValueError: no such files, or none that are read; a recipe of the name.
    """
    guess = look(data, label)
    root = folder.expanduser().resolve()
    name = name or named(data[0])
    path = root / "conf" / "experiment" / f"{name}.yaml"
    if path.exists():
        raise ValueError(
            f"a recipe of this name is there already. Received: {path}. Expected a new "
            "name: --name NAME. Or remove the file."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_text(text(name, guess), "utf-8")
    draft.rename(path)
    load(name, [], root)  # a recipe that does not load is our mistake: tell at once
    return {
        "recipe": str(path),
        "name": name,
        "found": guess.found,
        "questions": guess.questions,
        "next": [command(word, name, root=root) for word in ("ingest", "run")],
    }


def named(path: str) -> str:
    """A name for the recipe, by that of the data; of a pattern by its folder's."""
    place = Path(path).expanduser()
    while glob.has_magic(place.name) and not place.exists():
        place = place.parent
    place = place.resolve()
    word = re.sub(r"[^\w-]+", "_", place.name.split(".")[0]).strip("_-") or "data"
    taken = recipes.recipes(Path("/nonexistent"))
    return f"my_{word}" if word in taken else word


def text(name: str, guess: Guess) -> str:
    """The recipe's file.

    Args:
        name: of the recipe.
        guess: Guess.
    """
    head = [
        guess.title,
        "",
        f"run      phistar run {name}",
        "",
        "Written by phistar init, which found:",
    ]
    head += [f"- {sentence}" for sentence in guess.found]
    if guess.questions:
        head += [
            "",
            f"A line with {MARK} is a question: correct the key, or let it be.",
        ]
    lines = comment(head, "")
    for section, keys in guess.sections.items():
        lines += ["", f"{section}:"]
        for line in keys:
            lines += of_line(line)
    return "\n".join(lines) + "\n"


def of_line(line: Line) -> list[str]:
    """The lines of a key: its reason and question above it."""
    above = [line.why] if line.why else []
    above += [f"{MARK} {line.ask}"] if line.ask else []
    off = "# " if line.off else ""
    return [*comment(above, "  "), f"  {off}{line.key}: {scalar(line.value)}"]


def comment(sentences: list[str], indent: str) -> list[str]:
    """Lines of comments."""
    lines = []
    for sentence in sentences:
        wrapped = textwrap.wrap(
            sentence, WIDTH - len(indent) - 2, subsequent_indent="  "
        )
        lines += [f"{indent}# {part}".rstrip() for part in wrapped or [""]]
    return lines
