"""The code that a stage can reach: symbols of files, found by their syntax.

From an entry point, every name is followed through the imports of the entry's own
package (`components`) to its symbol. Other packages that a reached symbol names are its
libraries. Where a use cannot be followed to one symbol (a module passed as a value,
`getattr`), all symbols of that module count. A table of names is followed to the
chosen name alone, so a network that was not chosen is not reached.

Not seen: modules named by strings (`import_module`), files run as scripts, data files.
"""

import sys
from pathlib import Path

from phistar.pipeline.config.choices import CHOSEN_BY, chosen
from phistar.pipeline.store.code.facts import facts
from phistar.pipeline.store.code.module import Module, Statement
from phistar.pipeline.store.code.uses import Import

ROOT = Path(__file__).parents[3]
TOP_LEVEL = "(top level)"
OURS = "phistar."  # how the code imports itself; a file's name here leaves it out
HARMLESS = ("__name__", "__file__", "__doc__", "__package__", "__path__")


def code(
    entries: list[tuple[str, str]],
    choices: dict[str, str] | None = None,
    root: Path = ROOT,
) -> tuple[dict[str, str], set[str]]:
    """Hash all code that can be reached.

    Args:
        entries: (file, symbol) to start from; files relative to `root`.
        choices: file of a table, a key of `choices.CHOSEN_BY` -> the chosen name.
        root: the folder that holds `components/`.

    Returns:
        ({"file:symbol": hash}, third-party packages by the name they are imported by).
        Comments, docstrings and formatting are not hashed.

    Raises:
        ValueError: if an entry does not exist.
        SyntaxError: if a reached file is not Python.
    """
    reach = _Reach(Path(root), choices or {})
    for file, symbol in entries:
        reach.entry(file, symbol)
        reach.facts.save()
    return dict(sorted(reach.hashes.items())), reach.libraries


class _Reach:
    """One walk over the code, with the symbols and libraries found so far.

    Args:
        root: the folder that holds `components/`.
        choices: file of a table -> (file, symbol) of the chosen case.
    """

    def __init__(self, root: Path, choices: dict):
        self.root = root
        self.choices = choices
        self.hashes: dict[str, str] = {}
        self.libraries: set[str] = set()
        self.ran: set[str] = set()
        self.done: set[tuple[str, str]] = set()
        self.names: dict[tuple, bool] = {}
        self.modules: dict[str, Module | None] = {}
        self.files: dict[str, str] = {}
        self.package, self.facts = None, None

    def entry(self, file: str, symbol: str) -> None:
        """Follow a symbol of a file, its module's import included."""
        parts = Path(file).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self.package = parts[0]
        self.facts = facts(self.root, self.package)
        module = self.module(name)
        if module is None or symbol not in module.symbols:
            raise ValueError(
                f"no such symbol. Received: {symbol!r} of {file} below {self.root}. "
                "Expected a function or class at the top level of that file."
            )
        self.run(module)
        self.symbol(module, symbol)

    def module(self, name: str) -> Module | None:
        """The module called `name`, or None if our package has no file for it."""
        name = name.removeprefix(OURS)
        if name not in self.modules:
            self.modules[name] = None
            path = name.replace(".", "/")
            for file in (f"{path}/__init__.py", f"{path}.py"):
                ours = name.split(".")[0] == self.package
                if ours and (self.root / file).is_file():
                    self.files[name] = file
                    self.modules[name] = self.facts.module(file)
                    break
        return self.modules[name]

    def run(self, module: Module) -> None:
        """Follow all that the import of a module runs: packages, imports, effects."""
        if module.name in self.ran:
            return
        self.ran.add(module.name)
        # `from a import b` runs a, and a.b if that is a module
        imports = [module.name.rpartition(".")[0]]
        for imported, symbol in module.runs:
            imports += [imported, f"{imported}.{symbol}"]
        for imported in filter(None, map(self.module, imports)):
            self.run(imported)
        # an import for its side effect only: nothing else would lead to its library
        for imported, _ in module.unnamed:
            self.library(imported)
        self.statements(module, TOP_LEVEL, module.effects)

    def symbol(self, module: Module, name: str) -> None:
        """Hash a symbol and follow its uses; of a table, follow the chosen case."""
        if (module.name, name) in self.done:
            return
        self.done.add((module.name, name))
        file = self.files[module.name]
        if file in CHOSEN_BY and name in module.tables:
            if file in self.choices:
                path, symbol = chosen(self.root / file, self.choices[file])
                self.entry(path.relative_to(self.root).as_posix(), symbol)
        else:
            self.statements(module, name, module.symbols[name])

    def statements(self, module: Module, name: str, made: list[Statement]) -> None:
        """Hash the statements that make a symbol, and follow their uses."""
        if made:
            label = f"{self.files[module.name]}:{name}"
            self.hashes[label] = "".join(digest for digest, _ in made)
        for _, uses in made:
            for found, attributes in uses:
                if isinstance(found, str):
                    self.name(module, found, attributes)
                else:
                    self.imported(found, attributes)

    def name(self, module: Module, name: str, attributes: tuple[str, ...]) -> bool:
        """Follow a name in a module's scope; False if the module does not bind it."""
        here = (module.name, name, attributes)
        if here in self.names:
            return self.names[here]
        self.names[here] = True  # imports may go in circles
        if name in module.symbols:
            self.symbol(module, name)
        for found in module.imports.get(name, []):
            if found == (module.name, name):  # `from . import losses`
                self.attribute(f"{module.name}.{name}", attributes)
            else:
                self.imported(found, attributes)
        if not any(name in m for m in (module.symbols, module.imports, module.bound)):
            # bound by none of its statements: a `from x import *` may bind it
            starred = filter(None, map(self.module, module.stars))
            found = [self.name(other, name, attributes) for other in starred]
            self.names[here] = any(found)
        return self.names[here]

    def imported(self, found: Import, attributes: tuple[str, ...]) -> None:
        """Follow the attributes of an imported name."""
        module, symbol = found
        self.attribute(module, attributes if symbol is None else (symbol, *attributes))

    def attribute(self, name: str, attributes: tuple[str, ...]) -> None:
        """Follow `name.a.b` from the module called `name`."""
        if f"{name}." == OURS:  # `from phistar import components`, or a name of its own
            if not attributes or not (self.root / attributes[0]).is_dir():
                return None
            name, attributes = attributes[0], attributes[1:]
        name = name.removeprefix(OURS)
        if name.split(".")[0] != self.package:
            return self.library(name)
        module = self.module(name)
        if module is None:
            return None
        self.run(module)
        # the module itself is used as a value: any of its symbols may be
        if not attributes:
            return self.whole(module)
        first, *rest = attributes
        if self.name(module, first, tuple(rest)):
            return None
        if self.module(f"{name}.{first}"):
            return self.attribute(f"{name}.{first}", tuple(rest))
        return None if first in HARMLESS else self.whole(module)

    def whole(self, module: Module) -> None:
        """Follow every symbol and import of a module."""
        if (module.name, "*") not in self.done:
            self.done.add((module.name, "*"))
            for name in [*module.symbols, *module.imports]:
                self.name(module, name, ("__name__",))

    def library(self, name: str) -> None:
        """Record a third-party package by a dotted name in it."""
        top = name.removeprefix(OURS).split(".")[0]
        if top != self.package and top not in sys.stdlib_module_names:
            self.libraries.add(top)
