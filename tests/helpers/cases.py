"""Cases of the laws: one export for each kind of task, inputs and loss.

A case runs the five stages once a session. It trains on TensorFlow, or on the backend
that the environment variable PHISTAR_TRAINED names (`make laws-jax`). It gives a law x
and y of the test split, the first decision's P, and ln P of an answer.
"""

import functools
import itertools
import json
import os
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from phistar.components.artifacts import (
    Dataset,
    get_weights,
    load_network,
    make_encoder,
    make_network,
    make_task,
    read_json,
    save_network,
    set_weights,
)
from phistar.components.data.sources.base import objects
from phistar.components.serving import server
from tests.helpers import stages
from tests.helpers.data import song

BREAST_CANCER = {"name": "binary", "positive": "malignant"}
TABLE = {"name": "binary", "positive": "ja"}
MULTICLASS = {"name": "multiclass"}
CHARACTERS = {"name": "language", "tokenizer": "characters"}
BYTES = {"name": "language", "tokenizer": "bytes"}
PIECES = {"name": "language", "tokenizer": "sentencepiece", "vocab_size": 275}
PAIRS = {"name": "translation", "max_length": 48}
SMALL_LM = {
    "network": "transformer_lm",
    "num_layers": 1,  # most of a case's time is to make graphs, which grow with it
    "num_heads": 2,
    "model_dim": 16,
    "mlp_dim": 32,
}
SMALL_TRANSFORMER = {
    "network": "transformer",
    "num_layers": 1,
    "num_heads": 2,
    "model_dim": 16,
    "mlp_dim": 32,
}
LINES = {"source": "parallel", "path": "lines", "test_fraction": 0.2}
SHORT = {"steps": 40, "eval_every": 20, "learning_rate": 0.01}

# weights that `randomise` replaces; each shape of a batch is a graph of its own
UNTRAINED = {"steps": 1, "eval_every": 1}
BY_TOKENS = {"loss": "cross_entropy", "batch_tokens": 256, **SHORT}

# name -> (task, sections of ingest, build, train); a path is one of FILES
CASES = {
    "breast_cancer_linear_logistic": (
        BREAST_CANCER,
        {"source": "breast_cancer"},
        {"network": "linear"},
        {"loss": "logistic", **SHORT},
    ),
    "breast_cancer_mlp_hinge": (
        BREAST_CANCER,
        {"source": "breast_cancer"},
        {"network": "mlp", "mlp_dim": 8},
        {"loss": "hinge", **SHORT},
    ),
    "digits_vgg_small_cross_entropy": (
        MULTICLASS,
        {"source": "digits", "test_fraction": 0.4},
        {"network": "vgg_small", "num_blocks": 1, "width": 4, "mlp_dim": 16},
        {"loss": "cross_entropy", **SHORT, "steps": 120, "eval_every": 60},
    ),
    "table_linear_hinge": (
        TABLE,
        {"source": "table", "path": "two labels", "label": "verdict"},
        {"network": "linear"},
        {"loss": "hinge", **SHORT},
    ),
    "table_mlp_cross_entropy": (
        MULTICLASS,
        {"source": "table", "path": "three labels", "label": "verdict"},
        {"network": "mlp", "mlp_dim": 8},
        {
            "loss": "cross_entropy",
            **SHORT,
            "learning_rate": 0.02,
            "label_smoothing": 0.1,
        },
    ),
    "songs_characters": (
        CHARACTERS,
        {"source": "text", "path": "songs"},
        SMALL_LM | {"context": 16, "stride": 10},
        {"loss": "cross_entropy", **SHORT},
    ),
    "songs_bytes": (
        BYTES,
        {"source": "text", "path": "songs"},
        SMALL_LM | {"context": 12, "stride": 12},
        {"loss": "cross_entropy", **SHORT},
    ),
    "songs_pieces": (
        PIECES,
        {"source": "text", "path": "songs"},
        SMALL_LM | {"context": 8, "stride": 5},
        {"loss": "cross_entropy", **SHORT},
    ),
    # four labels, large random weights: all texts can be counted, and P is not flat;
    # two layers, each with a cache of its own
    "toy_characters": (
        CHARACTERS,
        {"source": "text", "path": "toy", "test_fraction": 0.4},
        SMALL_LM | {"num_layers": 2, "context": 4, "stride": 2},
        {"loss": "cross_entropy", **UNTRAINED},
    ),
    "lines_pieces": (
        PAIRS | {"tokenizer": "sentencepiece", "vocab_size": 280},
        LINES,
        SMALL_TRANSFORMER,
        BY_TOKENS,
    ),
    "lines_bytes": (
        PAIRS | {"tokenizer": "bytes"},
        LINES,
        SMALL_TRANSFORMER | {"positions": "sinusoidal"},
        BY_TOKENS | {"batch_tokens": 1024},
    ),
    # as toy_characters, given a source
    "toy_pairs": (
        PAIRS | {"tokenizer": "characters", "max_length": 8},
        LINES | {"path": "toy lines", "test_fraction": 0.4},
        SMALL_TRANSFORMER | {"num_layers": 2},
        BY_TOKENS | {"batch_tokens": 64, **UNTRAINED},
    ),
}
# What is theirs is also in another case: their tests are slow ones.
SLOW = (
    *("songs_pieces", "songs_bytes", "lines_bytes"),  # tokenizers
    "breast_cancer_mlp_hinge",  # a network and a loss, of the tables
)
# Cases whose export answers its golden batch as it is made, one of each task: of others
# the laws ask more than that.
ASKED = (
    "breast_cancer_linear_logistic",
    "digits_vgg_small_cross_entropy",
    "songs_characters",
    "lines_pieces",
)
DRAWN = "lines_pieces"  # the case that has its figures
RANDOM = ("toy_characters", "toy_pairs")  # cases with random weights, see `randomise`


def table(*labels):
    """Writer of a table with these labels."""
    return lambda path: stages.write_table(path, labels)


def songs(path):
    """Write texts of a few words, some of them with an end of line as on Windows."""
    rng = np.random.default_rng(0)
    write_texts(path, [song(rng) + b"\r\n" * (n % 2) for n in range(160)])


def toy(path):
    """Write texts of up to six letters, of two."""
    rng = np.random.default_rng(0)
    write_texts(path, [bytes(rng.choice([97, 98], n % 7).tolist()) for n in range(200)])


def lines(path):
    """Write sentences of a few words, and the same words in reverse; see `pair`."""
    rng = np.random.default_rng(0)
    words = ["la", "lala", "bim", "bam", "dum", "dé", "o|o", "süß"]
    sentences = [rng.choice(words, rng.integers(2, 8)) for _ in range(200)]
    write_pairs(path, [(" ".join(s), " ".join(s[::-1])) for s in sentences])


def toy_lines(path):
    """Write all texts of up to five letters, of two, and the same in reverse."""
    letters = [s for n in range(1, 6) for s in itertools.product("ab", repeat=n)]
    write_pairs(path, [("".join(s), "".join(s[::-1])) for s in letters])


def write_pairs(path, pairs):
    """Two files below `path`, a line of each for every pair."""
    path.mkdir()
    for name, side in zip(("source", "target"), zip(*pairs, strict=True), strict=True):
        text = "".join(f"{line}\n" for line in side)
        (path / f"{name}.txt").write_text(text, "utf-8")


def write_texts(path, texts):
    """One file for each text, below `path`."""
    path.mkdir()
    for number, text in enumerate(texts):
        (path / f"{number:03d}.txt").write_bytes(text)


FILES = {  # word -> what writes it
    "two labels": table("nein", "ja"),
    "three labels": table("10", "9", "größer"),
    "songs": songs,
    "toy": toy,
    "lines": lines,
    "toy lines": toy_lines,
}


def randomise(folder):
    """Give the trained network in `folder` large random weights."""
    network, description = load_network(folder)
    rng = np.random.default_rng(0)
    set_weights(network, [rng.normal(0, 0.5, v.shape) for v in get_weights(network)])
    save_network(folder, network, description)


def make(name, folder):
    """Run the stages of a case in `folder`.  -> Case."""
    task, ingest, build, train = CASES[name]
    if "path" in ingest:
        path = folder / f"{ingest['path']}.csv"
        FILES[ingest["path"]](path)
        ingest = ingest | {"path": str(path)}
        if ingest["source"] == "parallel":
            del ingest["path"]
            ingest["source_path"] = str(path / "source.txt")
            ingest["target_path"] = str(path / "target.txt")
    folders = stages.run(
        folder,
        task,
        {"ingest": ingest, "build": build, "train": train},
        change=randomise if name in RANDOM else None,
        backend=os.environ.get("PHISTAR_TRAINED", "tensorflow"),
        drawn=name == DRAWN,
    )
    saved_model = folders.export / "saved_model"
    kinds = {"language": TextCase, "translation": PairCase}
    return kinds.get(task["name"], LabelCase)(
        name=name,
        task=task,
        folders=folders,
        data=Dataset.load(folders.dataset),
        signatures=tf.saved_model.load(str(saved_model)).signatures,
        contract=json.loads((saved_model / "contract.json").read_text("utf-8")),
    )


@dataclass(frozen=True)
class Case:
    """One export, loaded, and what it was made from.

    Args:
        name: of the case.
        task: plain data of the section `task`.
        folders: of the stages' outputs, see tests/helpers/stages.py.
        data: Dataset.
        signatures: of the SavedModel as loaded.
        contract: dict.
    """

    name: str
    task: dict
    folders: object
    data: Dataset
    signatures: dict
    contract: dict

    SIZE = 12  # rows of a mixed batch

    @property
    def saved_model(self):
        """Folder of the SavedModel."""
        return self.folders.export / "saved_model"

    @property
    def names(self):
        """The labels, as str; of texts, the tokens."""
        return self.data.space.names

    @property
    def metrics(self):
        """Metrics of the evaluation.  -> dict."""
        return json.loads((self.folders.report / "metrics.json").read_text("utf-8"))

    @property
    def test_nll(self):
        """-ln P of each test example, as evaluated.  -> float [N]."""
        return np.load(self.folders.report / "test_nll.npy")

    @property
    def encoder(self):
        """Encoder: Columns, Images, Text or Pairs.

        A new one: the random seed of another case's training takes the operations of
        sentencepiece from those that were called before.
        """
        return make_encoder(self.data)

    @functools.cached_property
    def predicted(self):
        """Answer of `predict` for all test inputs."""
        return self.ask("predict", **self.request(), **self.limits("predict"))

    def network(self, **arguments):
        """The trained network, with some arguments that change no weight."""
        network, description = load_network(self.folders.network)
        arguments = description["arguments"] | arguments
        other = make_network(description | {"arguments": arguments})
        set_weights(other, get_weights(network))
        return other

    def server(self, **arguments):
        """Server of the export, rebuilt in this process.  -> tf.Module."""
        scale = read_json(self.folders.network / "network.json")["scale"]
        task = make_task(self.task, self.data.space)
        decoding = read_json(self.folders.report / "decoding.json")
        make_server = server(self.task["name"])
        return make_server(
            task, self.encoder, self.network(**arguments), scale, decoding
        )

    def ask(self, signature, **inputs):
        """Call a signature; a number is one for every row.

        Args:
            signature: name.
            **inputs: arrays or lists [B, ...], at least one of them; or numbers.

        Returns:
            dict of np.ndarray.
        """
        specs = self.signatures[signature].structured_input_signature[1]
        size = next(len(values) for values in inputs.values() if np.ndim(values))
        tensors = {}
        for name, values in inputs.items():
            values = values if np.ndim(values) else [values] * size
            tensors[name] = tf.constant(values, specs[name].dtype)
        answer = self.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in answer.items()}

    def draw(self, inputs, **knobs):
        """Call `sample`; a knob is one number, or one for each row."""
        default = {"seed": 0, "temperature": 1.0, "top_k": 10**6, "top_p": 1.0}
        return self.ask("sample", **inputs, **self.limits("sample") | default | knobs)

    def mixed(self, signature):
        """Inputs of SIZE rows that have little in common, knobs of their own each.

        Returns:
            dict of arrays [SIZE, ...].
        """
        number, rows = np.arange(self.SIZE), slice(0, self.SIZE)
        request = self.request(rows)
        return (
            request
            | {
                "serving_default": {},
                "predict": self.mixed_limits("predict"),
                "log_prob": self.said(rows),
                "log_prob_tokens": self.said_tokens,
                "sample": self.mixed_limits("sample")
                | {
                    "seed": 7 + number,
                    "temperature": 0.5 + number / 4,
                    "top_k": 1 + number % 4,
                    "top_p": 1 - number / 40,
                },
            }[signature]
        )


class LabelCase(Case):
    """A case whose label is one of K names."""

    first = said_tokens = {}

    def limits(self, signature):
        """A label has no length."""
        return {}

    mixed_limits = limits

    @property
    def num_decisions(self):
        """Labels of the test split."""
        return len(self.data.split("test")[1])

    @functools.cached_property
    def test_labels(self):
        """The labels of test, by name.  -> list of str [N]."""
        values = self.data.split("test")[1]
        return [self.names[i] for i in self.data.space.index(values)]

    def request(self, rows=slice(None)):
        """x of test as the SavedModel takes it.  -> dict of arrays [B]."""
        return self.encoder.request(self.data.raw(), rows)

    def said(self, rows=slice(None)):
        """y of test.  -> dict of arrays [B]."""
        return {"label": np.array(self.test_labels)[rows]}

    def examples(self):
        """x and y of the test examples, as `log_prob` takes them."""
        return self.request() | self.said()

    def following(self, request):
        """ln P(y | x) of every y.  -> float [B, K], nats."""
        return self.ask("predict", **request)["log_probs"]

    def decided(self, answer):
        """Positions of an answer's labels in the label space.  -> int [B]."""
        order = {name.encode(): i for i, name in enumerate(self.names)}
        return np.array([order[label] for label in answer["label"]])

    def score(self, request, answer):
        """ln P of what was answered.  -> float [B], nats."""
        return self.ask("log_prob", **request, label=answer["label"])["log_prob"]


class SequenceCase(Case):
    """A case whose y is a sequence of tokens, and whose x is one string.

    A subclass defines `x_name`, the signatures' name of x, and `x`, an example.
    """

    first = {"max_length": 1}

    def limits(self, signature):
        """Limits of an answer of `predict` or `sample`; `predict` is greedy."""
        return {"max_length": 40}

    def mixed_limits(self, signature):
        """A length for each row."""
        return {"max_length": 1 + 7 * np.arange(self.SIZE) % 50}

    @property
    def text(self):
        """The Text that cuts y into tokens."""
        return self.encoder

    @property
    def num_decisions(self):
        """Tokens of the test split, ends counted."""
        return self.data.split("test")[1].lengths.sum()

    @property
    def said_tokens(self):
        """Tokens to follow, some of them without an end."""
        labels = self.data.split("test")[1]
        return padded([labels[n][: 40 - 3 * n].tolist() for n in range(self.SIZE)])

    def following(self, request):
        """ln P of every first token.  -> float [B, V], nats."""
        nothing = padded([[]] * len(request[self.x_name]))
        return self.ask("log_prob_tokens", **request, **nothing)["next_log_probs"]

    def decided(self, answer):
        """The first token of each row.  -> int [B]."""
        return answer["tokens"][:, 0]

    def score(self, request, answer):
        """ln P of the tokens that were answered.  -> float [B], nats."""
        tokens = {name: answer[name] for name in ("tokens", "lengths")}
        return self.ask("log_prob_tokens", **request, **tokens)["log_prob"]

    def by_token(self, rows, x=None):
        """`log_prob_tokens` of rows of tokens of any length, given one x, or each's."""
        x = self.x if x is None else x
        given = {self.x_name: [x] * len(rows) if isinstance(x, bytes) else x}
        return self.ask("log_prob_tokens", **given, **padded(rows))


class TextCase(SequenceCase):
    """A case whose y is a text, and whose x is its beginning."""

    x_name, x = "prompt", b""
    PROMPTS = (b"", b"x" * 40, "dum dé bam\n".encode() * 6, b"\xff", b"la")

    @property
    def texts(self):
        """The texts of test, as the data have them.  -> list of bytes."""
        raw = self.data.raw()
        return [raw[row].tobytes() for row in range(len(raw))]

    def request(self, rows=slice(None)):
        """Beginnings: some strange ones, then those of test.  -> dict of arrays [B]."""
        begun = [text[: 1 + number] for number, text in enumerate(self.texts)]
        prompts = [*self.PROMPTS, *begun[len(self.PROMPTS) :]]
        return {"prompt": objects(prompts[rows])}

    def said(self, rows=slice(None)):
        """Texts to follow.  -> dict of arrays [B]."""
        return {"text": objects(self.texts[rows])}

    def examples(self):
        """The test examples, as `log_prob` takes them."""
        texts = objects(self.texts)
        return {"prompt": np.full(len(texts), b""), "text": texts}


class PairCase(SequenceCase):
    """A case whose y is the translation of its x."""

    x_name, x = "source", b"la bim"
    # the second one is cut
    SOURCES = (b"", b"bim bam " * 20, "dé\r\ndum".encode(), b"\xff", b"la")

    def limits(self, signature):
        """Limits of other texts, and a beam of one."""
        beam = {"beam_size": 1, "length_penalty": 0.0}
        return {"max_length": 40} | (beam if signature == "predict" else {})

    def mixed_limits(self, signature):
        """A length for each row; and its beam."""
        number, limits = np.arange(self.SIZE), super().mixed_limits(signature)
        beam = {"beam_size": 1 + number % 4, "length_penalty": number / 4}
        return limits | (beam if signature == "predict" else {})

    @property
    def pairs(self):
        """The pairs of test, as `log_prob` takes them.  -> dict of arrays [N]."""
        return self.encoder.request(self.data.raw(), range(len(self.test_nll)))

    def request(self, rows=slice(None)):
        """Sources: some strange ones, then those of test.  -> dict of arrays [B]."""
        sources = [*self.SOURCES, *self.pairs["source"][len(self.SOURCES) :]]
        return {"source": objects(sources[rows])}

    def said(self, rows=slice(None)):
        """Translations.  -> dict of arrays [B]."""
        return {"text": self.pairs["text"][rows]}

    def examples(self):
        """The test examples, as `log_prob` takes them."""
        return self.pairs


def padded(rows):
    """Rows of tokens as `log_prob_tokens` takes them.

    Returns:
        {"tokens": int32 [B, T], "lengths": int32 [B]}.
    """
    lengths = np.array([len(row) for row in rows], "int32")
    tokens = np.zeros((len(rows), max(lengths, default=0)), "int32")
    for line, row in zip(tokens, rows, strict=True):
        line[: len(row)] = row
    return {"tokens": tokens, "lengths": lengths}
