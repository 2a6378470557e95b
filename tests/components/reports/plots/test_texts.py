import numpy as np
import pytest

from phistar.components import metrics
from phistar.components.data.arrays import Ragged
from phistar.components.reports.plots.texts import by_length, nll_by_position

FLOORS = {"prior": 3.0, "uniform": 9.0}


def ragged(lengths):
    """Texts of these lengths."""
    offsets = np.append(0, np.cumsum(lengths))
    return Ragged(np.zeros(offsets[-1], "int32"), offsets)


def interval(axes, number=0):
    """Ends of the intervals of a curve.  -> float [bins, 2], some may be missing"""
    parts = axes.collections[number].get_segments()
    return np.array([part[:, 1] for part in parts if len(part)]).reshape(-1, 2)


def test_nll_by_position_draws_the_mean_of_every_bin():
    texts = ragged([100, 100])
    place = texts.places
    nll = 1.0 + (place >= 10)  # from the eleventh token on twice as hard
    figure = nll_by_position({"network": -nll}, texts, place % 50, "windows", FLOORS)
    left, right = figure.axes[:2]
    x, y = left.lines[0].get_data()
    assert x[0] == 1 and x[-1] <= 100
    np.testing.assert_allclose(y[x < 8], 1)  # places are counted from 1
    np.testing.assert_allclose(y[x > 12], 2)
    x, y = right.lines[0].get_data()
    assert x[0] < 1 and x[-1] < 50
    # half of the tokens with as few before them come from the second window
    assert y[0] == pytest.approx(1.5) and y[-1] == pytest.approx(2)


def test_intervals_are_those_of_means_over_texts():
    rng = np.random.default_rng(0)
    texts = ragged([1] * 50)  # one bin: every token is the first of its text
    log_prob = -rng.exponential(size=50)
    read = np.zeros(50, int)
    figure = nll_by_position({"network": log_prob}, texts, read, "windows", FLOORS)
    expected = metrics.token_nll(log_prob, texts.offsets, np.ones((50, 2), int))
    drawn = interval(figure.axes[0])
    np.testing.assert_allclose(drawn, [[expected["nll_low"], expected["nll_high"]]])


def test_every_token_is_counted_below_its_bin():
    texts = ragged([1, 7, 300, 45])
    read = np.minimum(texts.places, 63)
    log_prob = -np.ones(len(read))
    figure = nll_by_position({"network": log_prob}, texts, read, "windows", FLOORS)
    for values, strip in zip((texts.places + 1, read), figure.axes[2:], strict=True):
        assert sum(bar.get_height() for bar in strip.patches) == len(read)
        for bar in strip.patches:
            left, right = bar.get_x(), bar.get_x() + bar.get_width()
            inside = (values >= left - 1e-9) & (values < right - 1e-9)
            assert bar.get_height() == inside.sum()


def test_other_models_and_floors_are_beside_the_network():
    texts = ragged([40, 50])
    models = {"network": -np.ones(90), "3-gram of train": -2 * np.ones(90)}
    figure = nll_by_position(models, texts, texts.places, "windows", FLOORS)
    left, right = figure.axes[:2]
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert {"network", "3-gram of train", "prior 3"} <= set(names)
    assert any("uniform 9" in name and "above" in name for name in names)
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[1] < 4
    assert all(axes.get_xlabel() for axes in figure.axes[2:])
    assert left.get_ylabel() == right.get_ylabel() == "nats per token"


def test_a_bin_of_one_text_has_no_interval():
    figure = nll_by_position(
        {"network": -np.ones(10)}, ragged([10]), np.arange(10), "windows", FLOORS
    )
    assert not np.isfinite(interval(figure.axes[0])).any()


def test_by_length_draws_means_intervals_and_n():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, size=400)
    counts = rng.integers(1, 60, size=400)
    totals = counts * rng.exponential(size=400)
    bleu = {
        "network": lambda rows: (30.0, 25.0, 36.0),
        "source copied": lambda rows: (5.0, 5.0, 5.0),
    }
    figure = by_length(lengths, totals, counts, FLOORS, bleu)
    left, right, *strips = figure.axes
    _, y = left.lines[0].get_data()
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, 9)))
    where = np.clip(np.digitize(lengths, edges) - 1, 0, len(edges) - 2)
    offsets = [
        np.append(0, np.cumsum(counts[where == b])) for b in range(len(edges) - 1)
    ]
    for b, (low, high) in enumerate(interval(left)):
        rows = where == b
        log_prob = np.repeat(-totals[rows] / counts[rows], counts[rows])
        sizes = np.ones((rows.sum(), 2), int)
        offsets = np.append(0, np.cumsum(counts[rows]))
        expected = metrics.token_nll(log_prob, offsets, sizes)
        assert y[b] == pytest.approx(expected["nll"])
        assert (low, high) == pytest.approx((expected["nll_low"], expected["nll_high"]))
        for strip in strips:
            assert strip.patches[b].get_height() == rows.sum()
            assert strip.texts[b].get_text() == str(rows.sum())
    np.testing.assert_allclose(interval(right)[0], [25, 36])
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["network", "source copied"]


def test_by_length_of_one_pair_is_a_dot():
    bleu = {"network": lambda rows: (0.0, 0.0, 0.0)}
    one = np.array([3])
    figure = by_length(one, np.array([2.0]), one, FLOORS, bleu)
    figure.draw_without_rendering()
    assert figure.axes[2].texts[0].get_text() == "1"
