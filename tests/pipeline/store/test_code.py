import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from phistar.pipeline.store.code.reach import code

REPOSITORY = Path(__file__).parents[3]
C = "phistar.components"

LOSSES = '''
"""Losses."""

import keras
from scipy import special

LIMIT = 2 * 3
SLOPE = LIMIT + 1
UNUSED = 5


def hinge(score):
    """max(0, 1 - m)"""
    return keras.ops.maximum(0.0, SLOPE - score)


def logistic(score):
    return special.expit(score)


class Loss:
    def value(self):
        return self.helper()

    def helper(self):
        return hinge(0)


class Smooth(Loss):
    pass
'''
HINGE = {"losses.py:hinge", "losses.py:SLOPE", "losses.py:LIMIT"}
EVERYTHING = HINGE | {
    f"losses.py:{name}" for name in ("UNUSED", "logistic", "Loss", "Smooth")
}


def write(root, files):
    for name, text in {"__init__.py": "", "losses.py": LOSSES, **files}.items():
        path = root / "components" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def hashes(root, entry="train.py", symbol="run", choices=None):
    found, libraries = code([(f"components/{entry}", symbol)], choices, root)
    return {name.removeprefix("components/"): h for name, h in found.items()}, libraries


def reached(root, files, **arguments):
    """What train.run reaches, itself left out."""
    write(root, files)
    return set(hashes(root, **arguments)[0]) - {"train.py:run"}


@pytest.mark.parametrize(
    "text",
    [
        f"from {C} import losses\ndef run(): losses.hinge(1)",
        f"from {C}.losses import hinge\ndef run(): hinge(1)",
        f"from {C}.losses import hinge as f\ndef run(): map(f, [])",
        f"import {C}.losses as l\ndef run(): l.hinge(1)",
        f"import {C}.losses\ndef run(): {C}.losses.hinge(1)",
        "from phistar import components\ndef run(): components.losses.hinge(1)",
        "from . import losses\ndef run(): losses.hinge(1)",
        "from .losses import hinge\ndef run(): hinge(1)",
        "from .losses import *\ndef run(): hinge(1)",
        f"def run():\n from {C}.losses import hinge\n return hinge(1)",
        f"def run():\n import {C}.losses as l\n return l.hinge(1)",
        f"def run():\n import {C}.losses\n {C}.losses.hinge(1)",
        f"def run():\n from {C} import losses\n def f(): losses.hinge(1)",
        f"from {C}.losses import hinge\n@hinge\ndef run(): pass",
        f"from {C}.losses import hinge\ndef run(f=hinge): pass",
        f"from {C}.losses import hinge\ndef run(*, f=hinge(1)): pass",
        f"from {C}.losses import hinge\nclass run(hinge): pass",
        f"from {C}.losses import hinge\nclass run:\n f = hinge",
        f"from {C}.losses import hinge\nclass run:\n def f(self): hinge(1)",
        f"from {C}.losses import hinge\nrun = [hinge]",
        f"from {C} import losses\nrun = lambda losses_=losses.hinge: losses_",
        f"from {C} import losses\ndef run(): [h for h in losses.hinge(h)]",
        f"from {C}.losses import hinge as h\ndef run(): [h for h in h()]",
        f"from {C}.losses import hinge\n"
        "def run():\n def f():\n  hinge = 1\n return hinge(1)",
        f"from {C}.losses import hinge\ndef run():\n global hinge\n hinge = 1",
        f"try:\n from {C}.losses import hinge\n"
        "except ImportError:\n hinge = None\ndef run(): hinge(1)",
        f"import {C}.losses as l\ndef run(): l.__doc__; l.hinge",
    ],
)
def test_a_use_is_followed_to_its_symbol_alone(text, tmp_path):
    found = reached(tmp_path, {"train.py": text})
    assert {f for f in found if not f.endswith(":(top level)")} == HINGE


@pytest.mark.parametrize(
    "text",
    [
        f"from {C} import losses\ndef run(name): getattr(losses, name)()",
        f"from {C} import losses\ndef run(): f(losses)",
        f"from {C} import losses as l\ndef run():\n x = l\n x.hinge()",
        "from phistar import components\ndef run(): vars(components.losses)",
        f"from {C} import losses\ndef run(name): losses.__dict__[name]",
        f"from {C} import losses\ndef run(): losses.not_there",
    ],
)
def test_a_module_that_is_handed_around_counts_whole(text, tmp_path):
    assert reached(tmp_path, {"train.py": text}) == EVERYTHING


@pytest.mark.parametrize(
    "text",
    [
        f"from {C}.losses import hinge\ndef run(): pass",
        f"from {C}.losses import hinge\ndef run(x: hinge) -> hinge: y: hinge = x",
        f"from {C}.losses import hinge\ndef run(hinge): return hinge",
        f"from {C}.losses import hinge\ndef run():\n hinge = 1\n return hinge",
        f"from {C}.losses import hinge\ndef run(): lambda hinge: hinge",
        f"from {C}.losses import hinge\ndef run(): [hinge for hinge in []]",
        f"from {C} import losses\ndef run(): losses.__name__",
        f"if TYPE_CHECKING:\n from {C} import losses\ndef run(): pass",
        f"from {C} import losses\ndef run(): pass\n"
        "if __name__ == '__main__':\n losses.hinge(1)",
    ],
)
def test_what_is_not_used_is_not_reached(text, tmp_path):
    assert reached(tmp_path, {"train.py": text}) == set()


def test_a_class_is_one_unit_and_its_bases_are_followed(tmp_path):
    text = f"from {C}.losses import Smooth\ndef run(): Smooth().value()"
    classes = {"losses.py:Smooth", "losses.py:Loss"}
    assert reached(tmp_path, {"train.py": text}) == HINGE | classes


@pytest.mark.parametrize("line", ["from .loss import f as g", "from .loss import *"])
def test_a_name_that_a_package_passes_on_is_followed(line, tmp_path):
    files = {
        "kinds/__init__.py": line,
        "kinds/loss.py": "def f(): pass\ng = f\nunused = 1",
        "train.py": f"from {C}.kinds import g\ndef run(): g()",
    }
    found = reached(tmp_path, files)
    assert "kinds/loss.py:f" in found and "kinds/loss.py:unused" not in found


def test_a_module_of_a_package_that_imports_itself_is_followed(tmp_path):
    files = {
        "kinds/__init__.py": f"from . import loss\nfrom {C}.kinds import loss",
        "kinds/loss.py": "def f(): pass\nunused = 1",
        "train.py": f"from {C}.kinds import loss\ndef run(): loss.f()",
    }
    assert reached(tmp_path, files) == {"kinds/loss.py:f"}


def test_imports_in_a_circle_end(tmp_path):
    files = {
        "a.py": f"from {C}.b import x, f",
        "b.py": f"from {C}.a import x\ndef f(): x()",
        "train.py": f"from {C}.a import f\ndef run(): f()",
    }
    assert reached(tmp_path, files) == {"b.py:f"}


def test_effects_of_a_reached_module_count(tmp_path):
    files = {
        "effects.py": f"from {C}.losses import hinge\nx = {{}}\nx[1] = hinge",
        "kinds/__init__.py": "print('a package')",
        "kinds/loss.py": f"import {C}.effects\ndef f(): pass",
        "train.py": f"from {C}.kinds.loss import f\ndef run(): f()",
    }
    top = {"effects.py:(top level)", "kinds/__init__.py:(top level)"}
    expected = HINGE | top | {"kinds/loss.py:f", "effects.py:x"}
    assert reached(tmp_path, files) == expected


def test_libraries_are_those_that_reached_code_names(tmp_path):
    imports = "import os\nimport numpy as np\nimport tensorflow_text\n"
    stage = f"from {C} import losses\ndef run(x: np.ndarray):\n import PIL.Image\n"
    write(tmp_path, {"train.py": imports + stage + " os.path; losses.hinge"})
    # numpy only says a type; tensorflow_text is imported for what importing it does
    assert hashes(tmp_path)[1] == {"keras", "PIL", "tensorflow_text"}
    write(tmp_path, {"train.py": imports + stage + " np.sum; losses.logistic"})
    assert hashes(tmp_path)[1] == {"numpy", "scipy", "PIL", "tensorflow_text"}


TABLE = """
def network(name):
    match name:
        case "mlp":
            from phistar.components.networks.mlp import mlp

            return mlp
        case _:
            raise ValueError(name)
"""
NETWORKS = {
    "networks/__init__.py": TABLE,
    "networks/mlp.py": "def mlp(): return 1",
    "train.py": f"from {C}.networks import network\ndef run(): network('mlp')",
}
TO_MLP = {"components/networks/__init__.py": "mlp"}


def test_a_table_is_followed_to_the_choice_and_never_hashed(tmp_path):
    assert reached(tmp_path, NETWORKS) == set()
    assert reached(tmp_path, NETWORKS, choices=TO_MLP) == {"networks/mlp.py:mlp"}


def test_a_choice_counts_only_where_its_table_is_reached(tmp_path):
    write(tmp_path, NETWORKS)
    found, _ = hashes(tmp_path, "losses.py", "LIMIT", TO_MLP)
    assert set(found) == {"losses.py:LIMIT"}


def test_a_match_outside_the_tables_is_code_like_any_other(tmp_path):
    files = {
        "encoders.py": TABLE,
        "networks/mlp.py": "def mlp(): return 1",
        "train.py": f"from {C}.encoders import network\ndef run(): network(1)",
    }
    assert reached(tmp_path, files) == {"encoders.py:network", "networks/mlp.py:mlp"}


RUN = {"train.py": f"from {C} import losses\ndef run():\n    losses.hinge(1)\n"}


@pytest.mark.parametrize(
    "old, new",
    [
        ("# nothing\n", "# a comment\n"),
        ('"""max(0, 1 - m)"""', '"""The hinge."""'),
        ('    """max(0, 1 - m)"""\n', ""),
        ('"""Losses."""', '"""Other words."""'),
        ("0.0, SLOPE - score", "\n        0.0,\n        SLOPE - score,\n    "),
        ("LIMIT = 2 * 3\n", 'LIMIT = (2 * 3)\n"""What LIMIT is."""\n\n\n'),
        ("special.expit(score)", "special.expit(score + 1)"),
        ("UNUSED = 5", "UNUSED = 6"),
        ("return self.helper()", "return self.helper"),
    ],
)
def test_what_changes_nothing_reached_changes_no_hash(old, new, tmp_path):
    write(tmp_path, {**RUN, "losses.py": LOSSES + "# nothing\n"})
    before = hashes(tmp_path)
    write(tmp_path, {**RUN, "losses.py": (LOSSES + "# nothing\n").replace(old, new)})
    assert old != new and hashes(tmp_path) == before


@pytest.mark.parametrize(
    "old, new, name",
    [
        ("maximum(0.0", "maximum(0.5", "losses.py:hinge"),
        ("LIMIT = 2 * 3", "LIMIT = 2 * 4", "losses.py:LIMIT"),
        ("SLOPE = LIMIT + 1", "SLOPE = LIMIT", "losses.py:SLOPE"),
    ],
)
def test_a_changed_line_changes_the_hash_of_its_symbol(old, new, name, tmp_path):
    write(tmp_path, RUN)
    before, _ = hashes(tmp_path)
    write(tmp_path, {**RUN, "losses.py": LOSSES.replace(old, new)})
    after, _ = hashes(tmp_path)
    assert {n for n in before if before[n] != after[n]} == {name}


def test_an_entry_that_is_not_there_is_refused(tmp_path):
    write(tmp_path, {})
    with pytest.raises(ValueError, match="'run' of components/train.py"):
        hashes(tmp_path)
    with pytest.raises(ValueError, match="'gone' of components/losses.py"):
        hashes(tmp_path, "losses.py", "gone")


@pytest.mark.heavy
def test_forty_files_are_read_once_and_nothing_is_imported(tmp_path, monkeypatch):
    names = [f"part_{i}" for i in range(40)]
    calls = "\n".join(f"    {name}.hinge(1)" for name in names)
    text = f"from {C} import {', '.join(names)}\n\n\ndef run():\n{calls}\n"
    more = "".join(f"\n\ndef f_{i}(x):\n    return x + {i}\n" for i in range(25))
    write(tmp_path, {f"{name}.py": LOSSES + more for name in names})
    write(tmp_path, {"train.py": text})
    read, parse = Counter(), ast.parse

    def counted(source, filename):
        read[filename] += 1
        return parse(source, filename)

    monkeypatch.setattr(ast, "parse", counted)
    found, _ = hashes(tmp_path)
    assert len(found) == 1 + 3 * 40
    assert len(read) >= 41 and set(read.values()) == {1}  # each file once
    script = """
import pathlib, sys
from phistar.pipeline.store.code.reach import code
code([("components/train.py", "run")], None, pathlib.Path(sys.argv[1]))
banned = ("components", "keras", "tensorflow", "numpy", "mlflow")
print([name for name in sys.modules if name.split(".")[0] in banned])
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
