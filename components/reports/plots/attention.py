"""The figure of attention."""

from phistar.components.reports.plots.style import shown, styled, subplots

TOKEN = 0.22  # inches


@styled
def attention(shares, source, target, read_by):
    """Attention to each source token at the choice of each target token.

    Args:
        shares: float [T, S], rows sum to one.
        source, target: list of str, names of the tokens.
        read_by: the layer and heads in words.

    Returns:
        Figure.
    """
    width, height = (2 + TOKEN * len(side) for side in (source, target))
    figure, axes = subplots(
        f"Attention of {read_by}", max(5, width), max(3.5, height), fixed=True
    )
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    names = [[shown(name) for name in side] for side in (source, target)]
    axes.set_xticks(range(len(source)), names[0], rotation=90, fontsize=8)
    axes.set_yticks(range(len(target)), names[1], fontsize=8)
    axes.tick_params(length=0)
    axes.set(
        xlabel="source, one test sentence", ylabel="reference: the token chosen next"
    )
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=25, pad=0.03)
    bar.set_label("share of attention (a row sums to 1)")
    bar.outline.set_visible(False)
    return figure
