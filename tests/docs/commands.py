"""Commands of the pages, run by a real shell: `phistar` is answered by this process.

A new Python takes seconds to import TensorFlow. So the shell finds a small program
called phistar, which sends what was typed to a socket of the test, and the test runs it
here. Commands that install, fetch or serve are only looked at: see OUTSIDE.
"""

import contextlib
import io
import json
import os
import socket
import subprocess
import sys

from phistar.pipeline.cli.arguments import parse
from tests.helpers.commands import CODE, Done, here

# Programs of the pages that need a network, root or minutes: they do nothing here.
# `make` is held to its own list of targets.
OUTSIDE = ("sudo", "apt-get", "docker", "pip", "git")
ASK = f"""#!{sys.executable} -IS
import json, os, socket, sys
words = sys.argv[1:]
stdin = ""
if "-" in words or "--stdin" in words:
    stdin = sys.stdin.buffer.read().decode()
ask = socket.socket(socket.AF_UNIX)
ask.connect(os.environ["PHISTAR_ASKED"])
ask.sendall(json.dumps([os.getcwd(), words, stdin]).encode())
ask.shutdown(socket.SHUT_WR)
answer = b""
while part := ask.recv(2**16):
    answer += part
status, out, err = json.loads(answer)
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""
MAKE = """#!/bin/sh
for target in "$@"; do
  case $target in *=*) ;; *) grep -q "^\\([a-z-]* \\)*$target:" "$MAKEFILE" || {
    echo "make: no target $target" >&2; exit 2; } ;;
  esac
done
"""


class Shell:
    """A shell in a folder, whose `phistar` runs in this process.

    Args:
        folder: Path of the working directory.
        answer: function of the words after `phistar`, and of its stdin -> Done.
    """

    def __init__(self, folder, answer):
        self.folder, self.answer = folder, answer
        self.programs = folder / ".venv" / "bin"
        self.programs.mkdir(parents=True)
        (self.programs / "activate").touch()
        self.program("phistar", ASK)
        self.program("make", MAKE)
        self.program("python", "#!/bin/sh\n")
        for name in OUTSIDE:
            self.program(name, "#!/bin/sh\n")

    def program(self, name, text):
        """Write a program that the shell finds."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, script):
        """Run a script to its end, or to its first command that fails.  -> Done"""
        address = os.path.relpath(self.folder / "asked")  # such a name has a limit
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        environment = os.environ | {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PHISTAR_ASKED": str(self.folder / "asked"),
            "MAKEFILE": str(CODE / "Makefile"),
            "HOME": str(self.folder),
        }
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(address)
            listening.listen()
            listening.settimeout(0.05)
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            while process.poll() is None:
                with contextlib.suppress(TimeoutError):
                    self.serve(listening.accept()[0])
        return Done(process.returncode, process.communicate()[0], "")

    def serve(self, connection):
        """Answer one command."""
        with connection:
            asked = b""
            connection.settimeout(None)
            while part := connection.recv(2**16):
                asked += part
            folder, words, stdin = json.loads(asked)
            with contextlib.chdir(folder):
                done = self.answer(words, stdin)
            connection.sendall(json.dumps(done).encode())


def run_here(words, stdin, root):
    """A command in this process, below `root`.  -> Done"""
    if "--root" in words:  # elsewhere would be a new store, and all of its work anew
        place = words.index("--root")
        words = [*words[:place], *words[place + 2 :]]
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    try:
        return here(*words, root=root, json="--json" in words)
    finally:
        sys.stdin = before


def understood(words, root):
    """A command that is not run, but read.  -> Done"""
    parse([*words, "--root", str(root)])
    return Done(0, "", "")
