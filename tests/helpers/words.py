"""Sentences of a docstring or a page, which are to be short."""

import re

MAX_WORDS = 30
SECTION = re.compile(
    r"^(Args|Attributes|Returns|Yields|Raises|Source|Sources|Example|Examples):"
)
ENTRY = re.compile(r"^ *\*{0,2}[\w.`*]+(, \*{0,2}[\w`]+)*(\[[^]]*\])?(\([^)]*\))?: ")


def sentences(docstring: str) -> list[str]:
    """Sentences of a docstring; names of arguments, code and tables are left out.

    A new paragraph, a new entry of `Args:` and an item of a list begin a new sentence.
    Lines that are indented deeper than the text around them are code or a table.
    """
    parts, text, section = [""], 0, False
    for line in docstring.splitlines():
        depth = len(line) - len(line.lstrip())
        if not line.strip():
            parts.append("")
            text = 4 if section else 0
        elif SECTION.match(line):
            section, text = True, 4
            parts.append(SECTION.sub("", line))
        elif not section and depth >= 4:
            parts.append("")  # an equation, a table or a block of code
        elif section and ENTRY.match(line) and depth <= text:
            parts.append(ENTRY.sub("", line))
        elif line.lstrip().startswith(("- ", "* ")):
            parts.append(line.lstrip()[2:])
        else:
            parts[-1] += f" {line.strip()}"
    ends = re.compile(r"(?<=[^.][.?!])\s+")  # "0 ... 1" ends no sentence
    return [s for part in parts for s in ends.split(part.strip()) if s]
