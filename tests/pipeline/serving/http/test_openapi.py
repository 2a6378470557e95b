"""`/openapi.json`: it validates, its examples are true, a client is made of it."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from phistar.components.serving.request import DEFAULT
from phistar.pipeline.serving.http.openapi import camel
from tests.helpers.commands import LIMIT

RECIPES = ("shop", "digits", "kjv")


@pytest.fixture(params=RECIPES)
def described(served, request):
    """(Here, its document)."""
    server = served[request.param]
    status, headers, content = server.get("/openapi.json")
    assert status == 200 and headers["content-type"] == "application/json"
    return server, json.loads(content)


def validator(document, name):
    """The validator of one schema of a document."""
    schemas = {"components": document["components"]}
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}"} | schemas)


def operation(document):
    """What the document says of POST /invocations."""
    return document["paths"]["/invocations"]["post"]


def examples(document):
    """Signature -> (request, answer)."""
    asked = operation(document)["requestBody"]["content"]["application/json"]
    content = operation(document)["responses"]["200"]["content"]["application/json"]
    return {
        name: (example["value"], content["examples"][name]["value"])
        for name, example in asked["examples"].items()
    }


def same(given, expected):
    """Require equal plain data; numbers to 1e-4, as the golden batch is."""
    if isinstance(expected, dict):
        assert given.keys() == expected.keys()
        for name in expected:
            same(given[name], expected[name])
    elif isinstance(expected, list):
        for pair in zip(given, expected, strict=True):
            same(*pair)
    elif isinstance(expected, float):
        assert given == pytest.approx(expected, abs=1e-4)
    else:
        assert given == expected


def test_the_document_validates_and_has_no_outside_address(described):
    _, document = described
    OpenAPIV31SpecValidator(document).validate()
    assert "http" not in json.dumps(document)


def test_every_signature_has_an_example_that_gets_the_answer_it_shows(described):
    server, document = described
    assert examples(document).keys() == server.contract["signatures"].keys()
    for name, (request, answer) in examples(document).items():
        validator(document, f"{camel(name)}Request").validate(request)
        status, given = server.post(request)
        assert status == 200, given
        same(given, answer)
        schema = operation(document)["responses"]["200"]["content"]
        refs = [one["$ref"] for one in schema["application/json"]["schema"]["anyOf"]]
        fits = [
            ref
            for ref in refs
            if validator(document, ref.rpartition("/")[2]).is_valid(given)
        ]
        assert len(fits) == 1, name


def test_a_request_fits_the_schema_of_one_signature_and_a_wrong_one_of_none(described):
    server, document = described
    content = operation(document)["requestBody"]["content"]["application/json"]
    schema = content["schema"] | {"components": document["components"]}
    known = Draft202012Validator(schema)
    request, _ = examples(document)[DEFAULT]
    known.validate(request)
    (first, *_) = request["inputs"]
    for wrong in (
        {"inputs": request["inputs"] | {"more": [1]}},
        {"inputs": {}},
        {"inputs": request["inputs"] | {first: [{"a": 1}]}},
        request | {"params": {"seed": 1}},
        request | {"params": {"signature": "classify"}},
        request | {"more": 1},
    ):
        assert not known.is_valid(wrong)
        status, error = server.post(wrong)
        assert status == 400
        validator(document, "Refusal").validate(error)


def test_other_forms_of_a_request_fit_the_schema(served):
    server = served["shop"]
    document = json.loads(server.get("/openapi.json")[2])
    content = operation(document)["requestBody"]["content"]["application/json"]
    known = Draft202012Validator(
        content["schema"] | {"components": document["components"]}
    )
    rows = [{"size": 1.5, "town": "Köln"}]
    split = {"columns": ["size", "town"], "data": [[1.5, "Köln"]]}
    for form in (
        {"instances": rows},
        {"dataframe_records": rows},
        {"dataframe_split": split},
    ):
        assert server.post(form)[0] == 200
        known.validate(form)


@pytest.fixture
def client(described, tmp_path, monkeypatch):
    """A client's package, generated from the document as a user would do it."""
    server, document = described
    # openapi-python-client 0.29 does not import a name that it uses for two types
    operation(document)["requestBody"]["content"].pop("multipart/form-data", None)
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")  # no formatter
    name = f"client_of_{document['info']['title']}"
    command = [sys.executable, "-m", "openapi_python_client", "generate"]
    done = subprocess.run(
        [
            *command,
            *("--path", "openapi.json", "--config", "config.yaml"),
            *("--meta", "none", "--output-path", name, "--fail-on-warning"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(name)
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        del sys.modules[module]


def test_a_generated_client_gets_the_answers(described, client, tmp_path):
    server, document = described
    module = f"{client.__name__}.api.default.invocations"
    invocations = importlib.import_module(module)
    models = importlib.import_module(f"{client.__name__}.models")
    for name, (request, answer) in examples(document).items():
        body = getattr(models, f"{camel(name)}Request").from_dict(request)
        with client.Client(server.address) as opened:
            given = invocations.sync(client=opened, body=body)
        same(given.to_dict(), answer)
    with client.Client(server.address) as opened:
        body = models.InstancesRequest.from_dict({"instances": [{"a": 1}]})
        refused = invocations.sync_detailed(client=opened, body=body)
    assert refused.status_code == 400
    assert refused.parsed.contract == "/contract"
    assert Path(tmp_path, client.__name__, "models").is_dir()


def test_docs_show_every_input_and_output_and_load_nothing(described):
    server, _ = described
    from tests.helpers.pages import Page

    status, headers, content = server.get("/docs")
    assert status == 200 and "default-src 'none'" in headers["content-security-policy"]
    page = Page(content)
    for name, signature in server.contract["signatures"].items():
        assert name in page.text
        for end in (*signature["inputs"], *signature["outputs"]):
            assert end in page.text
    links = [given.get("href", given.get("src", "")) for _, given in page.elements]
    assert {link[0] for link in links if link} <= {"/", "#", "d"}  # data: of the icon
