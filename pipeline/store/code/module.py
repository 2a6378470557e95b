"""A source file, read without importing it: its symbols and the names they use.

A symbol is a name bound at a module's top level: a function, a class (one unit, with
its methods) or an assigned name. Other statements at the top level run on import and
belong to the module as a whole; they are its effects. `if TYPE_CHECKING` and
`if __name__ == "__main__"` do not run, so they are left out.
"""

import ast
import hashlib
from typing import NamedTuple

from phistar.pipeline.config.choices import is_table
from phistar.pipeline.store.code.uses import (
    DEFINITIONS,
    Import,
    Use,
    inside,
    stored,
    uses,
)

Statement = tuple[str, list[Use]]  # the hash of its syntax, and its uses


class Module(NamedTuple):
    """The facts of one file; marshal can write the tuple of them.

    Args:
        name: "components.losses".
        symbols: name -> the statements that bind it.
        tables: the symbols that are tables of names.
        imports: name -> the imports that bind it.
        stars: modules imported with `*`.
        runs: all imports at the top level.
        unnamed: imports of the top level whose name this file does not use.
        effects: statements that run on import.
        bound: names that the effects bind.
    """

    name: str
    symbols: dict[str, list[Statement]]
    tables: list[str]
    imports: dict[str, list[Import]]
    stars: list[str]
    runs: list[Import]
    unnamed: list[Import]
    effects: list[Statement]
    bound: set[str]


def read(file: str, source: bytes) -> Module:
    """The facts of a file.

    Args:
        file: its path below the root, "components/losses.py".
        source: its content.

    Raises:
        SyntaxError: it is not Python.
    """
    return _Reader(file, ast.parse(source, filename=file)).module


class _Reader:
    """One walk over a file's top level; `module` is the result.

    Args:
        file: its path below the root.
        tree: its syntax.
    """

    def __init__(self, file: str, tree: ast.Module):
        name = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        is_package = file.endswith("/__init__.py")
        self.package = name if is_package else name.rpartition(".")[0]
        tables = [node.name for node in tree.body if is_table(node)]
        self.module = Module(name, {}, tables, {}, [], [], [], [], set())
        nodes = inside(tree, scopes=())
        _remove_docstrings(nodes)
        for node in tree.body:
            self.add(node)
        named = {node.id for node in nodes if isinstance(node, ast.Name)}
        for name, found in self.module.imports.items():
            if name not in named:
                self.module.unnamed.extend(found)

    def add(self, node: ast.stmt) -> None:
        """Sort a statement of the top level into symbols, imports or effects."""
        module = self.module
        if isinstance(node, DEFINITIONS):
            module.symbols.setdefault(node.name, []).append(self.statement(node))
        elif _assigns_names(node):
            for name in stored(inside(node)):
                module.symbols.setdefault(name, []).append(self.statement(node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.add_import(node)
        elif not _never_runs(node):
            module.effects.append(self.statement(node))
            module.bound.update(stored(inside(node)))
            # an `if` or `try` at the top level may import
            for child in inside(node, scopes=()):
                if isinstance(child, ast.Import | ast.ImportFrom):
                    self.add_import(child)

    def add_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Record an import statement of the top level."""
        plain = isinstance(node, ast.Import)
        self.module.runs.extend((a.name, None) for a in node.names if plain)
        for name, found in self.bindings(node):
            self.module.runs.extend([] if plain else [found])
            if name == "*":
                self.module.stars.append(found[0])
            else:
                self.module.imports.setdefault(name, []).append(found)

    def bindings(self, node: ast.Import | ast.ImportFrom) -> list[tuple[str, Import]]:
        """The names that an import statement binds, and the imports they are bound to.

        Args:
            node: an import statement anywhere in this module.
        """
        if isinstance(node, ast.Import):
            # `import a.b` binds a, `import a.b as c` binds c to a.b
            return [
                (a.asname, (a.name, None)) if a.asname else (top, (top, None))
                for a in node.names
                for top in [a.name.split(".")[0]]
            ]
        module = node.module or ""
        # one dot is the module's own package, each further one the package above
        if node.level:
            above = self.package.split(".")
            above = above[: len(above) - node.level + 1]
            module = ".".join([*above, *filter(None, [module])])
        return [(a.asname or a.name, (module, a.name)) for a in node.names]

    def statement(self, node: ast.stmt) -> Statement:
        """The hash of a statement, without comments and formatting, and its uses."""
        digest = hashlib.sha256(ast.dump(node).encode()).hexdigest()[:16]
        return digest, list(uses(node, self.bindings))


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
