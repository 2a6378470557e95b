"""The import rules, held on the syntax trees of components/ and pipeline/, by folder.

A file imports its own room or one below it. The rooms of each package, the lowest
first, are those of CONTRIBUTING.md. A stage is imported by the pipeline only, never by
another stage. tensorflow and mlflow each have their few places. Nothing here loads code
from data: no pickles, no `Lambda` layers. Imports inside functions count too.
"""

import ast
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

STAGES = ("ingest", "build", "train", "evaluate", "export")
# The lowest first; those of one line do not know each other's files but may meet.
ROOMS = {
    "components": (
        ("hashing", "losses", "labels", "errors"),
        ("metrics", "networks", "data", "decoding"),
        ("tasks",),
        ("artifacts",),
        ("training", "reports", "serving"),
        STAGES,
    ),
    "pipeline": (
        ("process",),
        ("config",),
        ("store",),
        ("record",),
        ("tracking",),
        ("serving", "run"),
        ("cli",),
    ),
}
# Third-party package -> the files and folders that may import it.
PLACES = {
    "tensorflow": (
        "components/data/",
        "components/ingest.py",
        "components/artifacts.py",
        "components/training/devices.py",  # TensorFlow's are its own to choose
        "components/export.py",
        "components/serving/",
    ),
    "mlflow": (
        "pipeline/tracking/target.py",
        "pipeline/tracking/models.py",
        "components/serving/mlflow_model.py",
        "components/serving/model_code.py",  # MLflow runs a copy of it
    ),
    "pickle": (),
    "cloudpickle": (),
    "dill": (),
    "joblib": (),
}
# Packages that bring another one along are held to its places.
BRINGS = {
    "tensorflow_datasets": "tensorflow",
    "tensorflow_text": "tensorflow",
}
HIDDEN = "importing the module of the same name replaces this one; rename the module"


def violations(root: Path) -> list[str]:
    """What breaks the rules below `root`.

    Args:
        root: folder that holds `components/` and `pipeline/`.

    Returns:
        One "file:line: what is wrong" per violation, empty if there is none.
    """
    found = []
    for folder in ("components", "pipeline"):
        for path in sorted((root / folder).rglob("*.py")):
            file = path.relative_to(root).as_posix()
            tree = ast.parse(path.read_text("utf-8"), file)
            if layer(file) is None:
                found.append(f"{file}:1: has no room, name it in ROOMS")
            found += [f"{file}:{n.lineno}: {HIDDEN}" for n in hidden(path, tree)]
            for node in ast.walk(tree):
                problems = [import_problem(file, name) for name in imports(file, node)]
                problems += call_problems(node)
                found += [f"{file}:{node.lineno}: {p}" for p in problems if p]
    return list(dict.fromkeys(found))


def layer(file: str) -> int | None:
    """How high the room of a file is; None if the table does not say."""
    package, room = file.removesuffix(".py").split("/")[:2]
    if room == "__init__":  # before everything
        return -1
    rooms = ROOMS[package]
    return next((i for i, names in enumerate(rooms) if room in names), None)


def hidden(path: Path, tree: ast.Module) -> list[ast.stmt]:
    """What an `__init__.py` defines under the name of a module beside it."""
    if path.name != "__init__.py":
        return []
    beside = {p.stem for p in path.parent.iterdir()}
    return [n for n in tree.body if getattr(n, "name", None) in beside]


def imports(file: str, node: ast.AST) -> list[str]:
    """The dotted names that a statement or an `import_module("name")` imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            package = file.split("/")[: -node.level]
            module = ".".join([*package, *filter(None, [node.module])])
        return [f"{module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
        return [str(a.value) for a in node.args[:1] if isinstance(a, ast.Constant)]
    return []


def import_problem(file: str, name: str) -> str | None:
    """Why `file` may not import the dotted name; None if it may."""
    top, _, rest = name.partition(".")
    rule = BRINGS.get(top, top)
    if rule in PLACES and not file.startswith(PLACES[rule]):
        return f"imports {top}; allowed in: {', '.join(PLACES[rule]) or 'no file'}"
    package = file.partition("/")[0]
    if top == "pipeline" and package == "components":
        return f"imports {name}; components never import the pipeline"
    if top != package or not rest:
        return None
    room = rest.split(".")[0]
    if package == "components" and room in STAGES:
        return f"imports {name}; a stage is imported by the pipeline only"
    own, other = layer(file), layer(f"{package}/{room}")
    if own is not None and other is not None and other > own:
        return f"imports {name} from a higher room"
    return None


def call_problems(node: ast.AST) -> list[str]:
    """Calls that load code from data, or put code into it."""
    if not isinstance(node, ast.Call):
        return []
    given = {k.arg: k.value for k in node.keywords}
    safe_mode, allow_pickle = given.get("safe_mode"), given.get("allow_pickle")
    return [
        text
        for text, wrong in (
            ("a Lambda layer: write the layer as a class", called(node) == "Lambda"),
            ("safe_mode must stay True", safe_mode and not constant(safe_mode, True)),
            (
                "allow_pickle must stay False",
                allow_pickle and not constant(allow_pickle, False),
            ),
        )
        if wrong
    ]


def called(node: ast.Call) -> str:
    """The last word of what is called: `f` for `f()` and for `a.b.f()`."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def constant(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.fixture
def copy(tmp_path):
    """A copy of the source, to plant something in."""
    for folder in ("components", "pipeline"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


def test_source_holds_the_rules():
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "word"),
    [
        ("components/train.py", "import mlflow", "mlflow"),
        (
            "components/train.py",
            "def f():\n    from mlflow import log_metric",
            "mlflow",
        ),
        ("components/train.py", "import tensorflow as tf", "tensorflow"),
        ("components/networks/mlp.py", "import tensorflow_text", "tensorflow_text"),
        ("components/train.py", "importlib.import_module('mlflow')", "mlflow"),
        (
            "components/train.py",
            "from components import evaluate",
            "components.evaluate",
        ),
        ("components/artifacts.py", "import components.train", "components.train"),
        ("components/losses.py", "from components.metrics import x", "higher room"),
        (
            "components/networks/mlp.py",
            "from components.tasks import task",
            "higher room",
        ),
        ("components/networks/mlp.py", "from ..tasks import task", "higher room"),
        ("components/networks/mlp.py", "from .. import artifacts", "higher room"),
        ("components/data/sources/new.py", "import pipeline.store", "never import"),
        ("components/new.py", "", "has no room"),
        ("pipeline/record/journal.py", "import pipeline.tracking", "higher room"),
        ("components/networks/__init__.py", "def mlp():\n    pass", "same name"),
        ("pipeline/store/store.py", "import pickle", "pickle"),
        ("components/ingest.py", "import joblib", "joblib"),
        ("components/networks/mlp.py", "keras.layers.Lambda(f)", "Lambda"),
        (
            "components/artifacts.py",
            "keras.models.load_model(p, safe_mode=False)",
            "safe",
        ),
        ("components/artifacts.py", "np.load(p, allow_pickle=True)", "allow_pickle"),
    ],
)
def test_planted_violation_is_found(copy, file, line, word):
    before = violations(copy)
    with open(copy / file, "a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    (problem,) = set(violations(copy)) - set(before)
    assert problem.startswith(f"{file}:")
    assert word in problem


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("components/data/encoders/images.py", "import tensorflow as tf"),
        ("components/tasks/binary.py", "from components.networks import mlp"),
        ("components/networks/mlp.py", "from components.networks import network"),
        ("components/artifacts.py", "np.load(p, allow_pickle=False)"),
        ("pipeline/run/process.py", "from components import train"),
    ],
)
def test_allowed_line_is_not(copy, file, line):
    before = violations(copy)
    with open(copy / file, "a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    assert violations(copy) == before
