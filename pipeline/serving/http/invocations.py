"""The ASGI endpoint of requests: a body -> the SavedModel -> rows of the answer."""

import asyncio
import json
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from phistar.components.serving.request import SHOWN, Signature, Wrong
from phistar.pipeline.serving.http import body, refusals, upload
from phistar.pipeline.serving.http.bodies import (
    MAX_BODY,
    Bodies,
    Full,
    Gone,
    TooLarge,
)
from phistar.pipeline.serving.http.metrics import Answered, Metrics
from phistar.pipeline.serving.http.refusals import JSON, Refusal, respond

if TYPE_CHECKING:
    from phistar.components.serving.ask import Model

AT_ONCE = 2  # requests: Python takes turns, and TensorFlow uses all cores for each
WAITING = 64  # requests that came whole; more get 503
Read = Callable[[], tuple[Signature, dict]]


class Invocations:
    """The endpoint.

    Args:
        model: of the served version.
        contract: of its SavedModel.
        metrics: that count the requests.
    """

    def __init__(self, model: "Model", contract: dict, metrics: Metrics):
        self.model, self.contract, self.metrics = model, contract, metrics
        self.threads = ThreadPoolExecutor(AT_ONCE)
        self.waiting, self.bodies = 0, Bodies()

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """Read one request, send its answer, and count it."""
        began = time.perf_counter()
        try:
            async with self.bodies.body(receive) as content:
                answered = await self.answered(scope, content)
        except TooLarge:
            text = f"a body of more than {MAX_BODY} bytes. Send fewer rows at a time."
            answered = refused(Refusal(413, text, "size"))
        except Full:
            answered = busy("the bodies of other requests fill the memory")
        except Gone:
            return
        await respond(send, answered.status, answered.content)
        # after the answer: nobody waits for it
        self.metrics.count(answered, time.perf_counter() - began)
        scope["answered"] = answered  # for the access log

    async def answered(self, scope: dict, content: bytes) -> Answered:
        """The answer to one request, or its refusal."""
        if self.waiting >= WAITING:
            return busy(f"more than {WAITING} wait")
        kind = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        if is_json(kind):
            read: Read = partial(body.read, content, self.contract)
        elif self.contract["reads"] == "images" and kind.startswith(upload.TYPE):
            try:
                form = await upload.fields(content, kind, self.contract["max_rows"])
            except Wrong as error:
                return refused(refusals.of(error))
            read = partial(upload.read, form, self.contract)
        else:
            return refused(other_type(kind, self.contract["reads"]))
        work = partial(answer, self.model, self.contract, read)
        loop = asyncio.get_running_loop()
        self.waiting += 1
        try:
            return await loop.run_in_executor(self.threads, work)
        finally:
            self.waiting -= 1


def answer(model: "Model", contract: dict, read: Read) -> Answered:
    """The answer to a request.

    Args:
        model: the champion's.
        contract: of its SavedModel.
        read: the signature and the arrays of the request.
    """
    called = None
    try:
        called, inputs = read()
        outputs = model.call(called.name, inputs)
    except ValueError as error:
        return refused(refusals.of(error, called), called)
    except Exception:  # the next request is answered
        traceback.print_exc()
        return refused(Refusal(500, "the model failed", "error"), called)
    rows = called.answer(outputs, cut=False, shortest=False)
    content = json.dumps({"predictions": rows}, allow_nan=False).encode()
    # of an image nothing is counted, and it may be large
    counted = inputs if contract["inputs"]["seen"] else {}
    return Answered(200, content, "", called, counted, outputs, len(rows))


def refused(refusal: Refusal, called: Signature | None = None) -> Answered:
    """A refusal as the answer."""
    return Answered(refusal.status, refusal.content(), refusal.reason, called)


def busy(why: str) -> Answered:
    """The refusal of a request that may be sent again."""
    text = f"too many requests at once: {why}. Try again."
    return refused(Refusal(503, text, "busy"))


def other_type(kind: str, reads: str) -> Refusal:
    """The refusal of a body that is not JSON, or does not say so.

    A page of another site may send a body without a type, unasked by its reader.
    """
    forms = f" or {upload.TYPE} with image=@FILE" if reads == "images" else ""
    received, expected = SHOWN.repr(kind) if kind else "no type", f"{JSON}{forms}"
    text = (
        f"a body of another type. Received: {received}. Expected: {expected} "
        f"(curl -H 'content-type: {JSON}'). `phistar predict` reads files of CSV."
    )
    return Refusal(415, text, "type", "content-type", received, expected)


def is_json(kind: str) -> bool:
    """True if a content type is JSON in UTF-8."""
    return kind.lower().replace(" ", "") in (JSON, f"{JSON};charset=utf-8")
