import ast
from pathlib import Path

import pytest

from phistar.pipeline.config import choices

NETWORKS = '''
"""Networks by name."""


def network(name):
    """The network called `name`."""
    match name:
        case "mlp":
            from phistar.components.networks.mlp import mlp

            return mlp
        case "linear":
            from .linear import linear_network as linear

            return linear
        case _:
            raise ValueError(f"unknown network: {name!r}")
'''

OPTIMIZERS = """
import keras

def adamw(*, learning_rate=1e-3):
    return keras.optimizers.AdamW(learning_rate)

def optimizer(name):
    match name:
        case "adamw":
            return adamw
        case _:
            raise ValueError(name)
"""


@pytest.fixture
def root(tmp_path):
    networks = tmp_path / "components" / "networks"
    networks.mkdir(parents=True)
    (networks / "__init__.py").write_text(NETWORKS)
    (networks / "mlp.py").write_text("def mlp(): pass\n")
    (networks / "linear.py").write_text("def linear_network(): pass\n")
    (tmp_path / "components" / "training").mkdir()
    (tmp_path / "components" / "training" / "optimizers.py").write_text(OPTIMIZERS)
    return tmp_path


def test_names_are_the_cases_in_order(root):
    assert choices.names(root / choices.TABLES["build.network"]) == ["mlp", "linear"]


def test_chosen_follows_the_import_of_the_case(root):
    table = root / choices.TABLES["build.network"]
    folder = table.parent
    assert choices.chosen(table, "mlp") == (folder / "mlp.py", "mlp")
    assert choices.chosen(table, "linear") == (folder / "linear.py", "linear_network")


def test_chosen_finds_a_function_of_the_same_file(root):
    table = root / choices.TABLES["train.optimizer"]
    assert choices.chosen(table, "adamw") == (table, "adamw")


def test_chosen_finds_a_constant_of_the_same_file(root):
    table = root / "components" / "labels.py"
    table.write_text(
        "BINARY = 1\n\ndef labels_of(name):\n match name:\n"
        "  case 'binary':\n   return BINARY\n"
    )
    assert choices.chosen(table, "binary") == (table, "BINARY")


def test_every_table_of_the_tree_has_what_chooses_in_it():
    root = Path(__file__).parents[3]
    found = {
        path.relative_to(root).as_posix()
        for path in (root / "components").rglob("*.py")
        if any(map(choices.is_table, ast.parse(path.read_text("utf-8")).body))
    }
    assert found == set(choices.CHOSEN_BY)
    for file in found:
        for name in choices.names(root / file):
            path, _ = choices.chosen(root / file, name)
            assert path.is_file()


def test_chosen_names_the_known_ones_for_an_unknown_name(root):
    with pytest.raises(ValueError, match=r"'vgg'.*mlp, linear"):
        choices.chosen(root / choices.TABLES["build.network"], "vgg")


def test_a_file_without_a_table_is_refused(root):
    with pytest.raises(ValueError, match="one table.*none"):
        choices.names(root / "components" / "networks" / "mlp.py")


def test_a_case_that_computes_is_no_table(root):
    table = root / "components" / "training" / "optimizers.py"
    body = OPTIMIZERS.replace("return adamw", "x = adamw\n            return x")
    table.write_text(body)
    with pytest.raises(ValueError, match="none"):
        choices.names(table)


def test_an_edited_table_is_read_again(root):
    table = root / choices.TABLES["train.optimizer"]
    assert choices.names(table) == ["adamw"]
    table.write_text(OPTIMIZERS.replace('case "adamw"', 'case "sgd" | "adamw"'))
    assert choices.names(table) == ["sgd", "adamw"]
