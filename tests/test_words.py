"""The rules of the words: docstrings in plain English, and the style of annotations.

A docstring begins with a noun or an imperative verb, and its sentences are short.
pipeline/ and phistar/ are annotated everywhere. components/ is not, but for the keys of
the config (keyword-only arguments) and the fields of classes.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.helpers.words import MAX_WORDS, sentences

ROOT = Path(__file__).parents[1]
FOLDERS = ("components", "phistar", "pipeline")
QUESTIONS = ("what", "how", "whether", "where", "which", "when", "who", "why", "that")
# The base form is an imperative, as in "Write the manifest.".
THIRD_PERSON = """
adds allows applies asks begins brings builds chooses closes collects compares computes
converts creates decides decodes defines describes does downloads encodes feeds fetches
finds fits follows forgets gathers gets gives goes handles has holds is keeps knows
leaves lets loads makes opens parses picks prepares produces provides puts raises reads
rebuilds receives refuses registers removes renames replaces represents resolves
restores returns rewrites saves says searches sees sends serves shows skips takes tells
tries unpacks validates verifies waits warns watches wraps writes yields
"""
# Plural nouns too, as in "Counts of train": so these are verbs only before an object.
PERHAPS = """
answers calls checks copies counts cuts draws ends hashes imports joins lists logs looks
maps measures moves needs packs passes prints reports runs samples scores sets splits
starts stops stores trains turns updates uses walks
"""
OBJECT = re.compile(r"\w+ (?:(?:a|all|an|each|every|it|the|up|what)\b|`)")
DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def violations(root: Path) -> list[str]:
    """Places below `root` that break a rule, one "file:line: reason" for each."""
    found = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            file = path.relative_to(root).as_posix()
            for node in ast.walk(ast.parse(path.read_text("utf-8"), file)):
                problems = word_problems(node) + annotation_problems(file, node)
                line = getattr(node, "lineno", 1)
                found += [f"{file}:{line}: {problem}" for problem in problems]
    return found


def word_problems(node: ast.AST) -> list[str]:
    """Problems of the docstring of a module, class or function; [] for other nodes."""
    if not isinstance(node, DEFINITIONS) or not (text := ast.get_docstring(node)):
        return []
    problems = []
    first = re.match(r"\w*", text).group().lower()
    verb = first in PERHAPS.split() and OBJECT.match(text)
    if verb or first in (*QUESTIONS, *THIRD_PERSON.split()):
        start = text.splitlines()[0]
        problems.append(f"begin with a noun or an imperative verb, not {start!r}")
    for sentence in sentences(text):
        if (number := len(sentence.split())) > MAX_WORDS:
            problems.append(f"{number} words in {sentence!r}")
    return problems


def annotation_problems(file: str, node: ast.AST) -> list[str]:
    """Missing annotations of pipeline/ and phistar/, needless ones of components/."""
    if not isinstance(node, FUNCTIONS):
        return []
    arguments = [*node.args.posonlyargs, *node.args.args]
    arguments += filter(None, [node.args.vararg, node.args.kwarg])
    if file.startswith("components/"):
        named = [a.arg for a in arguments if a.annotation]
        named += ["its result"] if node.returns else []
        return [f"{node.name} annotates {name}" for name in named]
    arguments = [
        a
        for a in [*arguments, *node.args.kwonlyargs]
        if not a.annotation and a.arg not in ("self", "cls")
    ]
    named = [a.arg for a in arguments]
    if not node.returns and node.name != "__init__":
        named.append("its result")
    return [f"{node.name} does not annotate {name}" for name in named]


def test_source_holds_the_rules():
    found = violations(ROOT)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("components/new.py", '"""What a module is."""'),
        ("components/new.py", 'def f():\n    """Whether it is."""'),
        ("components/new.py", 'class C:\n    """Sends a batch."""'),
        ("components/new.py", '"""Counts the tokens."""'),
        ("components/new.py", f'"""Words: {"word " * 30}end."""'),
        (
            "components/new.py",
            f'def f(x):\n    """Sum.\n\n    Args:\n        x: {"word " * 31}\n    """',
        ),
        ("components/new.py", "def f(x: int):\n    pass"),
        ("components/new.py", "def f() -> int:\n    pass"),
        ("pipeline/new.py", "def f(x) -> int:\n    pass"),
        ("pipeline/new.py", "def f(*, x) -> int:\n    pass"),
        ("pipeline/new.py", "def f(x: int):\n    pass"),
        ("phistar/new.py", "def f(x) -> int:\n    pass"),
    ],
)
def test_planted_violation_is_found(tmp_path, file, code):
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(code, encoding="utf-8")
    (problem,) = violations(tmp_path)
    assert problem.startswith(f"{file}:1: ")


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("components/new.py", '"""Mean -ln P of a split."""'),
        ("components/new.py", '"""Counts of the tokens."""'),
        ("components/new.py", 'def f(x, *, y: int = 2):\n    """Write x."""'),
        ("components/new.py", f'"""{"word " * 20}end. {"Word " * 20}end."""'),
        ("components/new.py", f'"""Table.\n\n    {"a | b " * 40}\n\nEnd.\n"""'),
        ("components/new.py", "class C:\n    x: int = 0"),
        ("pipeline/new.py", "def f(x: int, *, y: str) -> None:\n    pass"),
        ("pipeline/new.py", "class C:\n    def __init__(self):\n        pass"),
        ("pipeline/new.py", "f = lambda x: x"),
    ],
)
def test_allowed_words_are_not(tmp_path, file, code):
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(code, encoding="utf-8")
    assert violations(tmp_path) == []
