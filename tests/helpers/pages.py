"""A page of a report, read as a browser reads it: its text, tables and elements."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """What a page holds.

    Attributes:
        tables: list of tables, each a list of rows, each a list of cells, str.
        texts: list of (element that it stands in, text).
        elements: list of (name, attributes as dict).
    """

    def __init__(self, content):
        super().__init__()
        self.tables, self.texts, self.elements, self.open = [], [], [], []
        self.feed(content)
        self.close()
        assert not self.open, f"elements without an end: {self.open}"

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name == "table":
            self.tables.append([])
        elif name == "tr":
            self.tables[-1].append([])
        elif name in ("td", "th"):
            self.tables[-1][-1].append("")
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        self.texts.append((self.open[-1] if self.open else "", text))
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += text

    @property
    def text(self):
        """All text, without the style."""
        return "".join(text for name, text in self.texts if name != "style")

    def table(self, *head):
        """Rows of the first table whose headings begin so."""
        for table in self.tables:
            if table[0][: len(head)] == list(head):
                return table[1:]
        raise AssertionError(f"no table of {head}: {[t[0] for t in self.tables]}")
