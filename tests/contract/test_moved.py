"""Law: the folder works after a move, in a fresh process that has only tensorflow.

And what contract.json names as `op_libraries`, imported no earlier than it is needed.

One process for all cases, since importing tensorflow is most of its time. While it
runs, what the export was made from, and the place it was written to, are gone.
"""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.cases import CASES, SLOW

PROGRAM = """
import importlib, json, os, sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"


class Nowhere:
    def find_spec(self, name, path=None, target=None):
        # TensorFlow imports jax where it is installed, which takes seconds
        if name.partition(".")[0] in ("phistar", "keras_hub", "jax"):
            raise ImportError(name)


sys.meta_path.insert(0, Nowhere())
import numpy as np
import tensorflow as tf

for folder in json.load(sys.stdin):
    with open(os.path.join(folder, "saved_model", "contract.json"), "rb") as stream:
        for name in json.load(stream)["op_libraries"]:
            importlib.import_module(name)
    signatures = tf.saved_model.load(os.path.join(folder, "saved_model")).signatures
    asked = dict(np.load(os.path.join(folder, "asked.npz"), allow_pickle=False))
    given = {}
    for name, function in signatures.items():
        inputs = {
            key: tf.constant(asked[f"{name}/{key}"], spec.dtype)
            for key, spec in function.structured_input_signature[1].items()
        }
        for key, value in function(**inputs).items():
            value = value.numpy()
            given[f"{name}/{key}"] = value.astype("S") if value.dtype == "O" else value
    np.savez(os.path.join(folder, "given.npz"), **given)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def requests(case):
    """For each signature some rows, as arrays that need no pickle.  -> dict of dict."""
    return {
        signature: {
            name: values if values.dtype.kind in "fi" else fixed_width(values)
            for name, values in case.mixed(signature).items()
        }
        for signature in case.signatures
    }


def fixed_width(values):
    """str or bytes [B] -> fixed-width bytes [B]."""
    encoded = [v.encode() if isinstance(v, str) else bytes(v) for v in values]
    return np.array(encoded)


@pytest.fixture(scope="module")
def strangers(make_case, tmp_path_factory, pytestconfig):
    """Name -> (asked, given) of each case, and the modules of the fresh process."""
    quick = pytestconfig.getoption("markexpr") == "not slow"
    made = [make_case(name) for name in CASES if not (quick and name in SLOW)]
    # those first that need no library: it would be there for them too
    made.sort(key=lambda case: len(case.contract["op_libraries"]))
    cases = {case.name: case for case in made}
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    asked = {name: requests(case) for name, case in cases.items()}
    for name, case in cases.items():
        moved = elsewhere / name / "a folder"
        shutil.copytree(case.saved_model, moved / "saved_model")
        flat = {f"{s}/{k}": v for s, d in asked[name].items() for k, v in d.items()}
        np.savez(moved / "asked.npz", **flat)
        case.folders.dataset.parent.rename(elsewhere / name / "hidden")
    try:
        process = subprocess.run(
            [sys.executable, "-I", "-c", PROGRAM],
            input=json.dumps([str(elsewhere / name / "a folder") for name in cases]),
            capture_output=True,
            text=True,
            cwd=elsewhere,
            env={"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "-1"},
        )
    finally:
        for name, case in cases.items():
            hidden = elsewhere / name / "hidden"
            hidden.rename(case.folders.dataset.parent)
    assert process.returncode == 0, process.stderr[-3000:]
    given = {
        name: dict(np.load(elsewhere / name / "a folder" / "given.npz"))
        for name in cases
    }
    return asked, given, set(json.loads(process.stdout))


def test_fresh_process_has_nothing_of_ours(strangers):
    _, _, modules = strangers
    assert "tensorflow" in modules
    assert modules & {"phistar", "tests", "mlflow"} == set()


def test_moved_folder_gives_the_same_numbers(case, strangers):
    asked, given, _ = strangers
    for signature, inputs in asked[case.name].items():
        for name, values in case.ask(signature, **inputs).items():
            alone = given[case.name][f"{signature}/{name}"]
            if values.dtype == object:
                values = values.astype("S")
            np.testing.assert_array_equal(alone, values, f"{signature} {name}")
