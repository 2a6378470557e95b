"""README's pictures are what their scripts draw, its numbers those of the results."""

import importlib.util
import re
import sys

from tests.helpers.commands import CODE

PICTURES = CODE / "docs" / "pictures"
sys.path.append(str(PICTURES))

import chart  # noqa: E402  a folder of scripts, no package

from phistar.pipeline.cli.arguments import STAGES  # noqa: E402

# by its path: other tests have a folder of this name
SPEC = importlib.util.spec_from_file_location("drawn", PICTURES / "stages.py")
stages = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(stages)

# a result of one recipe, in README's table: "0.9604 nats a character"
ROW = re.compile(r"^\| `(\w+)` \| \w+ \| (.*) \| .* \|$", re.M)


def test_the_stages_are_drawn_as_they_are():
    assert (PICTURES / "stages.svg").read_text("utf-8") == stages.stages()
    assert tuple(name for name, *_ in stages.STAGES) == STAGES


def test_the_chart_shows_the_results():
    results = chart.stored()
    assert (PICTURES / "chart.svg").read_text("utf-8") == chart.chart(results)
    results["digits"]["test_nll"] *= 2
    assert (PICTURES / "chart.svg").read_text("utf-8") != chart.chart(results)


def test_bits_gained_are_nats_by_ln_2():
    result = {"test_nll": 0.5, "test_nll_prior": 1.0, "test_nll_uniform": 2.0}
    ((_, bits),) = chart.bars(result | {"baselines": {}})
    assert abs(bits - 0.7213475) < 1e-6


def test_results_of_readme_are_those_of_the_benchmarks():
    text = (CODE / "README.md").read_text("utf-8")
    measured = (CODE / "bench" / "README.md").read_text("utf-8")
    rows = dict(ROW.findall(text))
    assert len(rows) == 8
    for recipe, result in rows.items():
        lines = [line for line in measured.splitlines() if line.startswith("|")]
        of_recipe = " ".join(line for line in lines if f"`{recipe}`" in line)
        for number in re.findall(r"\d+\.\d+(?: ± \d+\.\d+)?", result):
            assert number in of_recipe, (recipe, number)
    for recipe in ("kjv_quick", "libreoffice_en_de_quick"):
        assert f"{chart.stored()[recipe]['test_nll']:.4f} nats" in rows[recipe]


def test_no_picture_fetches_anything():
    for name in ("stages.svg", "chart.svg", "terminal.svg"):
        text = (PICTURES / name).read_text("utf-8")
        assert not re.search(r"href=|src=|url\(|@import|<image|<script", text), name
