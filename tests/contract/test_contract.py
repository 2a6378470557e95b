"""Law: contract.json describes the SavedModel."""

from importlib.metadata import version
from pathlib import Path

from tests.helpers.cases import SequenceCase
from tests.helpers.stages import RUN_ID


def ends(specs):
    """TensorSpecs as the contract writes them, without the meaning."""
    return {
        name: {"dtype": spec.dtype.name, "shape": list(spec.shape)}
        for name, spec in specs.items()
    }


def test_signatures_of_every_task(case):
    for_all = {"serving_default", "predict", "log_prob", "sample"}
    for_texts = {"log_prob_tokens"} if isinstance(case, SequenceCase) else set()
    assert set(case.signatures) == for_all | for_texts


def test_contract_signatures_are_those_loaded(case):
    assert set(case.contract["signatures"]) == set(case.signatures)
    for name, function in case.signatures.items():
        stated = case.contract["signatures"][name]
        loaded = {
            "inputs": ends(function.structured_input_signature[1]),
            "outputs": ends(function.structured_outputs),
        }
        for side, specs in loaded.items():
            without_meaning = {
                key: {"dtype": end["dtype"], "shape": end["shape"]}
                for key, end in stated[side].items()
            }
            # outputs may be known more exactly before the trip through the file
            assert without_meaning == specs, f"{name}, {side}"


def test_every_input_shares_the_batch_dimension(case):
    for stated in case.contract["signatures"].values():
        for end in [*stated["inputs"].values(), *stated["outputs"].values()]:
            assert end["shape"][0] is None


def test_contract_gives_a_meaning_and_the_unit_of_every_end(case):
    for stated in case.contract["signatures"].values():
        for end in [*stated["inputs"].values(), *stated["outputs"].values()]:
            assert end["meaning"].strip()
        for name, end in stated["outputs"].items():
            assert ("nats" in end["meaning"]) == ("log_prob" in name)


def test_contract_gives_the_form_of_every_input(case):
    columns = case.data.description["inputs"]["encoder"].get("columns", [])
    forms = {"numeric": "number", "categorical": "category", "hashed": "category"}
    expected = {column["name"]: forms[column["kind"]] for column in columns}
    expected |= {"image": "image", "label": "label"}
    expected |= {"prompt": "text", "source": "text", "text": "text"}
    expected |= {"tokens": "tokens", "lengths": "lengths"}
    expected |= dict.fromkeys(case.contract["knobs"], "knob")
    for stated in case.contract["signatures"].values():
        for name, end in stated["inputs"].items():
            assert end["form"] == expected[end.get("column", name)]
            assert ("column" in end) == (end["form"] in forms.values())


def test_contract_says_where_the_model_comes_from(case):
    contract = case.contract
    assert contract["task"] == case.data.description["task"]
    assert contract["labels"]["names"] == list(case.names)
    pieces = contract["task"].get("tokenizer") == "sentencepiece"
    assert contract["op_libraries"] == ["tensorflow_text"] * pieces
    assert contract["kind"] == case.data.description["inputs"]["kind"]
    assert contract["data"]["name"] == case.data.description["name"]
    for split, digest in case.data.digests.items():
        assert contract["data"][split] == digest
    assert contract["run_id"] == RUN_ID
    assert contract["metrics"] == case.metrics
    for package in ("phistar", "keras", "tensorflow"):
        assert contract["versions"][package] == version(package)


def test_contract_scale_is_fitted_for_hinge_only(label_case):
    if label_case.name.endswith("hinge"):
        assert label_case.contract["scale"] > 0
        assert label_case.contract["scale"] != 1
    else:
        assert label_case.contract["scale"] == 1


def test_contract_states_how_long_texts_are_read(text_case):
    contract = text_case.contract
    assert contract["protocol"].startswith(f"windows of {contract['context']} tokens")


def test_contract_states_the_oldest_tensorflow_that_was_asked(case):
    makefile = (Path(__file__).parents[2] / "Makefile").read_text("utf-8")
    assert f"TensorFlow {case.contract['oldest_tensorflow']}," in makefile
