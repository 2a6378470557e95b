import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

from phistar.components.reports.plots import style
from phistar.components.reports.plots.confusion import confusion_matrix

SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("<script>", "a$b$c", "tab\there", "nul\0")


@style.styled
def one_line():
    """A figure with all that saving has to place: title, legend, axes."""
    figure, axes = style.subplots("A line", 5, 3)
    axes.plot([0, 1], [0, 1], label="a line")
    style.legend(axes)
    return figure


def saved(folder, about="data · task · network"):
    """The two files of a new drawing.  -> dict of suffix -> bytes"""
    style.save({"line": one_line()}, folder, about)
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


def test_two_drawings_are_the_same_bytes_whatever_the_users_style(tmp_path):
    first = saved(tmp_path / "a")
    assert set(first) == {".svg", ".png"}
    theirs = {"font.size": 20, "lines.linewidth": 9, "figure.facecolor": "red"}
    with matplotlib.rc_context({**theirs, "svg.fonttype": "path"}):
        assert saved(tmp_path / "b") == first
        assert matplotlib.rcParams["font.size"] == 20  # and it is theirs again
    assert saved(tmp_path / "c", "other data") != first


def test_svg_has_no_date_and_no_identifier_of_another_figure(tmp_path):
    figures = {name: confusion_matrix([0], [0], ("a", "b")) for name in "ab"}
    drawn = style.save(figures, tmp_path / "figures", "data")
    defined = []
    for svg in drawn.values():
        assert b"<dc:date>" not in svg
        clips = ElementTree.fromstring(svg).iter(f"{SVG}clipPath")
        defined.append({clip.get("id") for clip in clips})
    assert all(defined) and not set.intersection(*defined)


def test_png_has_200_dots_an_inch(tmp_path):
    style.save({"line": one_line()}, tmp_path / "figures", "data")
    with Image.open(tmp_path / "figures" / "line.png") as image:
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_second_line_is_below_the_title_and_above_all_else():
    figure = one_line()
    style.subtitle(figure, "data · task · network")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (line,) = [text for text in axes.texts if text.get_text().startswith("data")]
    title = figure._suptitle.get_window_extent()
    below = line.get_window_extent()
    rest = axes.get_legend().get_window_extent()
    assert below.y1 < (title.y0 + title.y1) / 2
    assert below.y0 > rest.y1
    assert rest.y0 >= axes.get_window_extent().y1  # no line is behind the legend


def test_names_are_written_as_they_are(tmp_path):
    index = np.arange(4)
    figure = confusion_matrix(index, index, NAMES)
    svg = style.save({"matrix": figure}, tmp_path / "figures", "<b>data</b>")["matrix"]
    texts = {text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert {"<script>", "a$b$c", "tab\\there", "nul\\x00", "<b>data</b>"} <= texts


@pytest.mark.parametrize("length", [1, style.MAX_NAME, style.MAX_NAME + 1, 300])
def test_long_names_keep_their_beginning_and_their_end(length):
    name = "".join(chr(ord("a") + i % 26) for i in range(length))
    short = style.shown(name)
    assert len(short) == min(length, style.MAX_NAME)
    if length <= style.MAX_NAME:
        assert short == name
    else:
        head, tail = short.split("…")
        assert name.startswith(head) and name.endswith(tail) and len(tail) > 8
