"""A source file, read without importing it: its symbols and the names they use.

A symbol is what a module binds at its top level: a function, a class (one unit, with
its methods), an assigned name. Other statements at the top level run on import and
belong to the module as a whole; they are its effects. `if TYPE_CHECKING` and
`if __name__ == "__main__"` do not run, so they are nothing.
"""

import ast
import hashlib
from functools import cache, cached_property
from pathlib import Path

from pipeline.store.code.uses import FUNCTIONS, Import, Use, stored, uses


class Module:
    """One parsed file. `symbols` name -> statements, `imports` name -> [Import],
    `stars` modules imported with *, `runs` all that is imported at the top level,
    `effects` statements, `bound` the names they bind.
    """

    def __init__(self, name: str, path: Path, source: bytes):
        self.name = name
        self.path = path
        self.package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        tree = _without_docstrings(ast.parse(source, filename=str(path)))
        self.symbols: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, list[Import]] = {}
        self.stars: list[str] = []
        self.runs: list[Import] = []
        self.effects: list[ast.stmt] = []
        self.bound: set[str] = set()
        self._uses: dict[int, set] = {}
        for node in tree.body:
            self._add(node)
        self._named = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}

    def _add(self, node: ast.stmt) -> None:
        if isinstance(node, FUNCTIONS | ast.ClassDef):
            self.symbols.setdefault(node.name, []).append(node)
        elif _assigns_names(node):
            for name in stored(node):
                self.symbols.setdefault(name, []).append(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif not _never_runs(node):
            self.effects.append(node)
            self.bound |= stored(node)
            for child in ast.walk(node):
                if isinstance(child, ast.Import | ast.ImportFrom):
                    self._import(child)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        plain = isinstance(node, ast.Import)
        self.runs += [Import(a.name) for a in node.names] if plain else []
        for name, found in self.bindings(node):
            self.runs += [] if plain else [found]
            if name == "*":
                self.stars.append(found.module)
            else:
                self.imports.setdefault(name, []).append(found)

    def bindings(self, node: ast.Import | ast.ImportFrom) -> list[tuple[str, Import]]:
        """The names that an import statement binds, and to what."""
        if isinstance(node, ast.Import):
            return [
                (a.asname, Import(a.name)) if a.asname else (top, Import(top))
                for a in node.names
                for top in [a.name.split(".")[0]]
            ]
        module = node.module or ""
        if node.level:
            above = self.package.split(".")
            above = above[: len(above) - node.level + 1]
            module = ".".join([*above, *filter(None, [module])])
        return [(a.asname or a.name, Import(module, a.name)) for a in node.names]

    @cached_property
    def unnamed(self) -> list[Import]:
        """Imports at the top level whose names the file does not use."""
        return [
            found
            for name, imports in self.imports.items()
            if name not in self._named
            for found in imports
        ]

    def uses(self, node: ast.stmt) -> set[Use]:
        """Uses in a statement of this module (see uses.py)."""
        if id(node) not in self._uses:
            self._uses[id(node)] = uses(node, self.bindings)
        return self._uses[id(node)]


@cache
def digest(node: ast.stmt) -> str:
    """A hash of a statement's syntax: not of comments, docstrings or formatting."""
    return hashlib.sha256(ast.dump(node).encode()).hexdigest()[:16]


def _assigns_names(node: ast.stmt) -> bool:
    """True if it assigns to names alone, not to an element or attribute."""
    return isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and not any(
        isinstance(child, ast.Attribute | ast.Subscript)
        and isinstance(child.ctx, ast.Store)
        for child in ast.walk(node)
    )


def _never_runs(node: ast.stmt) -> bool:
    tests = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
    return (
        isinstance(node, ast.If) and not node.orelse and ast.unparse(node.test) in tests
    )


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef) or (
            isinstance(node, FUNCTIONS) and isinstance(node.body, list)
        ):
            kept = [child for child in node.body if not _is_text(child)]
            node.body = kept if kept or isinstance(node, ast.Module) else [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    """A bare string: a docstring, of a definition or of the line above it."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
