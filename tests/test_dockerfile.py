"""The Dockerfile: its steps, one by one, in a plain Debian folder.

No container engine runs where these tests do. So a reader of the few instructions that
the file has takes its place: RUN with a root folder that debootstrap has made, COPY
with what .dockerignore leaves, WORKDIR, ENV and ENTRYPOINT. What an engine adds,
layers, users and networks, is not tested.
"""

import fnmatch
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TARGETS = ("train", "serve")


def instructions(target):
    """(word, rest of the line) of a target, those of its bases first."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", "")
    stages = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.split()
            stages[name] = [*stages.get(base, [(word, base)])]
        else:
            stages[name].append((word, rest))
    return stages[target]


def kept(names):
    """The names at the top of the repository that .dockerignore lets in."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith(("#", "**"))]
    taken = set()
    for rule in rules:
        found = set(fnmatch.filter(names, rule.removeprefix("!")))
        taken = taken | found if rule.startswith("!") else taken - found
    return taken


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_has_what_its_steps_read(target):
    steps = instructions(target)
    assert steps[0] == ("FROM", "debian:12-slim")
    copied = kept([path.name for path in ROOT.iterdir()])
    assert {"Makefile", "setup.py", "README.md", "requirements.lock"} <= copied
    assert {"phistar", "pipeline", "components", "conf"} <= copied
    assert not copied & {".venv", ".git", "mlruns", "tests"}
    (entry,) = [json.loads(rest) for word, rest in steps if word == "ENTRYPOINT"]
    assert entry[0] == "phistar"


class Container:
    """A folder with Debian in it, in which the steps of a target have run."""

    def __init__(self, folder, target):
        self.folder, self.at = folder, Path("/")
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        for word, rest in instructions(target):
            getattr(self, word.lower())(rest)

    def path(self, inside):
        return self.folder / Path(inside).relative_to("/")

    def process(self, words, **how):
        """A process in the folder, as its root.

        Its /proc is mounted in a namespace that ends with it: nothing of the machine
        is ever mounted below a folder that a test's end removes.
        """
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        apart += ["--root", self.folder, "--mount-proc", "--wd", self.at]
        return subprocess.Popen([*apart, *words], env=self.environment, **how)

    def run(self, rest):
        assert self.process(["sh", "-c", rest]).wait() == 0, rest

    def copy(self, rest):
        assert rest == ". ."
        ignored = shutil.ignore_patterns("__pycache__")
        for name in kept([path.name for path in ROOT.iterdir()]):
            source, to = ROOT / name, self.path(self.at) / name
            if source.is_dir():
                shutil.copytree(source, to, ignore=ignored)
            else:
                shutil.copy(source, to)

    def workdir(self, rest):
        self.at = Path(rest)
        self.path(rest).mkdir(parents=True, exist_ok=True)

    def env(self, rest):
        for name, value in re.findall(r"(\w+)=(\S+)", rest):
            value = value.replace("$PATH", self.environment["PATH"])
            self.environment[name] = value

    def entrypoint(self, rest):
        self.entry = json.loads(rest)

    def started(self, *words, **how):
        """The target's program with more words, as `docker run` starts it."""
        return self.process([*self.entry, *words], **how)

    def from_(self, rest):
        """Make the base image's stand-in, with this machine's ways to registries."""
        command = ["debootstrap", "--variant=minbase", "bookworm", self.folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for name in ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf"):
            if os.path.exists(name):
                shutil.copy(name, self.path(name))
        # apt makes Debian's own anew; a company's stands here beside them
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", self.path("/machine.crt"))
        self.environment["PIP_CERT"] = "/machine.crt"

    def cmd(self, rest):
        """The words of `docker run` without words; not used here."""

    expose = cmd


setattr(Container, "from", Container.from_)


def stop(process):
    """End a started program as `docker stop` does: its first process gets SIGTERM.

    That is the child of `unshare`, which itself holds the signal back.
    """
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for child in children.read_text().split():
        os.kill(int(child), signal.SIGTERM)
    process.wait(60)


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    """The serve target: that of training is its base and one word."""
    assert shutil.which("debootstrap"), "apt-get install debootstrap"
    return Container(tmp_path_factory.mktemp("debian"), "serve")


@pytest.mark.slow
def test_a_model_is_trained_and_served_in_a_plain_debian(container):
    serve, container.entry = container.entry, ["phistar"]
    assert container.started("run", "breast_cancer").wait() == 0
    assert container.started("promote", "breast_cancer").wait() == 0
    container.entry = serve
    token = container.environment["PHISTAR_SERVE_TOKEN"] = secrets.token_urlsafe()
    server = container.started("breast_cancer", "--port", "5017")
    try:
        folder = container.path("/data/mlruns/serving/breast_cancer/1")
        golden = folder / "assets.extra/golden/serving_default.request.json"
        body = json.dumps({"inputs": json.loads(golden.read_text())["inputs"]})
        for _ in range(120):
            try:
                request = urllib.request.Request(
                    "http://127.0.0.1:5017/invocations",
                    body.encode(),
                    {
                        "Content-Type": "application/json",
                        "Authorization": f"Bearer {token}",
                    },
                )
                with urllib.request.urlopen(request, timeout=60) as answer:
                    rows = json.loads(answer.read())["predictions"]
                break
            except OSError:
                assert server.poll() is None
                time.sleep(1)
        assert all({"label", "log_probs"} <= set(row) for row in rows)
    finally:
        stop(server)
