"""A small model of each task, three of them served in this process."""

import contextlib
import random
import shutil
from itertools import product
from pathlib import Path

import pytest

from tests.helpers.commands import copy_store, here
from tests.helpers.serving import Here
from tests.helpers.trained import DIGITS, TINY, of_songs

PAIRS = (
    *("ingest.source=parallel", "ingest.source_path=lines.txt"),
    *("ingest.target_path=others.txt", "task.tokenizer=characters"),
    *("task.vocab_size=null", "task.max_length=32", "train.batch_tokens=256"),
    *("ingest.test_fraction=0.2", *TINY),
)
SERVED = ("shop", "digits", "kjv")  # in every file
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
def models(project, digits, language, tmp_path_factory):
    """Root with a promoted model of each task."""
    root = copy_store(project, tmp_path_factory.mktemp("models"))
    for other in (digits[0], language[0]):  # whose stages are in this store too
        stages = Path("mlruns", "stages")
        shutil.copytree(other / stages, root / stages, dirs_exist_ok=True)
    lines = [" ".join(words) for words in product(["la", "bim", "dum"], repeat=4)]
    (root / "lines.txt").write_text("".join(f"{line}\n" for line in lines))
    (root / "others.txt").write_text("".join(f"{line} oh\n" for line in lines))
    pairs = [word.replace("path=", f"path={root}/") for word in PAIRS]
    for words in (
        [write_shop(root)],
        ["digits", *DIGITS],
        of_songs(language[0]),
        ["libreoffice_en_de", *pairs],
    ):
        done = here("run", *words, root=root)
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
            name: stack.enter_context(Here(models, name).running()) for name in SERVED
        }
