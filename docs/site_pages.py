"""Pages of the documentation, gathered for the site: `make docs` runs this.

    python docs/site_pages.py TO               gathers
    python docs/site_pages.py --check HTML     looks at what was built

In the repository a link leads to a file: a page, a line of code, a picture. The site
has pages only. So each source file that is linked becomes a page of numbered lines, and
each link to it, or to a page that stands outside of docs/, is turned to that page.
"""

import json
import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
# pages outside of docs/ -> their place on the site
OUTSIDE = {
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "bench/README.md": "evidence/benchmarks.md",
    "bench/not_met.md": "evidence/not_met.md",
    "bench/gpu.md": "evidence/gpu.md",
    "bench/profiles.md": "evidence/profiles.md",
}
SHOWN = (".png", ".svg", ".css", ".js")
# a fence of code, a span of code, or the target of a link
PARTS = re.compile(r"(^```.*?^```|`[^`\n]+`)|(?<=\]\()([^)\s]+)(?=\))", re.M | re.S)
WRAPPED = re.compile(r"^```(sh|text)$", re.M)  # commands and output: style.css
LANGUAGES = {".py": "python", ".yaml": "yaml", ".toml": "toml", ".txt": "text"}


def pages():
    """Every page that is written by hand: file -> its place on the site.

    Returns:
        dict of Path by Path, the files absolute.
    """
    found = {ROOT / file: Path(place) for file, place in OUTSIDE.items()}
    inside = [*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
    return found | {f: f.relative_to(DOCS).with_suffix(".md") for f in inside}


def text_of(file):
    """The text of a page; of a notebook, its cells.  -> str"""
    text = file.read_text("utf-8")
    if file.suffix != ".ipynb":
        return text
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        of_code = cell["cell_type"] == "code"
        parts.append(f"```python\n{source}\n```" if of_code else source)
    return "\n\n".join(parts) + "\n"


def links(text):
    """Targets of the links of a page, those in code left out.  -> list of str"""
    return [found[2] for found in PARTS.finditer(text) if found[2]]


def gather(to):
    """Write all pages below the folder `to`, which is emptied first.

    Raises:
        FileNotFoundError: if a link leads to no file.
    """
    shutil.rmtree(to, ignore_errors=True)
    known, code = pages(), {}
    for file, place in known.items():
        here = to / place

        def turned(found, file=file, place=place):
            target = found[2]
            if not target or re.match(r"[a-z]+:|#", target):
                return found[0]
            path, _, mark = target.partition("#")
            linked = (file.parent / path).resolve(strict=True)
            if linked in known:
                there = known[linked]
            elif linked.suffix in SHOWN:
                there = linked.relative_to(DOCS)
            else:
                there = code[linked] = Path("code", f"{linked.relative_to(ROOT)}.md")
                mark = mark.replace("L", "__codelineno-0-")
            there = os.path.relpath(there, place.parent)
            return f"{there}#{mark}" if mark else there

        here.parent.mkdir(parents=True, exist_ok=True)
        text = PARTS.sub(turned, text_of(file))
        here.write_text(WRAPPED.sub(r"``` { .\1 .wrapped }", text), "utf-8")
    for file, place in code.items():
        (to / place).parent.mkdir(parents=True, exist_ok=True)
        (to / place).write_text(code_page(file), "utf-8")
    for file in DOCS.rglob("*"):
        if file.suffix in SHOWN:
            copy = to / file.relative_to(DOCS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    shutil.copy(DOCS / "zensical.toml", to.parent)


def code_page(file):
    """A source file as a page with numbered lines.  -> str"""
    name = file.relative_to(ROOT).as_posix()
    language = LANGUAGES.get(file.suffix, "text")
    text = file.read_text("utf-8").rstrip()
    fence = "~" * 8
    return (
        f"---\nhide: [toc]\nsearch:\n  exclude: true\n---\n\n# {name}\n\n"
        f'{fence} {{ .{language} linenums="1" }}\n{text}\n{fence}\n'
    )


class Assets(HTMLParser):
    """What a page fetches by itself.

    Attributes:
        found: list of addresses; of a link that a reader may follow there is none.
    """

    def __init__(self, content):
        super().__init__()
        self.found = []
        self.feed(content)

    def handle_starttag(self, name, attributes):
        """Note the addresses of one element."""
        for key, value in attributes:
            fetched = key in ("src", "srcset", "poster", "data") or name == "link"
            if fetched and key != "rel" and re.match(r"(https?:)?//", value or ""):
                self.found.append(value)


def outside(html):
    """Assets that pages below a folder would fetch from elsewhere.  -> list of str"""
    return [
        f"{page.relative_to(html)}: {address}"
        for page in sorted(html.rglob("*.html"))
        for address in Assets(page.read_text("utf-8")).found
    ]


if __name__ == "__main__":
    *check, folder = sys.argv[1:]
    if check:
        sys.exit("\n".join(outside(Path(folder))) or 0)
    gather(Path(folder).resolve())
