"""Plain parts of a page, which both HTML and Markdown can show."""

from typing import NamedTuple

from phistar.components.reports.page import html


class Part(NamedTuple):
    """One heading with sentences and a table.

    Args:
        title: str.
        lines: list of str.
        table: (head, rows), or None.
    """

    title: str
    lines: list
    table: tuple | None = None


def shown(part):
    """A part below a heading of its section.  Part -> Markup"""
    parts = [html.Markup("<h3>{}</h3>").format(part.title)]
    parts += [html.paragraph(line) for line in part.lines]
    if part.table:
        parts.append(html.table(*part.table))
    return html.joined(parts)
