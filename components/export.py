"""Stage 5, export: Dataset's description, Network, Report -> a SavedModel.

The SavedModel takes raw inputs and answers in probabilities. Its folder holds all
it needs, runs with tensorflow alone, and is asked for the golden batch's -ln P in
such a process before it gets its final name.
"""

import json
from importlib.metadata import version
from pathlib import Path

import keras
import tensorflow as tf

from components import clean
from components.artifacts import (
    Dataset,
    load_network,
    make_encoder,
    make_task,
    read_json,
    write_json,
)
from components.data.savedmodel import save
from components.decoding import sample

TOLERANCE = 1e-4  # nats, between evaluation and export
TEMPERATURE = (0.01, 100.0)  # range that `sample` accepts


class RejectedModel(Exception):
    """The export does not answer as the evaluated network did."""


def run(task, dataset, network, report, out_dir, log):
    """Write the SavedModel, its contract, and prove that it answers as evaluated.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; its description is read.
        network: folder of the trained Network.
        report: folder of the Report; its golden batch is read.
        out_dir: folder to write the Export to.
        log: Journal.

    Raises:
        RejectedModel: if an answer differs from the evaluation's.
    """
    # importing tensorflow takes seconds: the clean process begins with it now
    with clean.take() as process:
        data, folder = Dataset.load(dataset), Path(out_dir) / "saved_model"
        model, description = load_network(network)
        the_task, encoder = make_task(task, data.space), make_encoder(data)
        server = Server(the_task, encoder, model, description["scale"])
        signatures = server.signatures()
        save(server, folder, signatures)
        contract = {
            "task": task,
            "labels": data.space.to_json(),
            "signatures": {
                name: signature_contract(function, server.units)
                for name, function in signatures.items()
            },
            "scale": description["scale"],
            "op_libraries": [],  # core TensorFlow ops only
            "data": {"name": data.description["name"], **data.digests},
            "metrics": read_json(Path(report) / "metrics.json"),
            "run_id": log.run_id,
            "versions": {
                "keras": keras.__version__,
                "phistar": version("phistar"),
                "tensorflow": tf.__version__,
            },
        }
        write_json(folder / "contract.json", contract)
        difference = verify(process, folder, Path(report) / "golden.npz")
    log.metrics({"export_log_prob_difference": difference}, step=0)


class Server(tf.Module):
    """The signatures: raw inputs in, the data's own labels and nats out.

    Args:
        task: Task.
        encoder: Columns or Images.
        network: Network.
        scale: what the logits are multiplied by before P is taken.
    """

    def __init__(self, task, encoder, network, scale):
        super().__init__()
        self.task, self.encoder, self.network = task, encoder, network
        self.scale = scale
        self.labels = tf.constant(task.space.names)
        self.inputs = encoder.signature()
        # tracked, so that lookup tables and weights are saved
        self.tracked = [network, *getattr(encoder, "lookups", [])]

    def logits(self, inputs):
        """Logits, scaled to those of P.  dict of [B] -> float32 [B, num_outputs]."""
        inputs = self.encoder.encode_graph(inputs)
        return self.scale * self.network(inputs, training=False)

    def signatures(self):
        """The three signatures and `serving_default`.  -> dict of functions."""

        def predict(**inputs):
            logits = self.logits(inputs)
            log_probs, index = self.task.log_probs(logits), self.task.predict(logits)
            return {
                "label": tf.gather(self.labels, index),
                "log_prob": tf.gather(log_probs, index, batch_dims=1),
                "labels": tf.broadcast_to(self.labels, tf.shape(log_probs)),
                "log_probs": log_probs,
            }

        def log_prob(*, label, **inputs):
            log_probs = self.task.log_probs(self.logits(inputs))
            hit = tf.equal(label[:, None], self.labels[None, :])  # [B, K]
            known = tf.debugging.Assert(
                tf.reduce_all(tf.reduce_any(hit, axis=1)),
                [f"label must be one of: {', '.join(self.task.space.names)}", label],
            )
            with tf.control_dependencies([known]):
                index = tf.argmax(tf.cast(hit, tf.int32), axis=1)
            return {"log_prob": tf.gather(log_probs, index, batch_dims=1)}

        def draw(*, seed, temperature, top_k, top_p, **inputs):
            log_probs = self.task.log_probs(self.logits(inputs))
            low, high = TEMPERATURE
            in_range = [
                tf.debugging.Assert(tf.reduce_all(condition), [message])
                for condition, message in (
                    (
                        (temperature >= low) & (temperature <= high),
                        f"temperature must be in [{low}, {high}]",
                    ),
                    (top_k >= 1, "top_k must be at least 1"),
                    ((top_p > 0) & (top_p <= 1), "top_p must be in (0, 1]"),
                )
            ]
            with tf.control_dependencies(in_range):
                # a row's noise is its own seed's, so a batch changes nothing
                uniform = tf.map_fn(
                    lambda s: tf.random.stateless_uniform(
                        [self.task.space.size], [s, 0], minval=1e-7
                    ),
                    seed,
                    fn_output_signature=tf.float32,
                )
            index = sample(log_probs, uniform, temperature, top_k, top_p)
            return {
                "label": tf.gather(self.labels, index),
                "log_prob": tf.gather(log_probs, index, batch_dims=1),
            }

        def knob(name, dtype):
            return tf.TensorSpec([None], dtype, name)

        knobs = {
            "seed": knob("seed", tf.int64),
            "temperature": knob("temperature", tf.float32),
            "top_k": knob("top_k", tf.int32),
            "top_p": knob("top_p", tf.float32),
        }
        label = {"label": knob("label", tf.string)}
        functions = {
            "predict": (predict, self.inputs),
            "log_prob": (log_prob, self.inputs | label),
            "sample": (draw, self.inputs | knobs),
        }
        concrete = {
            name: tf.function(function).get_concrete_function(**specs)
            for name, (function, specs) in functions.items()
        }
        return {"serving_default": concrete["predict"], **concrete}

    @property
    def units(self):
        """Input or output name -> what it holds, with its unit or range."""
        low, high = TEMPERATURE
        return {
            **self.encoder.describe(),
            "label": f"one of {list(self.task.space.names)}",
            "labels": "all labels, in the order of log_probs",
            "log_prob": "ln P(label | x), nats",
            "log_probs": "ln P(y | x) for every label, nats",
            "seed": "integer; equal seeds draw equal labels",
            "temperature": f"in [{low}, {high}]; 1 samples from P",
            "top_k": "at least 1; the number of labels or more cuts nothing",
            "top_p": "in (0, 1]; 1 cuts nothing",
        }


def signature_contract(function, units):
    """Names, dtypes, shapes and units of a concrete function's ends."""

    def describe(specs):
        return {
            name: {
                "dtype": spec.dtype.name,
                "shape": [size for size in spec.shape],
                "meaning": units[name],
            }
            for name, spec in specs.items()
        }

    return {
        "inputs": describe(function.structured_input_signature[1]),
        "outputs": describe(function.structured_outputs),
    }


def verify(process, folder, golden):
    """Ask the SavedModel for the golden batch in the clean process.

    Args:
        process: of `clean.take`.
        folder: the SavedModel's.
        golden: path of golden.npz.

    Returns:
        float, the largest |difference| of a log-probability, nats.

    Raises:
        RejectedModel: if it is larger than 1e-4, or the process fails.
    """
    request = json.dumps({"saved_model": str(folder), "golden": str(golden)})
    answer, errors = process.communicate(request)
    if process.returncode:
        raise RejectedModel(f"the SavedModel does not answer alone:\n{errors[-2000:]}")
    result = json.loads(answer)
    difference = result["difference"]
    # `not <=` so that NaN is refused too
    if not difference <= TOLERANCE or result["foreign_modules"]:
        raise RejectedModel(
            "the SavedModel does not answer as the evaluated network did. Received: "
            f"a difference of {difference:.3g} nats, and the modules "
            f"{result['foreign_modules']}. Expected {TOLERANCE} nats at most, and none."
        )
    return difference
