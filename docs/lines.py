"""Links to lines of code: [`name`](file.py#L12) is where `name` is defined in the file.

python docs/lines.py        renews the numbers, after the code has moved
"""

import ast
import re

from site_pages import pages

LINK = re.compile(r"(\[`([^`]+)`\]\()([^)\s#]+\.py)#L\d+(?=\))")


def definitions(file):
    """Name -> line of each function, class, method and constant of a file.

    A method also has the name "Class.method".
    """
    found = {}
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        inside = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                found[inside + child.name] = child.lineno
                found.setdefault(child.name, child.lineno)
            elif isinstance(child, ast.Assign) and isinstance(node, ast.Module):
                for target in child.targets:
                    found[ast.unparse(target)] = child.lineno
    return found


def renewed(file):
    """The text of a page with the lines as they are now.

    Raises:
        KeyError: if a name is not defined in the file that its link leads to.
    """

    def now(found):
        start, name, path = found[1], found[2], found[3]
        known = definitions((file.parent / path).resolve(strict=True))
        if name not in known:
            raise KeyError(f"{file}: `{name}` is not defined in {path}")
        return f"{start}{path}#L{known[name]}"

    return LINK.sub(now, file.read_text("utf-8"))


if __name__ == "__main__":
    for page in pages():
        if page.suffix == ".md":
            page.write_text(renewed(page), "utf-8")
