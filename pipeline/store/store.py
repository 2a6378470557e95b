"""The store: the artifacts of the stages by key, each whole or absent.

    <root>/stages/<stage>/<key>/manifest.json      plus the files it lists
                         /.<key>.lock              held by the process that builds it
                         /.<key>.tmp-<pid>-<random>/   being written

A final name appears by one rename, after every file and the manifest are on disk, so
it never holds part of an artifact. The process that builds a key holds its lock:

    with store.lock(stage, key):
        path = store.get(stage, key)
        if path is None:
            with store.write(stage, key, parts, origin, journal) as folder:
                ...
            path = store.path(stage, key)
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from phistar.components.hashing import parsed
from phistar.pipeline.process.disk import named
from phistar.pipeline.process.terminal import note
from phistar.pipeline.store import manifest as manifests
from phistar.pipeline.store.manifest import NAME, damage, digest, hashed

CHECKPOINTS = "checkpoints"  # a stopped writer that left this folder can be resumed
REPLACED = "-replaced"  # end of the name of an artifact whose successor is not there

_verified: set[tuple] = set()  # manifests whose files this process has hashed


class Store:
    """Stage folders by key.

    Args:
        root: the project's `mlruns` folder; made when something is written.
    """

    def __init__(self, root: Path):
        self.root = Path(root)

    def path(self, stage: str, key: str) -> Path:
        """The folder of the artifact, whether or not it exists."""
        return self.root / "stages" / stage / key

    def manifest(self, stage: str, key: str) -> dict | None:
        """The manifest as written, files not checked; None without a readable one."""
        try:
            return parsed((self._restored(stage, key) / NAME).read_bytes())
        except (OSError, ValueError):
            return None

    def manifests(self, stage: str) -> list[dict]:
        """The manifests of all of a stage's artifacts, the newest first."""
        folder = self.root / "stages" / stage
        keys = [p.name for p in folder.glob("[!.]*") if "." not in p.name]
        found = [m for key in keys if (m := self.manifest(stage, key))]
        return sorted(found, key=lambda m: m["origin"]["time"], reverse=True)

    def get(self, stage: str, key: str) -> Path | None:
        """The folder of the artifact, each of its files checked once per process.

        Returns:
            None if it does not exist or was damaged. A damaged folder is renamed
            `<key>.damaged-<time>` and reported on stderr.
        """
        path = self._restored(stage, key)
        if not path.exists():
            return None
        identity = _identity(path)
        if identity in _verified:
            _use(path)
            return path
        try:
            inode = path.stat().st_ino
        except FileNotFoundError:
            return None
        wrong = damage(path)
        if wrong is None:
            _verified.add(identity)
            _use(path)
            return path
        aside = path.with_name(f"{key}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        # Another process may have moved and rebuilt it while we hashed: move only
        # the folder that we have read.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == inode:
                path.rename(aside)
                note(
                    f"warning: damaged result of {stage}: {path}/{wrong} "
                    f"It was moved to {aside.name} and will be made again."
                )
        return None

    def _restored(self, stage: str, key: str) -> Path:
        """The folder of the artifact, put back if a killed writer had set it aside."""
        path = self.path(stage, key)
        if not path.exists() and any(path.parent.glob(f".{key}.*{REPLACED}")):
            _sweep(path.parent)
        return path

    def used(self, stage: str, key: str) -> float:
        """Time at which the artifact was made or was last asked for, s since 1970."""
        return self.path(stage, key).stat().st_mtime

    def remove(self, stage: str, key: str, until: float) -> bool:
        """Remove an artifact that nobody makes, and nobody has used since a time.

        Args:
            stage, key: of it.
            until: s since 1970.

        Returns:
            False if it is in use, or there is none.
        """
        path = self.path(stage, key)
        with open(path.with_name(f".{key}.lock"), "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self.used(stage, key) > until:
                    return False
                # a kill leaves a temporary, which the next writer sweeps
                gone = path.with_name(f".{key}.tmp-{secrets.token_hex(4)}")
                path.rename(gone)
            except (BlockingIOError, FileNotFoundError):
                return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def left(self, stage: str) -> list[Path]:
        """Paths that damage and dead writers have left of a stage."""
        folder = self.root / "stages" / stage
        found = [path for path in folder.glob("[!.]*") if "." in path.name]
        for path in folder.glob(".*.tmp-*"):
            if path.name.endswith(REPLACED):
                continue  # the next reader puts it back
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    found.append(path)
                finally:
                    os.close(descriptor)
        return found

    @contextlib.contextmanager
    def lock(self, stage: str, key: str) -> Iterator[None]:
        """Hold a key alone among all processes; a wait is reported on stderr.

        The kernel drops the lock with its process, however that process ends.
        """
        path = self.path(stage, key).with_name(f".{key}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                note(f"waiting for pid {holder}: {stage} {key[:8]}")
                fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    @contextlib.contextmanager
    def write(
        self,
        stage: str,
        key: str,
        parts: dict,
        origin: dict,
        failed_journal: Path | None = None,
        replace: bool = False,
        resume: bool = False,
    ) -> Iterator[Path]:
        """A folder to fill, which becomes the artifact when the block ends well.

        Args:
            parts: what the key was made of (`keys.stage_parts`).
            origin: at least `run_id`; `time` (ms since the epoch), `host`, `pid` and
                `seconds` (in the block) are added where absent.
            failed_journal: the place of `journal.jsonl` if the block raises; the rest
                of the folder is removed.
            replace: True replaces an artifact that exists (made with force);
                otherwise that one is kept and this one dropped.
            resume: continue in the folder of a stopped writer of this key, if it left
                checkpoints there; a block that raises leaves its own.

        Yields:
            A folder beside the final one; empty unless resumed.
        """
        final = self.path(stage, key)
        final.parent.mkdir(parents=True, exist_ok=True)
        _sweep(final.parent)
        started = time.monotonic()
        folder, held = (resume and _adopted(final)) or _temporary(final)
        try:
            yield folder
            files = hashed(folder)
            found = {
                "time": time.time_ns() // 1_000_000,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "seconds": round(time.monotonic() - started, 3),
            }
            manifest = {
                "stage": stage,
                "key": key,
                "parts": parts,
                "files": files,
                "digest": digest(files),
                "origin": found | origin,
            }
            with named(final):
                _commit(folder, final, manifest, replace)
        except BaseException:
            if failed_journal is not None:
                # Losing the journal must not hide why the stage failed.
                with contextlib.suppress(OSError):
                    Path(failed_journal).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(folder / "journal.jsonl", failed_journal)
            if not (resume and (folder / CHECKPOINTS).exists()):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        else:
            shutil.rmtree(folder, ignore_errors=True)  # gone already if committed
        finally:
            os.close(held)

    @contextlib.contextmanager
    def take(self, manifest: dict) -> Iterator[Path]:
        """A folder to fill with an artifact that was made elsewhere.

        Args:
            manifest: of it.

        Yields:
            A folder beside the final one. It becomes the artifact if the block ends
            well, unless there is one by then.

        Raises:
            ValueError: what was filled in is not what the manifest says.
        """
        final = self.path(manifest["stage"], manifest["key"])
        final.parent.mkdir(parents=True, exist_ok=True)
        _sweep(final.parent)
        folder, held = _temporary(final)
        try:
            yield folder
            if hashed(folder) != manifest["files"]:
                raise ValueError(
                    f"other files than those of the manifest. Received: {final}."
                )
            _commit(folder, final, manifest, replace=False)
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # gone already if committed
            os.close(held)


def _commit(folder: Path, final: Path, manifest: dict, replace: bool) -> None:
    """Write the manifest, and give the folder its final name by one rename."""
    manifests.write(folder, manifest)
    # A rename may reach the disk before the data: after a power cut the final name
    # would hold empty files. So everything is on disk first.
    for path in [*folder.rglob("*"), folder]:
        sync(path)
    with contextlib.ExitStack() as stack:
        old = stack.enter_context(_aside(final, folder)) if replace else None
        try:
            os.rename(folder, final)
        except OSError:
            if old is not None:
                os.rename(old, final)
                raise
            if not final.exists():
                raise
            return  # another process made the same key: its result may be in use
        sync(final.parent)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
    _verified.add(_identity(final))


@contextlib.contextmanager
def _aside(final: Path, folder: Path) -> Iterator[Path | None]:
    """The place of the artifact that `folder` replaces; None if there is none.

    It is locked: whoever finds it there unlocked and nothing under the final name puts
    it back, since its writer was killed.
    """
    try:
        descriptor = os.open(final, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # named like a temporary, so that the next writer sweeps what a kill leaves
        old = folder.with_name(f"{folder.name}{REPLACED}")
        os.rename(final, old)
        yield old
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Write a file or folder through to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _use(path: Path) -> None:
    """Note the time at which an artifact was asked for: its folder's own."""
    with contextlib.suppress(OSError):  # a store that may only be read
        os.utime(path)


def _identity(path: Path) -> tuple | None:
    """Path, inode, time and size of a manifest: another one is another artifact."""
    try:
        status = (path / NAME).stat()
    except OSError:
        return None
    return str(path.absolute()), status.st_ino, status.st_mtime_ns, status.st_size


def _temporary(final: Path) -> tuple[Path, int]:
    """A new folder beside `final`, and the descriptor that holds its lock."""
    while True:
        name = f".{final.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}"
        folder = final.with_name(name)
        folder.mkdir()
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)
        # Swept by another process before we had the lock: try again.


def _adopted(final: Path) -> tuple[Path, int] | None:
    """The newest folder with checkpoints of a stopped writer, and its lock."""
    left = final.parent.glob(f".{final.name}.tmp-*/{CHECKPOINTS}")
    for path in sorted(left, key=lambda p: p.stat().st_mtime_ns, reverse=True):
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return path.parent, descriptor
    return None


def _sweep(folder: Path) -> None:
    """Remove the temporaries whose writer has died, except those to be resumed.

    An artifact that was to be replaced, by nothing yet, gets its name back.

    A living writer holds its folder's lock. A pid would prove less: it may be a
    zombie, used again, or belong to another container.
    """
    for path in folder.glob(".*.tmp-*"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                final = folder / path.name[1:].partition(".")[0]
                if path.name.endswith(REPLACED) and not final.exists():
                    path.rename(final)
                elif final.exists() or not (path / CHECKPOINTS).exists():
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
