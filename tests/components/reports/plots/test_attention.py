import numpy as np

from phistar.components.reports.plots.attention import attention


def test_each_name_is_at_its_row_or_column_and_colours_have_a_bar():
    shares = np.full((3, 40), 1 / 40)
    source = [f"▁word{i}" for i in range(40)]
    target = ["a$b$", "<0x0A>", "<EOS>"]
    figure = attention(shares, source, target, "the last block")
    figure.draw_without_rendering()
    axes, bar = figure.axes
    assert "the last block" in figure.get_suptitle() and "share" in bar.get_ylabel()
    to_data = axes.transData.inverted().transform
    boxes = []
    for number, label in enumerate(axes.get_xticklabels()):
        assert label.get_text() == source[number]
        box = label.get_window_extent()
        assert abs(to_data(((box.x0 + box.x1) / 2, 0))[0] - number) < 0.3
        boxes.append(box)
    assert all(a.x1 < b.x0 for a, b in zip(boxes, boxes[1:], strict=False))
    assert [label.get_text() for label in axes.get_yticklabels()] == target
