"""Preparation of TFDS's data that are not on this machine: from network or Debian."""

import contextlib
import http.client
import io
import struct
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

from phistar.components.data.sources.fetch import debian

REACH_SECONDS = 3


def prepared(builder):
    """True if the data are on this machine."""
    return (Path(builder.data_path) / "dataset_info.json").exists()


def require(builder, name):
    """Raise ConnectionError if the data are neither here nor within reach."""
    if not prepared(builder) and builder.name not in OFFLINE:
        url, reason = unreachable(builder)
        if reason:
            raise ConnectionError(missing(builder, name, url, reason))


def prepare(builder, name):
    """Download and prepare data that are not on this machine.

    Args:
        builder: of TFDS.
        name: of the data set as the user wrote it, for errors.

    Raises:
        ConnectionError: if the data are not within reach.
    """
    require(builder, name)
    if prepared(builder):
        return
    with tempfile.TemporaryDirectory(prefix="phistar-tfds-") as folder:
        manual = None
        if builder.name in OFFLINE:
            url, reason = unreachable(builder)
            if reason:
                manual = folder
                try:
                    OFFLINE[builder.name](Path(folder))
                except ConnectionError as error:
                    message = missing(builder, name, url, reason)
                    raise ConnectionError(f"{message} {error}") from None
        download(builder, manual)


def unreachable(builder):
    """(URL of one of the data's files, reason if its host does not answer or None)."""
    url = min(builder.url_infos, default=None)
    return url, url and why_unreachable(url)


def missing(builder, name, url, reason):
    """Message about data that are neither here nor within reach."""
    place = f"{builder.info.full_name} to the same place below `ingest.data_dir`"
    return (
        f"{name} is not prepared in {builder.data_path}, and {url} cannot be reached. "
        f"Received: {reason}. Expected a network, or prepared data: where there is "
        f"one, run python -c \"import tensorflow_datasets as t; t.builder('{name}')"
        f'.download_and_prepare()", and copy ~/tensorflow_datasets/{place}.'
    )


def why_unreachable(url):
    """Reason why a URL's host does not answer, within 3 seconds; None if it does."""
    said = [f"no answer within {REACH_SECONDS} seconds"]

    # In a thread, since the look-up of a name has no timeout, and a host may have many
    # addresses.
    def ask():
        said.append(refusal(url))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    return said[-1]


def refusal(url):
    """Reason why a URL's host does not answer; None if it does."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=REACH_SECONDS).close()
    except urllib.error.HTTPError:
        return None  # the host answers; some refuse HEAD
    except (OSError, http.client.HTTPException) as error:
        return str(getattr(error, "reason", error))
    return None


def download(builder, manual_dir):
    """Let the official builder download and prepare, and verify checksums.

    Args:
        builder: of TFDS.
        manual_dir: folder of files that need no download, or None.
    """
    import tensorflow_datasets as tfds

    print(f"preparing {builder.info.full_name} in {builder.data_path}", file=sys.stderr)
    tfds.disable_progress_bar()
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    with contextlib.redirect_stdout(io.StringIO()):  # stdout is the command's result
        builder.download_and_prepare(download_config=config)


def fashion_mnist(folder):
    """Restore the four original files from Debian's package.

    Debian has removed name and time from the gzip headers. With them the files have
    the SHA-256 that the builder knows and checks.

    Args:
        folder: Path to write them to.
    """
    times = {
        "train-images-idx3-ubyte": 1504176606,
        "train-labels-idx1-ubyte": 1504176606,
        "t10k-images-idx3-ubyte": 1504176627,
        "t10k-labels-idx1-ubyte": 1504176627,
    }
    debian("dataset-fashion-mnist", folder / "debian")
    for name, time in times.items():
        data = folder / "debian/usr/share/datasets/fashion-mnist" / f"{name}.gz"
        body = data.read_bytes()
        head = b"\x1f\x8b\x08\x08" + struct.pack("<I", time) + b"\x00" + body[9:10]
        (folder / data.name).write_bytes(head + name.encode() + b"\0" + body[10:])


OFFLINE = {"fashion_mnist": fashion_mnist}
