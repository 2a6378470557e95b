"""Law: the numeric export answers what `predict` does, from arrays.

That OpenVINO and ONNX Runtime do too is asked by `make runtimes`.
"""

import json

import numpy as np
import pytest
import tensorflow as tf

from phistar.components.errors import RejectedModel
from phistar.components.serving import numeric
from tests.helpers.saved_models import operations


def folder(case):
    """Folder of the numeric export."""
    return case.folders.export / "numeric"


def asked(case, inputs):
    """ln P of encoded inputs.  array [B, ...] -> float32 [B, K], nats."""
    model = tf.saved_model.load(str(folder(case)))
    assert set(model.signatures) == {"serving_default"}
    return model.signatures["serving_default"](inputs=inputs)["log_probs"].numpy()


def encoded(case):
    """x of test as the network takes it.  -> tensor [N, ...]."""
    return tf.constant(np.asarray(case.data.split("test")[0]))


def test_log_probs_are_those_of_predict(label_case):
    found = asked(label_case, encoded(label_case))
    expected = label_case.predicted["log_probs"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_number_of_rows_is_free(label_case):
    inputs = encoded(label_case)
    whole = asked(label_case, inputs)
    for rows in (1, 7):  # of none TensorFlow makes an error: see Server.logits
        some = asked(label_case, inputs[:rows])
        assert some.shape == (rows, len(label_case.names))
        np.testing.assert_allclose(some, whole[:rows], rtol=0, atol=1e-5)


def test_golden_batch_is_the_evaluations(label_case):
    with np.load(folder(label_case) / "golden.npz") as golden:
        inputs, log_probs = golden["inputs"], golden["log_probs"]
    np.testing.assert_array_equal(inputs, encoded(label_case)[: len(inputs)])
    with np.load(label_case.folders.report / "golden.npz") as golden:
        np.testing.assert_array_equal(log_probs, golden["predict/out/log_probs"])


def test_description_is_that_of_what_is_loaded(label_case):
    stated = json.loads((folder(label_case) / "numeric.json").read_text("utf-8"))
    model = tf.saved_model.load(str(folder(label_case)))
    function = model.signatures[stated["signature"]]
    for side, specs in (
        ("inputs", function.structured_input_signature[1]),
        ("outputs", function.structured_outputs),
    ):
        (spec,) = specs.values()
        end = stated[side]
        assert list(specs) == [end["name"]]
        assert (spec.dtype.name, spec.shape.as_list()) == (end["dtype"], end["shape"])
        assert end["shape"][0] is None
    assert stated["labels"] == list(label_case.names)


def test_columns_are_encoded_as_the_description_says(column_case):
    stated = json.loads((folder(column_case) / "numeric.json").read_text("utf-8"))
    raw, scaled, missing, hot = column_case.data.raw(), [], [], []
    for column in stated["encoder"]["columns"]:
        x = raw[column["name"]]
        if column["kind"] == "numeric":
            z = (x - column["mean"]) / np.sqrt(column["variance"])
            scaled.append(np.where(np.isnan(x), 0, z))
            if column["missing"]:
                missing.append(np.isnan(x))
        else:
            unseen = ~np.isin(x, column["values"])
            hot += [unseen, *(x == value for value in column["values"])]
    made = np.stack([*scaled, *missing, *hot], axis=1)
    np.testing.assert_allclose(made, encoded(column_case), rtol=1e-4, atol=1e-5)


def test_it_holds_no_tables_and_no_pictures(label_case):
    found, _ = operations(folder(label_case))
    assert "MatMul" in found  # the graph was read
    assert not [op for op in found if "Table" in op or "Decode" in op]


def test_texts_have_none(sequence_case):
    assert not folder(sequence_case).exists()


@pytest.mark.parametrize("wrong", [1e-3, np.nan])
def test_another_answer_than_the_evaluations_is_refused(make_case, tmp_path, wrong):
    case = make_case("breast_cancer_linear_logistic")
    with np.load(case.folders.report / "golden.npz") as golden:
        evaluated = golden["predict/out/log_probs"] + np.float32(wrong)
    inputs = np.asarray(case.data.split("test")[0][: len(evaluated)])
    with pytest.raises(RejectedModel, match="numeric SavedModel"):
        numeric.write(tmp_path / "numeric", case.server(), inputs, evaluated)
