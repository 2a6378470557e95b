"""Parts of the pictures: text, boxes, and colours for light and dark pages."""

from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 12px; fill: #59636e; }
.name { font-weight: 600; font-size: 16px; }
.box { fill: #eef3fb; stroke: #3b6fb6; }
.line { stroke: #59636e; fill: none; stroke-width: 1.5; }
.ours { fill: #3b6fb6; }
.other { fill: #b0b8c1; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .small { fill: #9da7b1; }
  .box { fill: #16263d; stroke: #6ca0e8; }
  .line { stroke: #9da7b1; }
  .ours { fill: #6ca0e8; }
  .other { fill: #545d68; }
}
"""


def text(x, y, words, kind="", anchor="start"):
    """A line of text; `kind` is a class of STYLE.  -> str"""
    place = f'x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}"'
    return f"<text {place}>{escape(words)}</text>"


def rect(x, y, width, height, kind, radius=0):
    """A box.  -> str"""
    size = f'x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}"'
    return f'<rect {size} rx="{radius}" class="{kind}"/>'


def picture(width, height, title, parts, style=STYLE):
    """A whole picture; `title` is what a reader who does not see it is told.  -> str"""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def write(name, drawn):
    """Write a picture beside the scripts."""
    (HERE / name).write_text(drawn, "utf-8")
