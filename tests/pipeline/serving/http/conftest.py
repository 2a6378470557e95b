"""A small model of each kind of input, served in this process."""

import contextlib
import random

import pytest

from tests.helpers.commands import here
from tests.helpers.serving import Here

SHORT = ("train.steps=2", "train.eval_every=2", "train.epochs=null")
RECIPES = {
    "shop": (),
    "digits": (*SHORT, "build.width=4", "build.num_blocks=1"),
    "kjv": (
        *("ingest.source=text", "ingest.document=line", "ingest.path=songs.txt"),
        *("build.context=16", "build.stride=12", "build.num_layers=1", *SHORT[:2]),
        *("build.num_heads=1", "build.model_dim=8", "build.mlp_dim=8"),
        *("train.warmup_steps=0", "train.average=1", "train.precision=float32"),
        "ingest.valid_fraction=0.2",
    ),
}
SHOP = """
task: {name: binary, positive: "yes"}
ingest: {source: table, path: shop.csv, label: churned}
build: {network: linear}
train: {loss: logistic, steps: 20}
"""
ANSWERS = ["yes", "no"]
TOWNS = ["Köln", "<b>Rom", 'quo"te']


def write_shop(root):
    """A table of a number, a category and a label; its recipe.  -> path of it."""
    draw = random.Random(0)
    lines = ["size,town,churned"]
    for number in range(300):
        size = "" if number % 20 == 0 else f"{draw.gauss(3, 1):.3f}"
        town = draw.choice(TOWNS).replace('"', '""')
        lines.append(f'{size},"{town}",{draw.choice(ANSWERS)}')
    (root / "shop.csv").write_text("\n".join(lines) + "\n")
    (root / "shop.yaml").write_text(SHOP.replace("shop.csv", f"{root}/shop.csv"))
    return root / "shop.yaml"


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Root with a promoted model of each kind of input."""
    root = tmp_path_factory.mktemp("models")
    songs = "".join(f"bim {'la' * (n % 7)} bam {n}\n" for n in range(90))
    (root / "songs.txt").write_text(songs)
    shop = write_shop(root)
    for recipe, words in RECIPES.items():
        words = [word.replace("path=", f"path={root}/") for word in words]
        done = here("run", shop if recipe == "shop" else recipe, *words, root=root)
        assert done.status == 0, done.stderr
        # a few steps teach nothing
        done = here("promote", done.answer["run_id"], "--anyway", root=root)
        assert done.status == 0, done.stderr
    return root


@pytest.fixture(scope="module")
def served(models):
    """Recipe -> Here, each running: counts begin anew in each file."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(Here(models, name).running()) for name in RECIPES
        }
