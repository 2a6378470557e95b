"""Artifacts: the files that stages write, and how later stages read them.

    Dataset   dataset.json, digest.json, {train,valid,test}/: arrays by split, in the
              form of components/data/kinds/base.py
    Network   network.json, weights.npz; once trained, history.json: loss,
              label_smoothing, average_nll, and lists of step, train_loss, valid_nll
    Report    metrics.json, verdict.json, report.html, card.html, card.md, figures/,
              predictions.parquet, test_nll.npy, golden.npz, decoding.json

Everything is JSON or arrays: a network is rebuilt by its function from its name and
arguments, never deserialised.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from phistar.components.data import raw_columns
from phistar.components.data.arrays import RAW, Ragged, SplitFiles, TextFiles
from phistar.components.data.encoders import encoder
from phistar.components.data.kinds import kind
from phistar.components.data.splits import SPLITS
from phistar.components.labels import LabelSpace
from phistar.components.networks import network as network_function
from phistar.components.tasks import task as task_class


def write_json(path, data):
    """Write plain data, sorted and indented, so that equal data are equal bytes."""
    Path(path).write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", "utf-8")


def read_json(path):
    """Read what `write_json` wrote."""
    return json.loads(Path(path).read_text("utf-8"))


def make_task(task, space=None):
    """The Task of plain data {"name": ..., **its keys}."""
    keys = {key: value for key, value in task.items() if key != "name"}
    return task_class(task["name"])(space, **keys)


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk. Arrays are memory-mapped.

    Args:
        folder: Path.
        description: content of dataset.json; nothing in it depends on test.
    """

    folder: Path
    description: dict

    @classmethod
    def load(cls, folder):
        """Open the dataset in `folder`."""
        return cls(Path(folder), read_json(Path(folder) / "dataset.json"))

    @property
    def space(self):
        """The LabelSpace."""
        labels = self.description["labels"]
        return LabelSpace(tuple(labels["names"]), tuple(labels["values"]))

    @property
    def kind(self):
        """The kind of the data, an object of components/data/kinds/."""
        return kind(self.description["inputs"]["kind"])()

    def sizes(self, name):
        """(characters, bytes) of each label that is a text, as the data have it.

        Returns:
            int64 [N, 2].
        """
        return np.load(self.folder / name / "sizes.npy")

    @property
    def source(self):
        """Facts for a reader: "origin", "splits" and "notices", what reading changed.

        Returns:
            dict: str; split -> {"rows", "from"}; list of str.
        """
        return read_json(self.folder / "source.json")

    @property
    def digests(self):
        """SHA-256 of each split's arrays."""
        return read_json(self.folder / "digest.json")

    def split(self, name):
        """(inputs [N, ...], labels int32 [N]) of one split, memory-mapped.

        Texts: (None, Ragged of tokens, each text ended by EOS); pairs: such a Ragged
        of the sources, and of the targets.
        """
        return self.kind.split(self.folder / name)

    def weights(self, name):
        """Weights of the rows of a split, 1 on average.

        Returns:
            float64 [N]; None if each counts as much as another.
        """
        weights = self.kind.weights(self.folder / name)
        return None if weights is None else np.asarray(weights) / np.mean(weights)

    def raw(self):
        """Inputs of test as the data have them, before any encoding; memory-mapped.

        Returns:
            what the encoder's `request` takes: dict of name -> array [N] (columns),
            uint8 [N, H, W, C] (images), Ragged of bytes (texts), two of them (pairs:
            sources and targets).
        """
        return self.kind.raw(self.folder / "test")


def make_encoder(data):
    """The encoder of a Dataset's inputs (tensorflow is imported here)."""
    inputs = data.description["inputs"]
    return encoder(inputs["kind"])(**inputs["encoder"])


def save_network(folder, network, description):
    """Write a network.

    Args:
        folder: where to.
        network: Network.
        description: {"network": name, "arguments": {...}, "input_shape",
            "input_dtype", "num_outputs", "scale"}. `scale` is the factor a > 0 of the
            logits before P is taken; 1 for a likelihood.
    """
    # random states are not weights: training's seed gives those of dropout
    shapes = [list(weight.shape) for weight in network.weights]
    names = network.weight_names()
    description = {**description, "shapes": shapes, "names": names}
    write_json(Path(folder) / "network.json", description)
    # by position: Keras's variable paths are not stable inside one process
    arrays = {f"{i:05d}": np.asarray(v) for i, v in enumerate(get_weights(network))}
    np.savez(Path(folder) / "weights.npz", **arrays)


def load_network(folder):
    """Rebuild a network by its function and give it its weights.

    Returns:
        (Network, description).

    Raises:
        ValueError: if the weights do not fit the network.
    """
    description = read_json(Path(folder) / "network.json")
    network = make_network(description)
    shapes = [list(weight.shape) for weight in network.weights]
    if shapes != description["shapes"]:
        raise ValueError(
            f"the weights in {folder} are not those of this network. Received: "
            f"{description['shapes']}. Expected {shapes}: build and train it again."
        )
    with np.load(Path(folder) / "weights.npz", allow_pickle=False) as arrays:
        set_weights(network, [arrays[name] for name in sorted(arrays)])
    return network, description


def make_network(description):
    """The untrained Network of a description."""
    return network_function(description["network"])(
        tuple(description["input_shape"]),
        description["input_dtype"],
        description["num_outputs"],
        **description["arguments"],
    )


def get_weights(network):
    """Values of all weights, by position.  -> list of np.ndarray."""
    return [keras.ops.convert_to_numpy(v) for v in network.weights]


def set_weights(network, values):
    """Give all weights their values, by position."""
    for weight, value in zip(network.weights, values, strict=True):
        weight.assign(value)


def truncate(folder, out_dir, num_rows, num_tokens=None, train_rows=None):
    """A copy of a dataset with the first rows of each split.

    Args:
        folder: of the Dataset.
        out_dir: to make and write to.
        num_rows: rows to keep, at most.
        num_tokens: of texts also: no row begins after so many labels.
        train_rows: rows of train, if it keeps another number.
    """
    data, out_dir = Dataset.load(folder), Path(out_dir)
    out_dir.mkdir(parents=True)
    digests = {"all": f"first {num_rows} rows of {data.digests['all']}"}
    for split in SPLITS:
        most = train_rows if train_rows and split == "train" else num_rows
        if data.kind.sides:
            digests[split] = _first_texts(data, out_dir, split, most, num_tokens)
            continue
        inputs, labels = (array[:most] for array in data.split(split))
        weights = data.weights(split)
        files = SplitFiles(
            *(out_dir / split, len(labels), inputs.shape[1:], inputs.dtype),
            weighted=weights is not None,
        )
        files.append(inputs, labels, None if weights is None else weights[:most])
        digests[split] = files.close()
    raw_columns.truncate(data.folder / "test", out_dir / "test", num_rows)
    write_json(out_dir / "dataset.json", data.description)
    write_json(out_dir / "digest.json", digests)
    shutil.copyfile(data.folder / "source.json", out_dir / "source.json")


def _first_texts(data, out_dir, split, num_rows, num_tokens):
    """Write the first texts of a split.  -> str, their digest."""
    tokens = [side for side in data.split(split) if side is not None]
    sides, dtype = data.kind.sides, tokens[0].tokens.dtype
    kept = sides if split == "test" else ()
    raw = [Ragged.load(data.folder / split, RAW[side]) for side in kept]
    files = TextFiles(out_dir / split, sides, dtype, bool(raw))
    if num_tokens is not None:
        num_rows = min(num_rows, (tokens[-1].offsets[:-1] < num_tokens).sum())
    sizes = data.sizes(split)[:num_rows]
    first = [[side[: len(sizes)] for side in sides] for sides in (tokens, raw)]
    files.append(*([(s.tokens, s.lengths) for s in side] for side in first), sizes)
    return files.close()
