"""The import rules, held on the syntax trees of the three packages, by folder.

A file imports its own room or one below it. The rooms of each package, the lowest
first, are those of CONTRIBUTING.md. A stage is imported by the pipeline only, never by
another stage. tensorflow and mlflow each have their few places. Nothing here loads code
from data: no pickles, no `Lambda` layers. Imports inside functions count too.

phistar/ is above both: only its `__init__.py` is imported by them, for where it is.
"""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

STAGES = ("ingest", "build", "train", "evaluate", "export")
# The lowest first; those of one line do not know each other's files but may meet.
ROOMS = {
    "components": (
        ("hashing", "losses", "labels", "errors", "progress"),
        ("digests",),
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
        ("serving", "run", "init", "launch", "doctor"),
        ("sweep",),
        ("cli",),
    ),
    "phistar": (
        ("__main__", "guest", "rows"),
        ("result",),
        ("interface",),
        ("__init__",),  # its imports are lazy
    ),
}
INTERFACE = {room for rooms in ROOMS["phistar"] for room in rooms}
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
    "optuna": ("pipeline/sweep/",),
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


def violations(file: str, text: str, beside: set[str]) -> set[str]:
    """Breaches of the rules in one file.

    Args:
        file: path below the repository, with "/".
        text: of the file.
        beside: names of the modules and folders in the file's folder.

    Returns:
        One "file:line: problem" per breach.
    """
    tree = ast.parse(text, file)
    found = (
        {f"{file}:1: has no room, name it in ROOMS"} if layer(file) is None else set()
    )
    found |= {f"{file}:{n.lineno}: {HIDDEN}" for n in hidden(file, tree, beside)}
    for node in ast.walk(tree):
        problems = [import_problem(file, name) for name in imports(file, node)]
        problems += [
            f"imports {name}; write phistar.{name}" for name in bare(file, node)
        ]
        problems += call_problems(node)
        found |= {f"{file}:{node.lineno}: {p}" for p in problems if p}
    return found


def beside(file: str) -> set[str]:
    """Names of the modules and folders in a file's folder."""
    return {path.stem for path in (ROOT / file).parent.iterdir()}


def layer(file: str) -> int | None:
    """Height of a file's room; None if ROOMS does not name it."""
    package, room = file.removesuffix(".py").split("/")[:2]
    rooms = ROOMS[package]
    if room == "__init__" and package != "phistar":  # before everything
        return -1
    return next((i for i, names in enumerate(rooms) if room in names), None)


def hidden(file: str, tree: ast.Module, beside: set[str]) -> list[ast.stmt]:
    """Definitions of an `__init__.py` that have the name of a module beside it."""
    if not file.endswith("/__init__.py"):
        return []
    return [n for n in tree.body if getattr(n, "name", None) in beside]


def imports(file: str, node: ast.AST) -> list[str]:
    """The dotted names that a statement or an `import_module("name")` imports.

    Those of this project as from inside it: components.losses.hinge.
    """
    return [name.removeprefix("phistar.") for name in named(file, node)]


def named(file: str, node: ast.AST) -> list[str]:
    """As `imports`, by the names that stand there."""
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


def bare(file: str, node: ast.AST) -> list[str]:
    """Imports of this project without its name: a wheel has no such package."""
    absolute = not getattr(node, "level", 0)
    parts = ("components", "pipeline")
    return [n for n in named(file, node) if absolute and n.split(".")[0] in parts]


def import_problem(file: str, name: str) -> str | None:
    """Why `file` may not import the dotted name; None if it may."""
    top, _, rest = name.partition(".")
    rule = BRINGS.get(top, top)
    if rule in PLACES and not file.startswith(PLACES[rule]):
        return f"imports {top}; allowed in: {', '.join(PLACES[rule]) or 'no file'}"
    package = file.partition("/")[0]
    if top in INTERFACE:
        top, rest = "phistar", name
        if package != "phistar":
            return f"imports {name} of phistar/, which is above {package}/"
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


def added(file: str, line: str) -> set[str]:
    """Breaches that a line at the end of a file adds; the file may be new."""
    path = ROOT / file
    text = path.read_text("utf-8") if path.exists() else ""
    before = violations(file, text, beside(file)) if text else set()
    return violations(file, f"{text}\n{line}\n", beside(file)) - before


def test_source_holds_the_rules():
    found = set()
    for folder in ROOMS:
        for path in (ROOT / folder).rglob("*.py"):
            file = path.relative_to(ROOT).as_posix()
            found |= violations(file, path.read_text("utf-8"), beside(file))
    assert found == set()


def imported(folder: str) -> list[tuple[str, str]]:
    """("file:line", dotted name) of the imports in the files below a folder."""
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"), file)):
            found += [(f"{file}:{node.lineno}", name) for name in imports(file, node)]
    return found


def exists(name: str) -> bool:
    """True if a dotted name of ours is a module, or is bound by one."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module = path.parent.with_suffix(".py")
    module = module if module.is_file() else path.parent / "__init__.py"
    return module.is_file() and path.name in bound_in(module)


@functools.cache
def bound_in(module: Path) -> set[str]:
    """Names that the statements of a module bind, or read."""
    bound = set()
    for node in ast.parse(module.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
        else:
            bound |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return bound


def test_no_test_imports_another_one():
    for place, name in imported("tests"):
        own = name.startswith("tests.") and (".test_" in name or ".conftest" in name)
        assert not own, f"{place}: imports {name}; move it to tests/helpers"


@pytest.mark.parametrize("folder", ["bench", "tests"])
def test_programs_and_tests_import_what_exists(folder):
    ours = ("components", "pipeline", "tests", "bench")
    for place, name in imported(folder):
        known = name.split(".")[0] not in ours or exists(name)
        assert known, f"{place}: imports {name}, which does not exist"


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
            "from phistar.components import evaluate",
            "components.evaluate",
        ),
        (
            "components/artifacts.py",
            "import phistar.components.train",
            "components.train",
        ),
        (
            "components/losses.py",
            "from phistar.components.metrics import x",
            "higher room",
        ),
        (
            "components/networks/mlp.py",
            "from phistar.components.tasks import task",
            "higher room",
        ),
        ("components/networks/mlp.py", "from ..tasks import task", "higher room"),
        ("components/networks/mlp.py", "from .. import artifacts", "higher room"),
        (
            "components/data/sources/new.py",
            "import phistar.pipeline.store",
            "never import",
        ),
        ("components/new.py", "", "has no room"),
        ("phistar/new.py", "", "has no room"),
        ("phistar/rows.py", "from phistar.result import Run", "higher room"),
        ("phistar/result.py", "from phistar import interface", "higher room"),
        ("phistar/rows.py", "import tensorflow", "tensorflow"),
        ("pipeline/run/command.py", "from phistar.guest import guest", "above"),
        ("components/train.py", "from phistar import result", "above"),
        ("pipeline/run/process.py", "from components import train", "write phistar."),
        ("pipeline/record/journal.py", "import phistar.pipeline.tracking", "higher"),
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
def test_planted_violation_is_found(file, line, word):
    (problem,) = added(file, line)
    assert problem.startswith(f"{file}:")
    assert word in problem


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("components/data/encoders/images.py", "import tensorflow as tf"),
        ("components/tasks/binary.py", "from phistar.components.networks import mlp"),
        (
            "components/networks/mlp.py",
            "from phistar.components.networks import network",
        ),
        ("components/artifacts.py", "np.load(p, allow_pickle=False)"),
        ("pipeline/run/process.py", "from phistar.components import train"),
        ("pipeline/run/process.py", "from phistar import HERE"),
        ("phistar/result.py", "from phistar.rows import read"),
        ("phistar/result.py", "from phistar.components import artifacts"),
    ],
)
def test_allowed_line_is_not(file, line):
    assert not added(file, line)
