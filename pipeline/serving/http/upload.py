"""A request as a form with files, as `curl -F image=@cat.png` sends it.

image        a file of an image; several, a row each
label        of each image, where the signature takes one
signature    and knobs: one value each
"""

import json

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from phistar.components.serving.request import Signature, Wrong
from phistar.pipeline.serving.http.body import asked

TYPE = "multipart/form-data"
SEVERAL = ("image", "label")  # fields that come once a row


async def fields(content: bytes, kind: str, rows: int) -> dict[str, list]:
    """The fields of a form: bytes of a file, text of others.

    Args:
        content: of the body.
        kind: its content type, which has the boundary between two fields.
        rows: images of a request at most.

    Raises:
        Wrong: no form.
    """

    async def receive() -> dict:
        return {"type": "http.request", "body": content, "more_body": False}

    headers = [(b"content-type", kind.encode("latin-1"))]
    request = Request({"type": "http", "headers": headers}, receive)
    found: dict[str, list] = {}
    try:
        # one more than a request may have: its own error says how many
        async with request.form(max_files=rows + 1, max_fields=rows + 32) as form:
            for name, value in form.multi_items():
                file = isinstance(value, UploadFile)
                found.setdefault(name, []).append(await value.read() if file else value)
    except MultiPartException as error:
        what, expected = "no form with files", "curl -F image=@FILE"
        raise Wrong(what, error.message, expected, reason="body") from None
    return found


def read(form: dict[str, list], contract: dict) -> tuple[Signature, dict]:
    """The signature of a form, and its arrays.

    Args:
        form: name -> values, of `fields`.
        contract: of the SavedModel.

    Raises:
        ValueError: the request's mistake.
    """
    data, params = {}, {}
    for name, values in form.items():
        if name in SEVERAL:
            data[name] = values
        elif len(values) > 1:
            what = f"{name} must come once"
            raise Wrong(what, f"{len(values)} of it", "one", name, "body")
        else:
            params[name] = value_of(name, values[0])
    for image in data.get("image", []):
        if not isinstance(image, bytes):
            what, expected = "image must be a file", "curl -F image=@FILE"
            raise Wrong(what, "text", expected, "image")
    return asked(data, params, contract)


def value_of(name: str, text: str | bytes) -> object:
    """A number, or the text itself."""
    if isinstance(text, bytes):
        raise Wrong(f"{name} must be a value", "a file", f"-F {name}=VALUE", name)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
