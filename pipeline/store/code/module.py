"""A source file, read without importing it: its symbols and the names they use.

A symbol is a name bound at a module's top level: a function, a class (one unit, with
its methods) or an assigned name. Other statements at the top level run on import and
belong to the module as a whole; they are its effects. `if TYPE_CHECKING` and
`if __name__ == "__main__"` do not run, so they are left out.
"""

import ast
import hashlib
from functools import cache, cached_property
from pathlib import Path

from pipeline.store.code.uses import DEFINITIONS, Import, Use, inside, stored, uses


class Module:
    """One parsed file.

    Args:
        name: "components.losses".
        path: of the file.
        file: the same below the root, with slashes, as the hashes name it.
        source: its content.

    Attributes:
        symbols: name -> the statements that bind it.
        imports: name -> the imports that bind it.
        stars: modules imported with `*`.
        runs: all imports at the top level.
        effects: statements that run on import.
        bound: names that the effects bind.
    """

    def __init__(self, name: str, path: Path, file: str, source: bytes):
        self.name, self.path, self.file = name, path, file
        self.package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        tree = ast.parse(source, filename=str(path))
        nodes = inside(tree, scopes=())
        _remove_docstrings(nodes)
        self.symbols: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, list[Import]] = {}
        self.stars: list[str] = []
        self.runs: list[Import] = []
        self.effects: list[ast.stmt] = []
        self.bound: set[str] = set()
        self._uses: dict[int, set] = {}
        for node in tree.body:
            self._add(node)
        self._named = {node.id for node in nodes if isinstance(node, ast.Name)}

    def _add(self, node: ast.stmt) -> None:
        """Sort a statement of the top level into symbols, imports or effects."""
        if isinstance(node, DEFINITIONS):
            self.symbols.setdefault(node.name, []).append(node)
        elif _assigns_names(node):
            for name in stored(inside(node)):
                self.symbols.setdefault(name, []).append(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif not _never_runs(node):
            self.effects.append(node)
            self.bound |= stored(inside(node))
            # an `if` or `try` at the top level may import
            for child in inside(node, scopes=()):
                if isinstance(child, ast.Import | ast.ImportFrom):
                    self._import(child)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Record an import statement of the top level."""
        plain = isinstance(node, ast.Import)
        self.runs += [Import(a.name) for a in node.names] if plain else []
        for name, found in self.bindings(node):
            self.runs += [] if plain else [found]
            if name == "*":
                self.stars.append(found.module)
            else:
                self.imports.setdefault(name, []).append(found)

    def bindings(self, node: ast.Import | ast.ImportFrom) -> list[tuple[str, Import]]:
        """The names that an import statement binds, and the imports they are bound to.

        Args:
            node: an import statement anywhere in this module.
        """
        if isinstance(node, ast.Import):
            # `import a.b` binds a, `import a.b as c` binds c to a.b
            return [
                (a.asname, Import(a.name)) if a.asname else (top, Import(top))
                for a in node.names
                for top in [a.name.split(".")[0]]
            ]
        module = node.module or ""
        # one dot is the module's own package, each further one the package above
        if node.level:
            above = self.package.split(".")
            above = above[: len(above) - node.level + 1]
            module = ".".join([*above, *filter(None, [module])])
        return [(a.asname or a.name, Import(module, a.name)) for a in node.names]

    @cached_property
    def unnamed(self) -> list[Import]:
        """Imports of the top level whose name this file does not use."""
        return [
            found
            for name, imports in self.imports.items()
            if name not in self._named
            for found in imports
        ]

    def uses(self, node: ast.stmt) -> set[Use]:
        """Uses of a statement of this module (see uses.py), remembered."""
        if id(node) not in self._uses:
            self._uses[id(node)] = uses(node, self.bindings)
        return self._uses[id(node)]


@cache
def digest(node: ast.stmt) -> str:
    """Hash of a statement's syntax, without comments, docstrings and formatting."""
    return hashlib.sha256(ast.dump(node).encode()).hexdigest()[:16]


def _assigns_names(node: ast.stmt) -> bool:
    """True if it is an assignment to names only, not to an element or attribute."""
    return isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and not any(
        isinstance(child, ast.Attribute | ast.Subscript)
        and isinstance(child.ctx, ast.Store)
        for child in inside(node, scopes=())
    )


def _never_runs(node: ast.stmt) -> bool:
    """True if the statement is an `if` whose test is false when a stage runs."""
    tests = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
    return (
        isinstance(node, ast.If) and not node.orelse and ast.unparse(node.test) in tests
    )


def _remove_docstrings(nodes: list[ast.AST]) -> None:
    """Take the bare strings out of modules, classes and functions."""
    for node in nodes:
        if isinstance(node, (ast.Module, *DEFINITIONS)):
            kept = [child for child in node.body if not _is_text(child)]
            node.body = kept if kept or isinstance(node, ast.Module) else [ast.Pass()]


def _is_text(node: ast.stmt) -> bool:
    """A bare string: a docstring, of a definition or of the line above it."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
