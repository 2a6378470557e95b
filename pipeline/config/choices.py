"""Tables of names, read without importing them.

A table is a function that is nothing but a docstring and a `match` on its argument:

    def network(name):
        match name:
            case "mlp":
                from phistar.components.networks.mlp import mlp

                return mlp
            case _:
                raise ValueError(...)

Each case imports a symbol and returns it, or raises. So a name leads to a file and a
symbol by reading the syntax tree; nothing is imported to find them.
"""

import ast
from functools import cache
from pathlib import Path

# Config keys whose value chooses a function with keys of its own: key -> table.
TABLES = {
    "task.name": "components/tasks/__init__.py",
    "ingest.source": "components/data/sources/__init__.py",
    "build.network": "components/networks/__init__.py",
    "train.optimizer": "components/training/optimizers.py",
}
KIND = "kind"  # of the data: no config key, the opened source knows it
# Every table of components/ -> what chooses one of its names: a config key, or KIND.
CHOSEN_BY = {file: key for key, file in TABLES.items()} | {
    "components/labels.py": "task.name",
    "components/reports/__init__.py": "task.name",
    "components/serving/__init__.py": "task.name",
    "components/data/kinds/__init__.py": KIND,
    "components/data/encoders/__init__.py": KIND,
    "components/data/encoders/tokenizers/__init__.py": "task.tokenizer",
}


def names(path: Path) -> list[str]:
    """The names that the table in `path` knows, in the order it lists them."""
    return list(_cases(Path(path)))


def chosen(path: Path, name: str) -> tuple[Path, str]:
    """The file and symbol that the table in `path` returns for `name`.

    Args:
        path: the file that holds the table, somewhere below a source root.
        name: one of `names(path)`.

    Returns:
        (file, symbol): the file that defines it, and its name there.
    Raises:
        ValueError: unknown name; a file without one table; a case of another shape.
    """
    path = Path(path)
    cases = _cases(path)
    if name not in cases:
        raise ValueError(
            f"{path} has no case for this name. Received: {name!r}. "
            f"Expected one of: {', '.join(cases)}."
        )
    tree = _tree(path)
    imports = [n for n in [*tree.body, *cases[name]] if isinstance(n, ast.ImportFrom)]
    returned = cases[name][-1].value
    if isinstance(returned, ast.Name):
        for node in imports:
            for alias in node.names:
                if (alias.asname or alias.name) == returned.id:
                    return _module_file(path, node), alias.name
        return path, returned.id
    raise ValueError(
        f"The case {name!r} in {path} cannot be followed. "
        f"Received: `return {ast.unparse(returned)}`. "
        "Expected `from phistar.components.… import f` and `return f`, or `return f` "
        "with f defined in the same file."
    )


def is_table(node: ast.stmt) -> bool:
    """True if a top-level statement is a table as described above."""
    if not isinstance(node, ast.FunctionDef) or not node.args.args:
        return False
    described = ast.get_docstring(node, clean=False) is not None
    body = node.body[1:] if described else node.body
    if len(body) != 1 or not isinstance(body[0], ast.Match):
        return False
    match = body[0]
    argument = isinstance(match.subject, ast.Name) and (
        match.subject.id == node.args.args[0].arg
    )
    return argument and all(_is_entry(case) for case in match.cases)


def _is_entry(case: ast.match_case) -> bool:
    *imports, last = case.body
    return isinstance(last, ast.Return | ast.Raise) and all(
        isinstance(node, ast.Import | ast.ImportFrom) for node in imports
    )


def _cases(path: Path) -> dict[str, list[ast.stmt]]:
    tables = [node for node in _tree(path).body if is_table(node)]
    if len(tables) != 1:
        found = ", ".join(node.name for node in tables) or "none"
        raise ValueError(
            f"{path} must hold one table of names. Received: {found}. Expected one "
            "function of a docstring and a `match` whose cases import and return."
        )
    cases = {}
    for case in tables[0].body[-1].cases:
        if isinstance(case.body[-1], ast.Return):
            options = getattr(case.pattern, "patterns", [case.pattern])  # "a" | "b"
            for option in options:
                if isinstance(option, ast.MatchValue):
                    cases[ast.literal_eval(option.value)] = case.body
    return cases


def _tree(path: Path) -> ast.Module:
    return _parsed(path.read_bytes(), str(path))


@cache
def _parsed(source: bytes, file: str) -> ast.Module:
    return ast.parse(source, filename=file)


def _module_file(path: Path, node: ast.ImportFrom) -> Path:
    """The file of the module that `from … import` names, as seen from `path`."""
    parts = node.module.removeprefix("phistar.").split(".") if node.module else []
    if node.level:
        folder = path.parents[node.level - 1]
    else:
        above = [p for p in path.absolute().parents if p.name == parts[0]]
        if not above:
            raise ValueError(
                f"{path} takes a case from outside its own package. "
                f"Received: {node.module}. Expected a module of {path.parent.name}."
            )
        folder = above[0].parent
    target = folder.joinpath(*parts)
    package = target / "__init__.py"
    return package if package.is_file() else target.with_suffix(".py")
