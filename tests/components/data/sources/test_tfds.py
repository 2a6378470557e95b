import gzip
import io
import socket
import subprocess
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets

from phistar.components.data.sources import fetch, tfds_prepare
from phistar.components.data.sources.tfds import tfds

SIZES = {"train": 300, "validation": 5, "test": 7}


def pictures(split):
    """(images, labels) of a split of the data set below."""
    rng = np.random.default_rng(SIZES[split])
    images = rng.integers(0, 256, (SIZES[split], 6, 5, 3)).astype("uint8")
    return images, [("cat", "dog")[i % 2] for i in range(len(images))]


class Pets(tensorflow_datasets.core.GeneratorBasedBuilder, skip_registration=True):
    """A data set that TFDS does not know."""

    VERSION = tensorflow_datasets.core.Version("1.2.3")
    pkg_dir_path = Path(__file__).parent

    def _info(self):
        features = tensorflow_datasets.features
        return self.dataset_info_from_configs(
            features=features.FeaturesDict(
                {
                    "id": features.Text(),
                    "image": features.Image(shape=(None, None, 3)),
                    "label": features.ClassLabel(names=["cat", "dog"]),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in SIZES}

    def _generate_examples(self, split):
        for key, (image, label) in enumerate(zip(*pictures(split), strict=True)):
            yield key, {"id": f"{key}", "image": image, "label": label}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Pets, prepared."""
    folder = tmp_path_factory.mktemp("tfds")
    tensorflow_datasets.disable_progress_bar()
    Pets(data_dir=folder).download_and_prepare()
    return str(folder)


def read(data_dir, **options):
    """split -> (images, labels)."""
    splits = tfds(name="pets", data_dir=data_dir, **options).read()
    return {
        split: (
            np.concatenate([piece.inputs for piece in pieces]),
            [str(label) for piece in pieces for label in piece.labels],
        )
        for split, pieces in splits.items()
    }


def test_prepared_data_are_read_by_their_splits(data_dir):
    rows = read(data_dir)
    assert set(rows) == {"train", "valid", "test"}
    for name, split in {
        "train": "train",
        "validation": "valid",
        "test": "test",
    }.items():
        images, labels = pictures(name)
        # TFDS shuffles once, as it writes
        given = sorted(zip(images.tolist(), labels, strict=True))
        assert (
            sorted(zip(rows[split][0].tolist(), rows[split][1], strict=True)) == given
        )


def test_order_is_always_the_same(data_dir):
    first, second = read(data_dir), read(data_dir)
    np.testing.assert_array_equal(first["train"][0], second["train"][0])


def test_images_are_resized_as_asked(data_dir):
    rows = read(data_dir, height=8, width=8, channels=1)
    assert rows["test"][0].shape == (7, 8, 8, 1)


def test_fingerprint_is_name_and_version(data_dir):
    own = tfds(name="pets", data_dir=data_dir).fingerprint
    assert own["tfds"] == "pets/1.2.3"
    assert len(own["sha256"]) == 64
    known = tfds(name="fashion_mnist", data_dir=data_dir).fingerprint
    assert known == {"tfds": "fashion_mnist/3.0.1"}


@pytest.mark.parametrize("name", ["no_such_data", "cifar10:99.0.0"])
def test_an_unknown_name_is_refused(name, data_dir):
    with pytest.raises(ValueError, match=f"Received: ingest.name='{name}'.*list_build"):
        tfds(name=name, data_dir=data_dir)


@pytest.fixture
def offline(monkeypatch):
    """No host has an address."""

    def urlopen(*args, **kwargs):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(tfds_prepare.urllib.request, "urlopen", urlopen)


def test_an_unprepared_name_is_refused_at_once_without_a_network(tmp_path, offline):
    source = tfds(name="cifar10", data_dir=str(tmp_path))
    for function in (source.require, source.read):
        with pytest.raises(ConnectionError) as error:
            function()
        message = str(error.value)
        assert f"not prepared in {tmp_path}/cifar10/3.0.2" in message
        assert "Received: Name or service not known" in message
        assert "t.builder('cifar10').download_and_prepare()" in message


def test_a_host_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(tfds_prepare, "REACH_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, says nothing
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        reason = tfds_prepare.why_unreachable(f"http://{place}/")
    assert "no answer" in reason or "timed out" in reason


def test_prepared_data_need_no_network(data_dir, offline):
    source = tfds(name="pets", data_dir=data_dir)
    source.require()
    assert set(source.read()) == {"train", "valid", "test"}


def test_fashion_mnist_without_network_or_apt(tmp_path, offline, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    source = tfds(name="fashion_mnist", data_dir=str(tmp_path))
    source.require()  # apt may have it
    with pytest.raises(ConnectionError) as error:
        source.read()
    assert "Name or service not known" in str(error.value)
    assert "Debian's dataset-fashion-mnist could not be fetched" in str(error.value)
    assert "apt-get" in str(error.value)


APT = """#!/bin/sh
# knows the package only once its lists have been fetched into a folder of our own
echo "$@" >> {log}
case "$*" in
  *Lists=*update) touch lists/partial/fetched ;;
  *download*) [ -e lists/partial/fetched ] && cp {deb} . ;;
esac
"""


def test_debian_fetches_lists_of_its_own_if_need_be(tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: made\nVersion: 1\nArchitecture: all\n"
        "Maintainer: A <a@example.org>\nDescription: made\n"
    )
    (tree / "file").write_text("content")
    deb = tmp_path / "made_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", tree, deb], check=True, capture_output=True)
    (tmp_path / "bin").mkdir()
    apt = tmp_path / "bin/apt-get"
    apt.write_text(APT.format(log=tmp_path / "log", deb=deb))
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt.parent}:/usr/bin:/bin")
    fetch.debian("made", tmp_path / "out")
    assert (tmp_path / "out/file").read_text() == "content"
    assert len((tmp_path / "log").read_text().splitlines()) == 3


def test_fashion_mnist_gets_its_gzip_headers_back(tmp_path, monkeypatch):
    def debian(package, folder):
        place = folder / "usr/share/datasets/fashion-mnist"
        place.mkdir(parents=True)
        for name in names:
            (place / f"{name}.gz").write_bytes(gzip.compress(name.encode(), mtime=0))

    kinds = ("images-idx3", "labels-idx1")
    names = [f"{s}-{kind}-ubyte" for s in ("train", "t10k") for kind in kinds]
    monkeypatch.setattr(tfds_prepare, "debian", debian)
    tfds_prepare.fashion_mnist(tmp_path)
    for name in names:
        data = (tmp_path / f"{name}.gz").read_bytes()
        assert gzip.decompress(data) == name.encode()
        assert data[10:].startswith(name.encode() + b"\0")
        with gzip.open(io.BytesIO(data)) as file:
            file.read()
            assert file.mtime in (1504176606, 1504176627)


@pytest.mark.slow
def test_fashion_mnist_is_upstreams(tmp_path):
    rows = {}
    for split, pieces in (
        tfds(name="fashion_mnist", data_dir=str(tmp_path)).read().items()
    ):
        rows[split] = sum(map(len, pieces))
    assert rows == {"train": 60_000, "test": 10_000}
