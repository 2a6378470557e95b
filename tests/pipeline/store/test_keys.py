"""Keys over a source tree that the test writes, and over a copy of the real one."""

import ast
import json
import shutil
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from phistar.pipeline.config import load
from phistar.pipeline.run.stages import STAGES
from phistar.pipeline.store import keys

REPOSITORY = Path(__file__).parents[3]
STAGE = SimpleNamespace(
    name="train", reads={"dataset": ("dataset.json", "train/*"), "network": ("*",)}
)
TABLE = """
def {kind}(name):
    match name:
        case "{name}":
            from phistar.components.{module} import {name}

            return {name}
        case _:
            raise ValueError(name)
"""
TREE = {
    "__init__.py": "",
    "losses.py": "def hinge(m):\n    return max(0, 1 - m)\n\ndef other():\n    pass\n",
    "train.py": """
import keras
import sklearn

from phistar.components.losses import hinge
from phistar.components.networks import network
from phistar.components.tasks import task


def run(task_, name):
    task(task_)
    sklearn.show_versions()
    return hinge(keras.ops.abs(network(name)()))
""",
    "training/optimizers.py": """
def adamw():
    pass


def optimizer(name):
    match name:
        case "adamw":
            return adamw
""",
    "networks/__init__.py": TABLE.format(
        kind="network", name="mlp", module="networks.mlp"
    ),
    "networks/mlp.py": "def mlp():\n    return 1\n",
    "networks/other.py": "def other():\n    return 1\n",
    "tasks/__init__.py": TABLE.format(
        kind="task", name="binary", module="tasks.binary"
    ),
    "tasks/binary.py": "class binary:\n    pass\n",
    "data/sources/__init__.py": TABLE.format(
        kind="source", name="digits", module="data.sources.digits"
    ),
    "data/sources/digits.py": "def digits():\n    pass\n",
}


def write(root, tree):
    for name, text in tree.items():
        path = root / "components" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def edit(root, name, old, new):
    path = root / "components" / name
    text = path.read_text()
    assert old in text, f"{old!r} is not in {name} any more"
    path.write_text(text.replace(old, new, 1))


def manifest(*names):
    return {"files": {name: {"size": 1, "sha256": f"sha of {name}"} for name in names}}


def parts(root, inputs=None, **train):
    sections = {
        "task": {"name": "binary", "positive": "malignant"},
        "ingest": {"source": "digits"},
        "build": {"network": "mlp"},
        "train": {"optimizer": "adamw", "learning_rate": 0.001, **train},
    }
    inputs = inputs or {
        "dataset": manifest("dataset.json", "train/inputs.npy", "test/inputs.npy"),
        "network": manifest("network.json", "journal.jsonl", "figures/a.png"),
    }
    return keys.stage_parts(STAGE, sections, inputs, kind="columns", root=root)


@pytest.fixture
def root(tmp_path):
    write(tmp_path, TREE)
    return tmp_path


def test_parts_are_what_the_stage_receives(root):
    found = parts(root)
    assert list(found) == sorted(
        ["stage", "arguments", "inputs", "source", "code", "libraries"]
    )
    assert found["arguments"] == {
        "task.name": "binary",
        "task.positive": "malignant",
        "train.learning_rate": 0.001,
        "train.optimizer": "adamw",
    }
    assert found["inputs"] == {
        "dataset/dataset.json": "sha of dataset.json",
        "dataset/train/inputs.npy": "sha of train/inputs.npy",
        "network/network.json": "sha of network.json",
    }
    assert set(found["code"]) == {
        "components/losses.py:hinge",
        "components/networks/mlp.py:mlp",
        "components/tasks/binary.py:binary",
        "components/train.py:run",
    }
    libraries = {"keras", "scikit-learn", "tensorflow", "python"}
    assert set(found["libraries"]) == libraries
    assert found["libraries"]["python"] == "3.11"


def test_key_is_32_digits_of_equal_parts(root):
    key = keys.key(parts(root))
    assert len(key) == 32 and set(key) <= set("0123456789abcdef")
    assert key == keys.key(json.loads(json.dumps(parts(root))))
    assert key == keys.key(dict(reversed(parts(root).items())))
    assert key == keys.key(parts(root, learning_rate=1e-3))
    assert key != keys.key(parts(root, learning_rate=2e-3))


def test_a_tuple_is_as_it_is_read_back(root):
    assert parts(root, widths=(1, 2)) == parts(root, widths=[1, 2])


@pytest.mark.parametrize(
    "change, lines",
    [
        ({"learning_rate": 0.0003}, ["train.learning_rate 0.001 → 0.0003"]),
        ({"optimizer": "adamw", "clip": None}, ["train.clip null is new"]),
        (
            {"backend": "jax"},
            [
                "train.backend jax is new",
                "library jax not installed is new",
                "library tensorflow 2.21.0 is gone",
            ],
        ),
    ],
)
def test_differences_say_which_argument(change, lines, root, monkeypatch):
    versions = {"keras": "3.15.1", "tensorflow": "2.21.0", "scikit-learn": "1.9.1"}

    def version(name):
        if name not in versions:
            raise keys.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(keys.metadata, "version", version)
    monkeypatch.setattr(keys, "_version", keys._version.__wrapped__)  # no cache
    assert keys.differences(parts(root), parts(root, **change)) == lines


def test_differences_say_what_changed_in_each_part(root):
    old = parts(root)
    new = json.loads(json.dumps(old))
    assert keys.differences(old, new) == []
    del new["arguments"]["task.positive"]
    new["arguments"]["train.learning_rate"] = 1
    new["inputs"]["dataset/train/inputs.npy"] = "other"
    del new["inputs"]["network/network.json"]
    new["source"]["sha256"] = "abc"
    new["code"]["components/losses.py:hinge"] = "other"
    new["code"]["components/losses.py:LIMIT"] = "1"
    new["code"]["components/losses.py:(top level)"] = "1"
    del new["code"]["components/tasks/binary.py:binary"]
    new["code"]["components/tasks/binary.py:Binary"] = "1"
    new["libraries"]["python"] = "3.12"
    assert keys.differences(old, new) == [
        "task.positive malignant is gone",
        "train.learning_rate 0.001 → 1",
        "input dataset/train/inputs.npy changed",
        "input network/network.json is gone",
        "source sha256 abc is new",
        "top-level code in components/losses.py is new",
        "constant LIMIT in components/losses.py is new",
        "function hinge in components/losses.py changed",
        "class Binary in components/tasks/binary.py is new",
        "function binary in components/tasks/binary.py is gone",
        "library python 3.11 → 3.12",
    ]


def test_one_and_true_and_one_point_nought_differ(root):
    one, true = parts(root, steps=1), parts(root, steps=True)
    assert keys.key(one) != keys.key(true)
    assert keys.differences(one, true) == ["train.steps 1 → true"]
    assert keys.differences(one, parts(root, steps=1.0)) == ["train.steps 1 → 1.0"]


def test_a_changed_line_of_a_reached_function_is_named(root):
    before = parts(root)
    edit(root, "losses.py", "1 - m", "2 - m")
    after = parts(root)
    assert keys.key(before) != keys.key(after)
    changed = keys.differences(before, after)
    assert changed == ["function hinge in components/losses.py changed"]


def test_adding_a_network_and_its_line_changes_no_key(root):
    before = keys.key(parts(root))
    write(root, {"networks/vgg.py": "def vgg():\n    return 2\n"})
    case = (
        '        case "vgg":\n'
        "            from phistar.components.networks.vgg import vgg\n\n"
        "            return vgg\n"
    )
    edit(root, "networks/__init__.py", "        case _:", case + "        case _:")
    assert keys.key(parts(root)) == before
    edit(root, "networks/other.py", "return 1", "return 2")
    edit(root, "losses.py", "    pass", "    return 1")
    assert keys.key(parts(root)) == before
    edit(root, "networks/mlp.py", "return 1", "return 2")
    assert keys.key(parts(root)) != before


# The real tree: which stages a change there makes again.


@pytest.fixture
def copy(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "components", tmp_path / "components", ignore=ignore)
    return tmp_path


class Recipe(NamedTuple):
    kind: str
    network: str


NETWORKS = "components/networks"
QUICK = {
    "breast_cancer": Recipe("columns", f"{NETWORKS}/linear.py"),
    "digits": Recipe("images", f"{NETWORKS}/vgg_small.py"),
    "kjv_quick": Recipe("text", f"{NETWORKS}/transformer/decoder.py"),
    "libreoffice_en_de_quick": Recipe(
        "pairs", f"{NETWORKS}/transformer/encoder_decoder.py"
    ),
}


def real_parts(root, *overrides, recipe="breast_cancer"):
    """Stage -> the parts of its key, of a recipe over a source tree."""
    given = load.load(recipe, list(overrides), REPOSITORY)
    nothing = {"dataset": manifest(), "network": manifest(), "report": manifest()}
    kind = QUICK[recipe].kind
    return {
        stage.name: keys.stage_parts(
            stage, given.sections, nothing, kind=kind, root=root
        )
        for stage in STAGES
    }


def real_keys(root, *overrides, recipe="breast_cancer"):
    found = real_parts(root, *overrides, recipe=recipe)
    return {stage: keys.key(parts) for stage, parts in found.items()}


@cache
def quick_parts():
    """Recipe -> stage -> the parts of its key in this tree."""
    return {recipe: real_parts(REPOSITORY, recipe=recipe) for recipe in QUICK}


def rewritten(before, after):
    """The files of the code that differs between the parts of two keys."""
    names = {*before["code"], *after["code"]}
    return {
        name.split(":")[0]
        for name in names
        if before["code"].get(name) != after["code"].get(name)
    }


def rewrite(path):
    """Change every function and class of a file, and what its import runs."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.body.append(ast.parse("0 + 0").body[0])
    tree.body += ast.parse("print(0)").body
    path.write_text(ast.unparse(tree))


def changed(before, after):
    """The stages whose key changed, whatever is upstream of them."""
    return [name for name in before if before[name] != after[name]]


def test_a_line_of_losses_changes_train_and_not_ingest(copy):
    before = real_keys(copy)
    edit(copy, "losses.py", "def hinge(", "def hinge(*ignored, ")
    stages = changed(before, real_keys(copy))
    assert "train" in stages and "ingest" not in stages


def test_comments_docstrings_and_formatting_change_no_key(copy):
    before = real_keys(copy)
    for path in (copy / "components").rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
                ast.get_docstring(node)
            ):
                node.body[0].value.value = "Other words."
        # unparse leaves comments out and formats in its own way
        path.write_text("# a comment\n" + ast.unparse(tree))
    assert changed(before, real_keys(copy)) == []


def test_reports_and_serving_change_no_key_before_theirs(copy):
    for room in ("reports", "serving"):
        for path in (copy / "components" / room).glob("[!_]*.py"):
            rewrite(path)
    for recipe, before in quick_parts().items():
        after = real_parts(copy, recipe=recipe)
        assert changed(before, after) == ["evaluate", "export"]
        for stage, room in (("evaluate", "reports"), ("export", "serving")):
            files = rewritten(before[stage], after[stage])
            assert {file.split("/")[1] for file in files} == {room}


def test_losses_and_the_chosen_network_change_trains_key(copy):
    networks = set((copy / "components" / "networks").rglob("*.py"))
    tables = {path for path in networks if path.name == "__init__.py"}
    for path in {copy / "components" / "losses.py", *networks - tables}:
        rewrite(path)
    for recipe, before in quick_parts().items():
        after = real_parts(copy, recipe=recipe)
        assert "train" in changed(before, after) and "ingest" not in changed(
            before, after
        )
        files = rewritten(before["train"], after["train"])
        assert {"components/losses.py", QUICK[recipe].network} <= files


def test_training_depends_on_no_library_of_reports_and_serving():
    later = {"matplotlib", "sacrebleu", "scikit-learn", "tensorflow-serving-api"}
    for parts in quick_parts().values():
        for stage in ("build", "train"):
            assert not later & parts[stage]["libraries"].keys()
            rooms = {name.split("/")[1] for name in parts[stage]["code"]}
            assert not {"reports", "serving", "decoding"} & rooms


def test_a_table_of_numbers_depends_on_no_tokenizer():
    # the comparison of inputs with test, in export, reads texts in their normal form
    texts = "components/data/encoders/"
    compared = {f"{texts}text.py:normal_form"}
    compared |= {f"{texts}tokenizers/characters.py:REPLACEMENT"}
    for stage, parts in quick_parts()["breast_cancer"].items():
        assert not {"sentencepiece", "tensorflow_text"} & parts["libraries"].keys()
        code = parts["code"].keys() - (compared if stage == "export" else set())
        assert not any("/encoders/text" in name for name in code)
        assert not any("/tokenizers/" in name for name in code)


def test_another_tokenizer_changes_the_stages_that_read_text():
    before = quick_parts()["kjv_quick"]
    after = real_parts(REPOSITORY, "task.tokenizer=bytes", recipe="kjv_quick")
    for stage in ("ingest", "evaluate", "export"):
        new = after[stage]["code"].keys() - before[stage]["code"].keys()
        files = {name.split(":")[0] for name in new}
        assert files == {"components/data/encoders/tokenizers/bytes.py"}
    for stage in ("build", "train"):
        assert after[stage]["code"] == before[stage]["code"]


def test_another_network_changes_no_key(copy):
    before = real_keys(copy, "build.network=mlp")
    path = copy / "components" / "networks" / "vgg_small.py"
    path.write_text(path.read_text().replace("def vgg_small(", "def vgg_small(a, "))
    shutil.copy(path, path.with_name("vgg_large.py"))
    case = '        case "vgg_large":\n            return None\n'
    edit(copy, "networks/__init__.py", "        case _:", case + "        case _:")
    assert changed(before, real_keys(copy, "build.network=mlp")) == []
    assert "train" in changed(before, real_keys(copy, "build.network=linear"))


@pytest.mark.parametrize(
    "override, stages",
    [
        ("evaluate.num_bins=12", ["evaluate"]),
        ("train.backend=jax", ["train"]),
        ("train.precision=mixed_bfloat16", ["train"]),
        ("ingest.seed=1", ["ingest"]),
        ("ingest.workers=2", []),
    ],
)
def test_a_config_key_changes_the_stage_of_its_section(override, stages):
    """Stages downstream follow by the digests of what they read."""
    assert changed(real_keys(REPOSITORY), real_keys(REPOSITORY, override)) == stages
