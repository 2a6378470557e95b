"""Results at an address that machines share: a folder, S3, or another of fsspec.

    URL/stages/<stage>/<key>.json     the manifest of a result, written last
       /files/<SHA-256>               its files by their content, each once

Nothing there is ever changed: what exists is not copied again. So machines may push the
same result at once, and half of one is never seen. What arrives is hashed.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import fsspec

from phistar.components.hashing import parsed
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.store import keys
from phistar.pipeline.store.manifest import NAME, digest
from phistar.pipeline.store.store import Store

PIECE = 2**20  # bytes that are copied at once
HASH = re.compile("[0-9a-f]{64}")
# address -> the package that reads it
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


class Remote:
    """The results at an address.

    Args:
        url: of fsspec, such as s3://bucket/team or a folder.

    Attributes:
        whole: True if a file there appears when all of it has arrived.

    Raises:
        Failure: no package of this machine reads such an address.
    """

    def __init__(self, url: str):
        self.url = url
        try:
            self.files, path = fsspec.core.url_to_fs(url)
        except ImportError as error:
            kind = url.partition("://")[0]
            needed = PACKAGES.get(kind, f"fsspec[{kind}]")
            raise Failure(
                f"results at {kind}:// need a package that is not installed. Received: "
                f"{url}. Run: pip install '{needed}'",
                USAGE,
            ) from error
        except (ValueError, OSError) as error:
            raise Failure(
                f"no address of results. Received: {url}. Expected a folder, or "
                "an address such as s3://BUCKET/FOLDER.",
                USAGE,
            ) from error
        self.path = path.rstrip("/")
        kinds = self.files.protocol
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        self.whole = any(kind in PACKAGES for kind in kinds)

    def manifest(self, stage: str, key: str) -> dict | None:
        """The manifest of a result; None if it is not there.

        Raises:
            ValueError: it is not that of this result.
        """
        try:
            text = self.files.cat_file(f"{self.path}/stages/{stage}/{key}.json")
        except FileNotFoundError:
            return None
        return self._checked(text, stage, key)

    def keys(self) -> Iterator[tuple[str, str]]:
        """The (stage, key) of all results there."""
        self.files.invalidate_cache()
        for name in sorted(self.files.glob(f"{self.path}/stages/*/*.json")):
            stage, key = PurePosixPath(name).parts[-2:]
            yield stage, key.removesuffix(".json")

    def push(self, store: Store, stage: str, key: str) -> int | None:
        """Copy a result of the store there.

        Returns:
            bytes that were copied; None if it is there already.

        Raises:
            ValueError: the store has no whole result under this key.
        """
        if self.manifest(stage, key) is not None:
            return None
        folder = store.get(stage, key)
        if folder is None:
            raise ValueError(
                f"nothing to push. Received: {stage} {key}, which is not whole in "
                f"{store.root}."
            )
        text, copied = (folder / NAME).read_bytes(), 0
        for name, file in parsed(text)["files"].items():
            place = f"{self.path}/files/{file['sha256']}"
            if self._size(place) == file["size"]:
                continue
            self._write(folder / name, place)
            copied += file["size"]
        self._write(folder / NAME, f"{self.path}/stages/{stage}/{key}.json")
        return copied + len(text)

    def pull(self, store: Store, stage: str, key: str) -> int | None:
        """Copy a result from there to the store, each file hashed as it arrives.

        Returns:
            bytes that were copied; None if it is not there.

        Raises:
            ValueError: what arrived is not what its manifest says; nothing is kept.
        """
        manifest = self.manifest(stage, key)
        if manifest is None:
            return None
        with store.take(manifest) as folder:
            for name, file in manifest["files"].items():
                self._read(file, folder / name)
        return sum(file["size"] for file in manifest["files"].values())

    def _read(self, file: dict, path: Path) -> None:
        """Copy one file from there, and hash it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        place, total = f"{self.path}/files/{file['sha256']}", hashlib.sha256()
        with self.files.open(place, "rb") as source, open(path, "wb") as out:
            while piece := source.read(PIECE):
                total.update(piece)
                out.write(piece)
        if total.hexdigest() != file["sha256"]:
            raise ValueError(
                f"a damaged file at {self.url}. Received: {place}, whose SHA-256 is "
                f"{total.hexdigest()}. Expected that of its name. Remove it, and push "
                "the result again from a machine that has it."
            )

    def _write(self, path: Path, place: str) -> None:
        """Copy one file there; it has its name when all of it has arrived."""
        if self.whole:
            self.files.put_file(str(path), place)
            return
        written = f"{place}.tmp-{secrets.token_hex(4)}"
        self.files.makedirs(place.rpartition("/")[0], exist_ok=True)
        self.files.put_file(str(path), written)
        self.files.mv(written, place)

    def _size(self, place: str) -> int | None:
        """Bytes of a file there, None without one."""
        try:
            return self.files.info(place)["size"]
        except FileNotFoundError:
            return None

    def _checked(self, text: bytes, stage: str, key: str) -> dict:
        """The manifest that a text is, if it is one of this result."""
        try:
            manifest = parsed(text)
            whole = is_of(manifest, stage, key)
        except (ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise ValueError(
                f"a damaged manifest at {self.url}. Received: "
                f"stages/{stage}/{key}.json. Remove it, and push the result again from "
                "a machine that has it."
            )
        return manifest


def is_of(manifest: dict, stage: str, key: str) -> bool:
    """True if a manifest is that of a result, and all of its files stay in its folder.

    Args:
        manifest: from elsewhere; one that lacks a part raises.
        stage, key: of the result.
    """
    files = manifest["files"]
    return (
        keys.key(manifest["parts"]) == manifest["key"] == key
        and manifest["stage"] == manifest["parts"]["stage"] == stage
        and manifest["digest"] == digest(files)
        and isinstance(manifest["origin"]["run_id"], str)
        and all(is_below(name) for name in files)
        and all(HASH.fullmatch(file["sha256"]) for file in files.values())
    )


def is_below(name: str) -> bool:
    """True if a relative path stays in its folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and name != ""
