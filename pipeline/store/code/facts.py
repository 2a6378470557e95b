"""The facts of source files (module.py), kept on disk from one command to the next.

Parsing all files that the stages reach takes longer than the rest of `phistar plan`.
The facts of a file depend on its path and bytes only. So they are kept with a hash of
the bytes, in `<package>/__pycache__/facts.cpython-311`, as Python keeps its bytecode.

That file may be lost or damaged at any time. It begins with a hash of its content, of
this Python and of the code that finds the facts. If the hash is another one, the file
is ignored and written again. In a folder that cannot be written nothing is kept.
"""

import contextlib
import hashlib
import marshal
import os
import sys
from functools import cache
from pathlib import Path

from phistar.pipeline.config import choices
from phistar.pipeline.store.code import module as reader
from phistar.pipeline.store.code import uses
from phistar.pipeline.store.code.module import Module, read

_NAME = f"facts.{sys.implementation.cache_tag}"
# Read on import: the code that this process runs, even if the files change later.
_CODE = [Path(code.__file__).read_bytes() for code in (choices, reader, uses)]
_MAKER = hashlib.sha256(b"\n".join([sys.version.encode(), *_CODE])).digest()


class Facts:
    """The facts of one package's files, of those that any command has read.

    Args:
        root: the folder that holds the package.
        package: its name.
    """

    def __init__(self, root: Path, package: str):
        self.root = root
        self.path = root / package / "__pycache__" / _NAME
        self.known = _load(self.path)  # file -> (hash of its bytes, its facts)
        self.changed = False

    def module(self, file: str) -> Module:
        """The facts of a file, which is read each time.

        Args:
            file: its path below the root.
        """
        source = (self.root / file).read_bytes()
        digest = hashlib.sha256(source).digest()
        if file not in self.known or self.known[file][0] != digest:
            self.known[file] = digest, tuple(read(file, source))
            self.changed = True
        return Module(*self.known[file][1])

    def save(self) -> None:
        """Write what has changed, by one rename; of two writers the last one wins."""
        if not self.changed:
            return
        self.changed = False
        content = marshal.dumps(self.known)
        written = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(exist_ok=True)
            try:
                written.write_bytes(_hash(content) + content)
                os.replace(written, self.path)
            finally:
                written.unlink(missing_ok=True)


@cache
def facts(root: Path, package: str) -> Facts:
    """The facts of a package's files, loaded once in a process."""
    return Facts(root, package)


def _load(path: Path) -> dict[str, tuple]:
    """The facts in a file; {} if it is damaged, or made by other code."""
    try:
        raw = path.read_bytes()
    except OSError:
        return {}
    size = hashlib.sha256().digest_size
    # marshal reads no damaged data, since the hash comes first
    return marshal.loads(raw[size:]) if raw[:size] == _hash(raw[size:]) else {}


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(_MAKER + content).digest()
