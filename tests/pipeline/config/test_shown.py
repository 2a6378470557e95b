"""Golden files: every key and value of each shipped recipe.

shown/NAME.yaml holds what `phistar show NAME` shows, so that a change of a default or
of a parent is seen in each recipe that it reaches. They were first written by another
composer than ours.
"""

import json
from pathlib import Path

import pytest

from phistar.pipeline.config import load as configs

FOLDER = Path(__file__).parent / "shown"
SHIPPED = Path(__file__).parents[3] / "conf" / "experiment"


def shown(config):
    """One line for each key: `train.steps: 600`."""
    lines = (
        f"{row.key}: {json.dumps(row.value, ensure_ascii=False)}\n"
        for row in configs.keys(config)
    )
    return "".join(lines)


def test_every_shipped_recipe_has_its_golden_file():
    names = {path.stem for path in SHIPPED.glob("*.yaml")}
    assert {path.stem for path in FOLDER.glob("*.yaml")} == names


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_recipe_shows_its_golden_file(tmp_path, path):
    config = configs.load(path.stem, [], tmp_path)
    assert shown(config) == path.read_text("utf-8"), f"if meant, write it to {path}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_resolved_recipe_is_a_recipe_that_resolves_to_itself(tmp_path, path):
    config = configs.load(path.stem, [], tmp_path)
    alone = tmp_path / f"{path.stem}.yaml"
    alone.write_text(config.to_yaml(), "utf-8")
    assert configs.load(str(alone), [], tmp_path).sections == config.sections


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_passes_alone_are_a_length_for_every_recipe(tmp_path, path):
    train = configs.load(path.stem, ["train.epochs=5"], tmp_path).sections["train"]
    assert (train["epochs"], train["steps"]) == (5, None)
    assert train["eval_every"] is None  # an evaluation a pass: it always divides them
