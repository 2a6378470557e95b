"""Uses of a piece of syntax: the names it takes from the module around it.

A use is (binding, attributes). Under `from phistar.components import losses`,
`losses.hinge.x` is (("phistar.components", "losses"), ("hinge", "x")); a name of the
module itself is ("log_prob", ()). Annotations are not uses: they describe values, and
change none.
"""

import ast
from collections.abc import Callable

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*DEFINITIONS, ast.Lambda, *COMPREHENSIONS)

# ("a.b", None) is `import a.b`, ("a", "b") is `from a import b`.
Import = tuple[str, str | None]
Use = tuple[Import | str, tuple[str, ...]]
Bindings = Callable[[ast.Import | ast.ImportFrom], list[tuple[str, Import]]]


def uses(node: ast.stmt, bindings: Bindings) -> set[Use]:
    """All uses in a statement.

    Args:
        node: a statement at the top level of a module.
        bindings: function of an import statement -> the names it binds.
    """
    visitor = _Uses(bindings)
    visitor.visit(node)
    return visitor.found


class _Uses(ast.NodeVisitor):
    """A visitor that collects uses; names local to a function are left out.

    Args:
        bindings: function of an import statement -> the names it binds.
    """

    def __init__(self, bindings: Bindings):
        self.bindings = bindings
        self.found = set()
        self.scopes: list[dict[str, list[Import]]] = []

    def generic_visit(self, node: ast.AST) -> None:
        for child in below(node):
            self.visit(child)

    def use(self, name: str, attributes: tuple[str, ...] = ()) -> None:
        """Record the use of a name, by the innermost scope that binds it."""
        for scope in reversed(self.scopes):
            if name in scope:
                self.found |= {(found, attributes) for found in scope[name]}
                return
        self.found.add((name, attributes))

    def visit_Name(self, node: ast.Name) -> None:
        self.use(node.id)

    def visit_Global(self, node: ast.Global) -> None:
        for name in node.names:
            self.found.add((name, ()))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # a chain of attributes is one use: it may lead through packages
        attributes, base = [], node
        while isinstance(base, ast.Attribute):
            attributes.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            self.use(base.id, tuple(attributes))
        else:
            self.visit(base)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        # an import runs a module, even if its name is not used
        for _, found in self.bindings(node):
            self.found.add((found, ("__name__",)))
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.found.add(((alias.name, None), ("__name__",)))

    visit_ImportFrom = visit_Import

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        for child in filter(None, [node.target, node.value]):
            self.visit(child)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        # A name bound in the body is taken for the module's name too. That may reach
        # too much code, but never too little.
        for child in [*node.decorator_list, *node.bases, *node.keywords, *node.body]:
            self.visit(child)

    def visit_FunctionDef(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    ) -> None:
        # decorators and defaults belong to the scope around the function
        outside = [*getattr(node, "decorator_list", []), *node.args.defaults]
        for child in [*outside, *filter(None, node.args.kw_defaults)]:
            self.visit(child)
        body = node.body if isinstance(node.body, list) else [node.body]
        self.scopes.append(self._locals(node.args, body))
        for child in body:
            self.visit(child)
        self.scopes.pop()

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_comprehension_expression(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        self.visit(node.generators[0].iter)  # belongs to the scope around it
        targets = inside(*(g.target for g in node.generators))
        self.scopes.append({name: [] for name in stored(targets)})
        self.generic_visit(node)
        self.scopes.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_comprehension_expression
    visit_GeneratorExp = visit_comprehension_expression

    def _locals(self, arguments: ast.arguments, body: list) -> dict[str, list[Import]]:
        """Names local to a function -> the imports that bind them, [] if none does."""
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        given += filter(None, [arguments.vararg, arguments.kwarg])
        nodes, outer = inside(*body), set()
        names = {name: [] for name in [*(a.arg for a in given), *stored(nodes)]}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, found in self.bindings(node):
                    names.setdefault(name, []).append(found)
            elif isinstance(node, ast.Global | ast.Nonlocal):
                outer |= set(node.names)
        return {name: found for name, found in names.items() if name not in outer}


def below(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node; those without any content (`Load`) left out."""
    found = []
    for name in node._fields:
        value = getattr(node, name)
        if isinstance(value, list):
            found += [child for child in value if isinstance(child, ast.AST)]
        elif isinstance(value, ast.AST) and value._fields:
            found.append(value)
    return found


def inside(*nodes: ast.AST, scopes: tuple[type, ...] = SCOPES) -> list[ast.AST]:
    """The nodes and all below them, but for what is inside of other scopes."""
    found = list(nodes)
    for node in found:  # it grows
        if not isinstance(node, scopes):
            found += below(node)
    return found


def stored(nodes: list[ast.AST]) -> set[str]:
    """The names that the nodes of one scope bind, imports left out."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            names |= set() if isinstance(node.ctx, ast.Load) else {node.id}
        elif isinstance(node, DEFINITIONS):
            names.add(node.name)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            names |= {node.name} - {None}
        elif isinstance(node, ast.MatchMapping):
            names |= {node.rest} - {None}
    return names
