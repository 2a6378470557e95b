"""Stage 5, export: Dataset's description, Network, Report -> a SavedModel.

The SavedModel takes raw inputs and answers in probabilities. Its folder holds all
it needs, and runs with tensorflow alone and the libraries of operations that its
contract names. Before it gets its final name it must give the evaluation's -ln P of all
of test. A process without this project then checks its golden batch under another path.
It also writes and checks MLflow's model of it: mlflow_model/.

Where the network takes arrays of one shape, the folder numeric/ holds the network alone
for runtimes without strings; see components/serving/numeric.py.
"""

import shutil
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from phistar.components import artifacts, progress
from phistar.components.errors import RejectedModel
from phistar.components.serving import ask, clean, numeric, ops, parity, request, warmup
from phistar.components.serving import server as server_class

# in the SavedModel's folder: requests of test and their answers at evaluation
GOLDEN = Path("assets.extra", "golden.npz")
CARDS = Path("assets.extra")  # card.html and card.md, the model card
VERSIONS = "<!-- versions -->"  # the line of the card that the versions take
OLDEST_TENSORFLOW = "2.12"  # that opens and answers an export; `make oldest` asks it


def run(task, dataset, network, report, out_dir, log):
    """Write the SavedModel, its contract, and prove that it answers as evaluated.

    Args:
        task: plain data of the section `task`.
        dataset: folder of the Dataset; its description and test are read.
        network: folder of the trained Network.
        report: folder of the Report; its metrics, the golden batch, -ln P of the test
            examples and the model card are read.
        out_dir: folder to write the Export to.
        log: Journal.

    Raises:
        RejectedModel: if an answer differs from the evaluation's.
    """
    # importing tensorflow takes seconds: the clean process begins with it now
    with clean.take() as process, ask.plain(out_dir) as out_dir:
        data, folder = artifacts.Dataset.load(dataset), out_dir / "saved_model"
        model, description = artifacts.load_network(network)
        the_task = artifacts.make_task(task, data.space)
        encoder = artifacts.make_encoder(data)
        decoding = artifacts.read_json(Path(report) / "decoding.json")
        make_server = server_class(task["name"])
        server = make_server(the_task, encoder, model, description["scale"], decoding)
        signatures = server.signatures()
        progress.doing("saving the model")
        tf.saved_model.save(server, str(folder), signatures=signatures)
        words = {*strings(encoder.to_json()), *strings(data.space.to_json())}
        require_alone(folder, encoder.op_libraries, words)
        test_nll = np.load(Path(report) / "test_nll.npy")
        windows = getattr(model, "windows", None)
        context = windows and windows.context
        progress.doing("scoring test with the saved model")
        # before the contract is written: it states the SavedModel's own score
        served, drift = parity.score(data, encoder, folder, test_nll, context)
        differences = {"test_nll": served["test_difference"]}
        contract = {
            "task": task,
            "kind": data.description["inputs"]["kind"],
            "labels": data.space.to_json(),
            "signatures": {
                name: signature_contract(
                    function, server.units, server.forms, encoder.own_names
                )
                for name, function in signatures.items()
            },
            "knobs": server.knobs,
            "ranges": {name: r.to_json() for name, r in server.ranges.items()},
            "reads": encoder.reads,
            "max_rows": encoder.max_rows,
            "batch_size": encoder.batch_size,
            **server.facts(),
            # to be imported first; none: core TensorFlow operations only
            "op_libraries": list(encoder.op_libraries),
            "oldest_tensorflow": OLDEST_TENSORFLOW,
            "data": {"name": data.description["name"], **data.digests},
            "metrics": artifacts.read_json(Path(report) / "metrics.json"),
            "verdict": artifacts.read_json(Path(report) / "verdict.json")["sentence"],
            # test again, through the SavedModel
            "served": served,
            # what train had, and how much of test was outside of it
            "inputs": {
                "seen": encoder.seen(),
                "test": drift.to_json(),
                "reading": encoder.reading,
            },
            "golden": GOLDEN.as_posix(),
            "run_id": log.run_id,
            "versions": {
                "keras": keras.__version__,
                "phistar": version("phistar"),
                "tensorflow": tf.__version__,
            },
        }
        artifacts.write_json(folder / "contract.json", contract)
        (folder / GOLDEN).parent.mkdir()
        progress.doing("writing its first requests")
        shutil.copyfile(Path(report) / "golden.npz", folder / GOLDEN)
        write_cards(Path(report), folder / CARDS, contract["versions"])
        warmup.write(folder, contract, signatures)
        # only inputs of one shape go to runtimes without strings
        if encoder.array:
            alone = folder.with_name("numeric")
            evaluated = request.golden(folder / GOLDEN)[1]["predict"]["log_probs"]
            progress.doing("saving the network for other runtimes")
            inputs = np.asarray(data.split("test")[0][: len(evaluated)])
            differences["numeric"] = numeric.write(alone, server, inputs, evaluated)
            require_alone(alone)
        # last, since it is asked for all that lies in the folder by now
        mlflow_model = folder.with_name("mlflow_model")
        differences |= clean.ask(process, folder, mlflow_model)
    log.metrics({f"export_{n}_difference": v for n, v in differences.items()}, step=0)


def write_cards(report, folder, versions):
    """Write the model card, with the versions that wrote the SavedModel.

    Args:
        report: Path of the Report.
        folder: Path to write to.
        versions: package -> version.
    """
    words = ", ".join(f"{name} {number}" for name, number in versions.items())
    for name in ("card.html", "card.md"):
        text = (report / name).read_text("utf-8")
        text = text.replace(VERSIONS, f"Written by {words}.", 1)
        (folder / name).write_text(text, "utf-8")


def require_alone(folder, libraries=(), words=()):
    """Refuse a graph that runs Python, touches files, or knows where it was made.

    Args:
        folder: Path of the SavedModel.
        libraries: of operations, that its contract names.
        words: of the data, which may look like paths.

    Raises:
        RejectedModel: what it holds.
    """
    model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    found = ops.unknown(model, libraries) + ops.paths(model, words)
    if found:
        raise RejectedModel(
            f"the SavedModel holds what it may not. Received: {'; '.join(found)}. "
            "Expected operations of components/serving/ops.py, which neither run "
            "Python nor touch files, and no absolute path."
        )


def strings(plain):
    """Every string of plain data.  -> iterator of str."""
    match plain:
        case str():
            yield plain
        case dict():
            yield from (word for value in plain.values() for word in strings(value))
        case list() | tuple():
            yield from (word for value in plain for word in strings(value))


def signature_contract(function, units, forms, own_names):
    """Inputs and outputs of a concrete function.

    Args:
        function: concrete function.
        units: name of an input or output -> its meaning.
        forms: name of an input -> how a request gives it.
        own_names: name of an input -> name of its column in the data.

    Returns:
        {"inputs", "outputs"}: name -> dtype, shape, meaning; of inputs also form, and
        of columns their own name as column.
    """

    def describe(specs):
        return {
            name: {
                "dtype": spec.dtype.name,
                "shape": [size for size in spec.shape],
                "meaning": units[name],
            }
            for name, spec in specs.items()
        }

    inputs = describe(function.structured_input_signature[1])
    for name, spec in inputs.items():
        spec["form"] = forms[name]
        if name in own_names:
            spec["column"] = own_names[name]
    return {
        "inputs": inputs,
        "outputs": describe(function.structured_outputs),
    }
