import numpy as np
import pytest

from phistar.components.reports.plots.training import learning_curves

STEPS = [10, 20, 30, 40]
FLOORS = {"prior": 0.66, "uniform": 0.69}


def history(**changed):
    """A training whose third evaluation is the best."""
    return {
        "loss": "cross_entropy",
        "label_smoothing": 0.0,
        "average_nll": None,
        "step": STEPS,
        "train_loss": [0.5, 0.3, 0.2, 0.1],
        "valid_nll": [0.55, 0.4, 0.35, 0.45],
    } | changed


def drawn(axes):
    """Name in the legend -> y of its line."""
    return {line.get_label(): np.asarray(line.get_ydata()) for line in axes.lines}


def one(axes, start):
    """(name, y) of the line whose name starts so."""
    (found,) = [item for item in drawn(axes).items() if item[0].startswith(start)]
    return found


def test_hinge_loss_has_axes_without_a_unit():
    losses = [55.0, 30.0, 20.0, 10.0]
    given = history(loss="hinge", train_loss=losses)
    top, bottom = learning_curves(given, FLOORS, "label").axes
    assert top.get_ylabel() == "nats per label"
    assert bottom.get_ylabel() == "hinge loss, no unit"
    assert not any(name.startswith("train") for name in drawn(top))
    np.testing.assert_array_equal(one(bottom, "train")[1], losses)
    assert top.get_ylim()[1] < 1  # nats alone decide the limits


def test_losses_in_nats_share_their_axes():
    (axes,) = learning_curves(history(), FLOORS, "token").axes
    assert axes.get_ylabel() == "nats per token"
    for name in ("train_loss", "valid_nll"):
        np.testing.assert_array_equal(one(axes, name.split("_")[0])[1], history()[name])


@pytest.mark.parametrize("train", [[0.5, 0.3, 0.2, 0.1], [0.5, 0.1, 0.01, 0.001]])
def test_limits_hold_the_curves_and_the_prior(train):
    given = history(train_loss=train)
    (axes,) = learning_curves(given, {"prior": 2.0, "uniform": 9.0}, "token").axes
    low, high = axes.get_ylim()
    assert low < min(train) and high > 2.0
    # the curves keep most of the height
    place = axes.transAxes.inverted().transform
    y = [place(axes.transData.transform((10, v)))[1] for v in (min(train), 2.0)]
    assert y[1] - y[0] > 0.75
    name, values = one(axes, "uniform")
    assert values[0] == 9.0 and "9" in name and "above" in name


def test_floors_inside_are_lines_with_their_values():
    (axes,) = learning_curves(history(), FLOORS, "label").axes
    low, high = axes.get_ylim()
    for name, value in FLOORS.items():
        label, y = one(axes, name)
        assert label == f"{name} {value}" and set(y) == {value} and low < value < high


def test_best_step_is_marked():
    (axes,) = learning_curves(history(), FLOORS, "label").axes
    name, y = one(axes, "kept")
    assert "step 30" in name and y == [0.35]


@pytest.mark.parametrize("average, kept", [(0.3, True), (0.36, False)])
def test_average_of_weights_is_marked_if_it_was_kept(average, kept):
    (axes,) = learning_curves(history(average_nll=average), FLOORS, "label").axes
    name, y = one(axes, "kept")
    assert ("mean of the last" in name) == kept
    assert y == [average if kept else 0.35]


def test_smoothed_labels_are_named():
    (axes,) = learning_curves(history(label_smoothing=0.1), FLOORS, "token").axes
    assert "smoothed by 0.1" in one(axes, "train")[0]


def test_one_evaluation_is_a_dot():
    given = history(step=[10], train_loss=[0.5], valid_nll=[0.4])
    (axes,) = learning_curves(given, FLOORS, "label").axes
    for line in axes.lines[:2]:
        assert line.get_marker() == "."
