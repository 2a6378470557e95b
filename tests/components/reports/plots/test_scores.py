import numpy as np
import pytest

from phistar.components import metrics
from phistar.components.reports.plots import scores


@pytest.fixture(scope="module")
def scored():
    """200 scores, which tell the label a little.  -> (score, labels)"""
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(200) < 0.3, 1, -1)
    return rng.normal(size=200) + 0.7 * labels - 0.4, labels


def lines(axes):
    """Name in the legend -> line."""
    return {line.get_label(): line for line in axes.lines}


def named(axes, start):
    """The line whose name in the legend starts so."""
    (line,) = [line for name, line in lines(axes).items() if name.startswith(start)]
    return line


def counts(bottom):
    """Examples of every bar, both labels.  -> (left edges, counts)"""
    found = {}
    for bars in bottom.containers:
        for bar in bars:
            left = round(bar.get_x(), 9)
            found[left] = found.get(left, 0) + bar.get_height()
    return np.array(list(found)), np.array(list(found.values()))


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_margin_marks_the_loss_that_was_trained(scored, loss):
    score, labels = scored
    given = 2 * labels * score, (labels + 1) // 2, ("no", "yes"), loss
    top, _ = scores.margin(*given, 1.25).axes
    trained = [line for name, line in lines(top).items() if "(trained)" in name]
    assert [line.get_label().split(",")[0] for line in trained] == [loss]
    other = {"logistic": "hinge", "hinge": "logistic"}[loss]
    assert trained[0].get_linewidth() > named(top, other).get_linewidth()
    # only hinge has a fitted scale, and its P is that of scale x margin
    fitted = [name for name in lines(top) if "1.25" in name]
    assert len(fitted) == (loss == "hinge")
    if fitted:
        m, drawn = lines(top)[fitted[0]].get_data()
        np.testing.assert_allclose(np.exp(-drawn), 1 / (1 + np.exp(-1.25 * m)))


def test_bars_left_of_0_are_the_wrong_decisions(scored):
    score, labels = scored
    margin = 2 * labels * score
    figure = scores.margin(margin, (labels + 1) // 2, ("no", "yes"), "hinge", 1.0)
    left, heights = counts(figure.axes[1])
    wrong = int((margin < 0).sum())
    assert heights.sum() == len(margin)
    assert heights[left < -1e-6].sum() == wrong
    assert f"{wrong} of 200" in figure.get_suptitle()


def test_roc_has_the_area_that_metrics_has(scored):
    score, labels = scored
    axes = scores.roc(score, labels, "yes").axes[0]
    line = named(axes, "network")
    false, true = line.get_data()
    area = np.trapezoid(true, false)
    assert area == pytest.approx(metrics.auroc(score, labels))
    assert f"{area:.4f}" in line.get_label()
    assert (false[0], true[0]) == (0, 0) and (false[-1], true[-1]) == (1, 1)


def test_precision_recall_has_the_prior_as_a_line(scored):
    score, labels = scored
    axes = scores.precision_recall(score, labels, "yes").axes[0]
    prior = (labels == 1).mean()
    assert set(named(axes, "guessing").get_ydata()) == {prior}
    recall, precision = named(axes, "network").get_data()
    # everything is found by deciding for everything: that is the prior
    assert precision[recall.argmax()] == pytest.approx(prior)


def test_decision_of_the_network_is_on_both_curves(scored):
    score, labels = scored
    chosen, true = score >= 0, labels == 1
    found = (chosen & true).sum() / true.sum()
    roc = scores.roc(score, labels, "yes").axes[0]
    false_rate = (chosen & ~true).sum() / (~true).sum()
    (x,), (y,) = named(roc, "its decision").get_data()
    assert (x, y) == pytest.approx((false_rate, found))
    axes = scores.precision_recall(score, labels, "yes").axes[0]
    (x,), (y,) = named(axes, "its decision").get_data()
    assert (x, y) == pytest.approx((found, true[chosen].mean()))


@pytest.mark.parametrize("draw", [scores.roc, scores.precision_recall])
def test_axes_are_0_to_1_and_square(scored, draw):
    figure = draw(*scored, "a name that is much too long for the side of an axis")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)
    box = axes.get_window_extent()
    assert box.width == pytest.approx(box.height, rel=1e-3)


def test_no_decision_for_the_positive_label_has_no_precision():
    score, labels = np.array([-2.0, -1.0]), np.array([-1, 1])
    axes = scores.precision_recall(score, labels, "yes").axes[0]
    assert np.isnan(named(axes, "its decision").get_ydata()).all()
