"""The end of a run that did not finish: stage, reason, advice."""

import re

from phistar.pipeline.process.errors import Failure

CONTINUES = "Type the same command again: it continues where this run stopped."
_SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z`])")
_FACTS = ("Received", "Expected")  # sentences that state facts, not advice


def ending(error: BaseException, entries: list[dict]) -> dict[str, str]:
    """The fields of the entry that ends the record.

    Args:
        error: it ended the run.
        entries: of the record.

    Returns:
        status, stage (the one that failed, "" if none was running), reason, advice
        ("" without one).
    """
    stages = [entry for entry in entries if entry["kind"] == "stage"]
    broken = stages and stages[-1]["status"] in ("running", "failed")
    about = {"stage": stages[-1]["stage"] if broken else ""}
    if isinstance(error, KeyboardInterrupt | SystemExit):
        word = "interrupted" if isinstance(error, KeyboardInterrupt) else "terminated"
        return {"status": "KILLED"} | about | {"reason": word, "advice": CONTINUES}
    failure = error if isinstance(error, Failure) else Failure.of(error)
    reason, advice = split(str(failure))
    if failure.details and not failure.expected:
        advice = advice or "The traceback is in log.txt."
    return {"status": "FAILED"} | about | {"reason": reason, "advice": advice}


def split(message: str) -> tuple[str, str]:
    """The reason and the advice of an error: our messages end with what to do."""
    sentences = _SENTENCE.split(message.strip())
    count = len(sentences)
    while count > 1 and not sentences[count - 1].startswith(_FACTS):
        count -= 1
    return " ".join(sentences[:count]), " ".join(sentences[count:])
