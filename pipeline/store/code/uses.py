"""Uses in a piece of syntax: the names it takes from the module around it.

A use is (binding, attributes): `losses.hinge.x` under `from components import losses`
is (Import("components", "losses"), ("hinge", "x")); a name of the module itself is
("log_prob", ()). Annotations are not uses: they say what a value is, and change none.
"""

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Import(NamedTuple):
    """`import module` (symbol None) or `from module import symbol`."""

    module: str
    symbol: str | None = None


Use = tuple[Import | str, tuple[str, ...]]
Bindings = Callable[[ast.Import | ast.ImportFrom], list[tuple[str, Import]]]


def uses(node: ast.stmt, bindings: Bindings) -> set[Use]:
    """All uses in a statement.

    Args:
        node: a statement at the top level of a module.
        bindings: what an import statement of that module binds.
    """
    visitor = _Uses(bindings)
    visitor.visit(node)
    return visitor.found


class _Uses(ast.NodeVisitor):
    """Collect uses, leaving out the names that are local to a function."""

    def __init__(self, bindings: Bindings):
        self.bindings = bindings
        self.found = set()
        self.scopes: list[dict[str, list[Import]]] = []

    def use(self, name: str, attributes: tuple[str, ...] = ()) -> None:
        for scope in reversed(self.scopes):
            if name in scope:
                self.found |= {(found, attributes) for found in scope[name]}
                return
        self.found.add((name, attributes))

    def visit_Name(self, node: ast.AST) -> None:
        self.use(node.id)

    def visit_Global(self, node: ast.AST) -> None:
        for name in node.names:
            self.found.add((name, ()))

    def visit_Attribute(self, node: ast.AST) -> None:
        attributes, base = [], node
        while isinstance(base, ast.Attribute):
            attributes.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            self.use(base.id, tuple(attributes))
        else:
            self.visit(base)

    def visit_Import(self, node: ast.AST) -> None:
        # Importing runs a module, whether or not its name is used.
        for _, found in self.bindings(node):
            self.found.add((found, ("__name__",)))
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.found.add((Import(alias.name), ("__name__",)))

    visit_ImportFrom = visit_Import

    def visit_AnnAssign(self, node: ast.AST) -> None:
        for child in filter(None, [node.target, node.value]):
            self.visit(child)

    def visit_ClassDef(self, node: ast.AST) -> None:
        # A name bound in the body is taken for the module's too: once too often.
        for child in [*node.decorator_list, *node.bases, *node.keywords, *node.body]:
            self.visit(child)

    def visit_FunctionDef(self, node: ast.AST) -> None:
        outside = [*getattr(node, "decorator_list", []), *node.args.defaults]
        for child in [*outside, *filter(None, node.args.kw_defaults)]:
            self.visit(child)
        body = node.body if isinstance(node.body, list) else [node.body]
        self.scopes.append(self._locals(node.args, body))
        for child in body:
            self.visit(child)
        self.scopes.pop()

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_comprehension_expression(self, node: ast.AST) -> None:
        self.visit(node.generators[0].iter)  # belongs to the scope around it
        targets = [g.target for g in node.generators]
        self.scopes.append({n: [] for t in targets for n in stored(t)})
        self.generic_visit(node)
        self.scopes.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_comprehension_expression
    visit_GeneratorExp = visit_comprehension_expression

    def _locals(self, arguments: ast.arguments, body: list) -> dict[str, list[Import]]:
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        given += filter(None, [arguments.vararg, arguments.kwarg])
        names = {argument.arg: [] for argument in given}
        for node in body:
            names |= {name: [] for name in stored(node)}
        outer = set()
        for node in body:
            for child in _inside(node):
                if isinstance(child, ast.Import | ast.ImportFrom):
                    for name, found in self.bindings(child):
                        names.setdefault(name, []).append(found)
                elif isinstance(child, ast.Global | ast.Nonlocal):
                    outer |= set(child.names)
        return {name: found for name, found in names.items() if name not in outer}


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The node and those below it that belong to the same scope."""
    yield node
    if not isinstance(node, FUNCTIONS | ast.ClassDef | COMPREHENSIONS):
        for child in ast.iter_child_nodes(node):
            yield from _inside(child)


def stored(node: ast.AST) -> set[str]:
    """The names that a node binds in its own scope, imports left out."""
    names = set()
    for child in _inside(node):
        if isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            names.add(child.id)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(child.name)
        elif isinstance(child, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            names |= {child.name} - {None}
        elif isinstance(child, ast.MatchMapping):
            names |= {child.rest} - {None}
    return names
