"""The style of all figures, and their files."""

import warnings

from matplotlib import rcParams
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.style import context
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

# Okabe and Ito's colours: readers who confuse red and green can tell them apart
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
GREY = "0.45"
DECADES = 200  # ratio of the ends of a log scale from which on it has fewer ticks
MAX_NAME = 24  # characters of a label beside a figure
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so on every machine
    "font.size": 9,
    "text.parse_math": False,  # names of labels and tokens may hold a $
    "axes.prop_cycle": f"cycler('color', {[BLUE, ORANGE, GREEN, PURPLE]})",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "0.3",
    "axes.labelsize": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.borderaxespad": 0.2,
    "legend.borderpad": 0.2,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.06,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.08,
    "svg.fonttype": "none",  # text stays text: it can be found, copied and read aloud
}
# A decorator of functions that draw. A user's own matplotlibrc changes nothing.
styled = context(STYLE, after_reset=True)


def subplots(title, width, height, rows=1, columns=1, fixed=False, **options):
    """A titled Figure of this size, inches, and its axes.

    Args:
        title: str.
        width, height: inches.
        rows, columns: of the axes.
        fixed: True if the axes have a fixed aspect.
        **options: of Figure.subplots.

    Returns:
        (Figure, axes).
    """
    layout = "compressed" if fixed else "constrained"
    figure = Figure(figsize=(width, height), layout=layout)
    figure.suptitle(title, x=0.01, ha="left")
    return figure, figure.subplots(rows, columns, **options)


@styled
def save(figures, folder, about):
    """Write figures as SVG and as PNG; equal figures are equal bytes.

    Args:
        figures: name -> Figure, titled.
        folder: Path to make.
        about: str, the second line of each title.

    Returns:
        dict of name -> bytes of its SVG.
    """
    folder.mkdir()
    with warnings.catch_warnings():
        # letters that the font lacks are boxes in the PNG; a browser's SVG has them
        warnings.filterwarnings("ignore", "Glyph .* missing")
        for name, figure in figures.items():
            subtitle(figure, about)
            # of the ids in an SVG, which no other figure of a page may have
            rcParams["svg.hashsalt"] = name
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            figure.set_layout_engine("none")  # both files have one layout, made once
            figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    return {name: (folder / f"{name}.svg").read_bytes() for name in figures}


def subtitle(figure, about):
    """Write a second line below the title."""
    # an empty line of the title, so that the layout keeps the room free
    title = figure.suptitle(figure.get_suptitle() + "\n", x=0.01, ha="left")
    style = {"ha": "left", "va": "bottom", "color": GREY, "annotation_clip": False}
    line = figure.axes[0].annotate(about, (0, 0), xycoords=title, **style)
    line.set_in_layout(False)


def legend(axes, columns=4):
    """Put the legend between title and axes, where no line is."""
    entries = list(zip(*axes.get_legend_handles_labels(), strict=True))
    # matplotlib has curves with intervals last
    entries.sort(key=lambda entry: not isinstance(entry[0], ErrorbarContainer))
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns}
    axes.legend(*zip(*entries, strict=True), **place)


def shown(name, most=MAX_NAME):
    """A name on one line, without its middle if it is long.

    Args:
        name: str, of a label or token.
        most: characters.

    Returns:
        str; control characters are escaped, since SVG must not hold them.
    """
    name = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in name
    )
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"


def plain_log(axis):
    """Give a log scale plain numbers as ticks: 0.1, 0.2, 0.5, 1 or 0.1, 1, 10, 100."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < DECADES * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
    axis.set_minor_locator(NullLocator())
