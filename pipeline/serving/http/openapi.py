"""`/openapi.json`: the server's routes as OpenAPI 3.1, from the contract.

Each signature has schemas of its own: what a request holds, and a row of the answer.
Its example is the first row of the golden batch, with the answer that it gets.
"""

from phistar.components.serving.request import DEFAULT, Signature, signature
from phistar.pipeline.serving.http.dates import dated

TYPES = {"float32": "number", "float64": "number", "string": "string"}
TYPES |= {"bool": "boolean", "int32": "integer", "int64": "integer"}
# MLflow's other forms of a request; each schema has a name, which clients give to it
OTHERS = {
    "instances": {"type": "array", "items": {"$ref": "#/components/schemas/AnyRow"}},
    "dataframe_records": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/AnyRow"},
    },
    "dataframe_split": {"$ref": "#/components/schemas/Split"},
}
DATE = {
    "type": ["number", "string", "null"],
    "description": "seconds, or text: as the data have it, or the year first",
}
SHARED = {
    "AnyRow": {"type": "object", "description": "name -> value, of every input"},
    "AnyParams": {"type": "object", "description": "signature, and its parameters"},
    "Split": {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}},
            "data": {"type": "array", "items": {"type": "array", "items": {}}},
        },
    },
}
REFUSAL = {
    "type": "object",
    "required": ["error_code", "message", "contract"],
    "properties": {
        "error_code": {"type": "string"},
        "message": {"type": "string", "description": "the whole error"},
        "input": {
            "type": ["string", "null"],
            "description": "the input or parameter that is wrong",
        },
        "received": {"type": ["string", "null"]},
        "expected": {"type": ["string", "null"]},
        "contract": {"type": "string", "description": "where the inputs are listed"},
    },
}
REFUSALS = {
    "400": "a mistake in the request",
    "401": "no token, where one is needed",
    "403": "another Host or Origin",
    "413": "a body that is too large",
    "415": "a body of another type, or of none",
    "431": "a head that is too large",
    "500": "the model failed",
    "503": "too many requests at once",
}
GETS = {  # path -> (operation, summary, content type, schema)
    "/contract": ("contract", "Inputs, outputs, metrics.", "application/json", {}),
    "/metrics": ("metrics", "Counts, as Prometheus reads them.", "text/plain", {}),
    "/ping": ("ping", "200 while the server is up.", "application/json", {}),
    "/health": ("health", "The same.", "application/json", {}),
    "/version": ("version", "MLflow's version.", "application/json", {}),
}


def document(about: dict, contract: dict, examples: dict) -> dict:
    """The OpenAPI document.

    Args:
        about: model, version and run.
        contract: of the SavedModel.
        examples: signature -> {"request", "answer"}.
    """
    schemas: dict[str, dict] = {"Refusal": REFUSAL}
    requests, answers = [], []
    for name in contract["signatures"]:
        called = signature(contract, name)
        requests.append(add_request(schemas, called, contract))
        answer = add_answer(schemas, called)
        answers += [answer] if answer not in answers else []
    schemas |= SHARED
    for form, schema in OTHERS.items():
        schemas[f"{camel(form)}Request"] = {
            "type": "object",
            "required": [form],
            "properties": {form: schema, "params": reference("AnyParams")},
        }
        requests.append(f"{camel(form)}Request")
    # the answer with the most keys first: a row of it is none of the others
    answers.sort(key=lambda name: -len(schemas[row_of(name)]["properties"]))
    content = {
        "application/json": {
            "schema": {"oneOf": list(map(reference, requests))},
            "examples": {
                name: {"summary": f"signature {name}", "value": example["request"]}
                for name, example in examples.items()
            },
        }
    }
    if contract["reads"] == "images":
        content["multipart/form-data"] = {"schema": reference("Upload")}
        schemas["Upload"] = upload(contract)
    responses = {
        "200": {
            "description": "a row of the answer for each row of the request",
            "headers": headers(about),
            "content": {
                "application/json": {
                    "schema": {"anyOf": list(map(reference, answers))},
                    "examples": {
                        name: {"value": example["answer"]}
                        for name, example in examples.items()
                    },
                }
            },
        }
    }
    refusal = {"application/json": {"schema": reference("Refusal")}}
    for status, text in REFUSALS.items():
        responses[status] = {"description": text, "content": refusal}
    invocations = {
        "operationId": "invocations",
        "summary": "Ask the model.",
        "requestBody": {"required": True, "content": content},
        "responses": responses,
    }
    gets = {
        path: {
            "get": {
                "operationId": operation,
                "summary": summary,
                "responses": {
                    "200": {
                        "description": summary,
                        "content": {kind: {"schema": schema}},
                    }
                },
            }
        }
        for path, (operation, summary, kind, schema) in GETS.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": about["model"],
            "version": about["version"],
            "description": f"{contract['verdict']} Made by run {about['run']}.",
        },
        "servers": [{"url": "/"}],
        "paths": {"/invocations": {"post": invocations}, **gets},
        "components": {"schemas": schemas},
    }


def add_request(schemas: dict, called: Signature, contract: dict) -> str:
    """Add the schemas of a signature's requests.  -> the name of the first."""
    title = camel(called.name)
    most, dates = contract["max_rows"], dated(called, contract)
    schemas[f"{title}Inputs"] = {
        "type": "object",
        "description": "a list of each input, a value a row",
        "required": list(called.shown.values()),
        "additionalProperties": False,
        "properties": {
            called.shown[name]: {
                "type": "array",
                "maxItems": most,
                "description": spec["meaning"],
                "items": DATE if name in dates else of_input(spec, contract),
            }
            for name, spec in called.inputs.items()
        },
    }
    chosen = {"type": "string", "const": called.name}
    schemas[f"{title}Params"] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["signature"] * (called.name != DEFAULT),
        "properties": {
            "signature": chosen,
            **{name: of_knob(spec) for name, spec in called.knobs.items()},
        },
    }
    schemas[f"{title}Request"] = {
        "type": "object",
        "required": ["inputs", "params"][: 1 + (called.name != DEFAULT)],
        "additionalProperties": False,
        "properties": {
            "inputs": reference(f"{title}Inputs"),
            "params": reference(f"{title}Params"),
        },
    }
    return f"{title}Request"


def add_answer(schemas: dict, called: Signature) -> str:
    """Add the schemas of a signature's answers, unless they are another's.

    Returns:
        the name of the answer's.
    """
    row = {
        "type": "object",
        "required": list(called.outputs),
        "additionalProperties": False,
        "properties": {n: of_output(spec) for n, spec in called.outputs.items()},
    }
    for name, schema in schemas.items():
        if schema == row:
            return name.removesuffix("Row") + "Answer"
    title = camel(called.name)
    schemas[f"{title}Row"] = row
    schemas[f"{title}Answer"] = {
        "type": "object",
        "required": ["predictions"],
        "additionalProperties": False,
        "properties": {
            "predictions": {"type": "array", "items": reference(f"{title}Row")}
        },
    }
    return f"{title}Answer"


def row_of(answer: str) -> str:
    """The name of the row's schema, of an answer's."""
    return answer.removesuffix("Answer") + "Row"


def of_input(spec: dict, contract: dict) -> dict:
    """The schema of one value of an input."""
    match spec["form"]:
        case "number":
            return {"type": ["number", "null"]}
        case "category":
            return {"type": ["string", "null"]}
        case "image":
            return {"type": "string", "contentEncoding": "base64"}
        case "label":
            return {"type": "string", "enum": contract["labels"]["names"]}
    schema: dict = {"type": TYPES[spec["dtype"]]}
    for _ in spec["shape"][1:]:
        schema = {"type": "array", "items": schema}
    return schema


def of_output(spec: dict) -> dict:
    """The schema of one row of an output; a number that is not finite is null."""
    kind = TYPES[spec["dtype"]]
    schema: dict = {"type": [kind, "null"] if kind == "number" else kind}
    for _ in spec["shape"][1:]:
        schema = {"type": "array", "items": schema}
    return schema | {"description": spec["meaning"]}


def of_knob(spec: dict) -> dict:
    """The schema of a parameter."""
    return {
        "type": TYPES[spec["dtype"]],
        "description": spec["meaning"],
        "default": spec["default"],
        **spec["range"],
    }


def upload(contract: dict) -> dict:
    """The schema of a form with files: images, and what may come with them."""
    knobs = {}
    for name in contract["signatures"]:
        knobs |= signature(contract, name).knobs
    label = contract["signatures"]["log_prob"]["inputs"]["label"]
    return {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": {
                "type": "array",
                "maxItems": contract["max_rows"],
                "items": {"type": "string", "format": "binary"},
            },
            "label": {"type": "array", "items": of_input(label, contract)},
            "signature": {"type": "string", "enum": list(contract["signatures"])},
            **{name: of_knob(spec) for name, spec in knobs.items()},
        },
    }


def headers(about: dict) -> dict:
    """The headers of an answer that say which model it is of."""
    return {
        f"phistar-{name}": {"schema": {"type": "string"}, "example": value}
        for name, value in about.items()
    }


def reference(name: str) -> dict:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def camel(name: str) -> str:
    """log_prob -> LogProb."""
    return "".join(part.title() for part in name.split("_"))
