"""The parts of a page: HTML in which all text of the user is escaped.

`Markup.format` escapes what it inserts, unless that is Markup itself. So a label, a
column's name or a text cannot end the element it is in.
"""

import base64
import numbers

from markupsafe import Markup

from phistar.components.reports.page.style import STYLE

# pipeline/run puts the recipe's question and the facts of a run here, and export the
# versions that wrote the model
QUESTION, RUN, VERSIONS = "<!-- question -->", "<!-- run -->", "<!-- versions -->"
CHAMPION = "<!-- champion -->"

DOCUMENT = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
""")


def document(title, parts):
    """A whole page, which loads nothing.

    Args:
        title: str.
        parts: list of Markup.

    Returns:
        str.
    """
    return str(DOCUMENT.format(title=title, style=Markup(STYLE), body=joined(parts)))


def joined(parts):
    """Parts, each on a line.  list of Markup -> Markup"""
    return Markup("\n").join(parts)


def anchor(title):
    """The id of a section.  -> str"""
    return "".join(c if c.isalnum() else "-" for c in title.lower())


def contents(titles):
    """Links to the sections.  list of str -> Markup"""
    return Markup("<nav>{}</nav>").format(joined(map(link, titles)))


def link(title):
    """A link to a section.  str -> Markup"""
    return Markup('<a href="#{}">{}</a>\n').format(anchor(title), title)


def section(title, *parts):
    """A part of the page with a heading.

    Args:
        title: str.
        *parts: Markup.
    """
    text = '<section id="{}">\n<h2>{}</h2>\n{}\n</section>'
    return Markup(text).format(anchor(title), title, joined(parts))


def paragraph(text, kind=""):
    """A paragraph of text.

    Args:
        text: str, or Markup.
        kind: class in the style.
    """
    if kind:
        return Markup('<p class="{}">{}</p>').format(kind, text)
    return Markup("<p>{}</p>").format(text)


def bullets(texts, kind=""):
    """A list.

    Args:
        texts: list of str.
        kind: class in the style.
    """
    items = joined(Markup("<li>{}</li>").format(text) for text in texts)
    return Markup('<ul class="{}">\n{}\n</ul>').format(kind, items)


def facts(pairs, kind=""):
    """Names and values, one below the other.

    Args:
        pairs: list of (str, str).
        kind: class in the style.
    """
    text = Markup("<dt>{}</dt> <dd>{}</dd>")
    listed = joined(text.format(*pair) for pair in pairs)
    return Markup('<dl class="{}">\n{}\n</dl>').format(kind, listed)


def table(head, rows, kind=""):
    """A table that scrolls by itself where the screen is narrow.

    Args:
        head: list of str.
        rows: list of lists of cells, one at least: str, Markup, or a number, which is
            set right.
        kind: class in the style.
    """
    right = [isinstance(value, numbers.Number) for value in rows[-1]]
    text = Markup('<th class="{}">{}</th>')
    titles = joined(
        text.format("number" if last else "", name)
        for name, last in zip(head, right, strict=True)
    )
    lines = (
        Markup("<tr>{}</tr>").format(Markup("").join(map(cell, row))) for row in rows
    )
    text = (
        '<div class="wide"><table class="{}">\n<thead><tr>{}</tr></thead>\n'
        "<tbody>\n{}\n</tbody></table></div>"
    )
    return Markup(text).format(kind, titles, joined(lines))


def cell(value):
    """A cell of a table."""
    if isinstance(value, numbers.Number):
        return Markup('<td class="number">{}</td>').format(number(value))
    return Markup("<td>{}</td>").format(value)


def number(value):
    """A number: whole ones with commas, others with four digits after the point."""
    if isinstance(value, numbers.Integral):
        return f"{value:,}"
    return f"{value:.4f}"


def measured(values, name):
    """A metric with its 95 % interval below, if there is one.

    Args:
        values: dict of metrics, with NAME_low and NAME_high.
        name: of the metric.

    Returns:
        Markup; "" without the metric.
    """
    if name not in values:
        return Markup("")
    value, low, high = (values.get(name + end) for end in ("", "_low", "_high"))
    if low is None:
        return Markup("{}").format(number(value))
    text = '{} <small class="interval">{} to {}</small>'
    return Markup(text).format(number(value), number(low), number(high))


def picture(svg, text):
    """A figure in the page.

    Args:
        svg: bytes.
        text: str, its content in words.
    """
    # as an image: two drawings in one page may use the same ids
    data = base64.b64encode(svg).decode()
    shown = Markup('<img src="data:image/svg+xml;base64,{}" alt="{}">').format(
        data, text
    )
    return Markup("<figure>{}<figcaption>{}</figcaption></figure>").format(shown, text)
