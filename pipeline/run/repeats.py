"""Executions that make nothing new: an earlier run has all of their results."""

from phistar.pipeline.record.journal import Record

Records = list[tuple[Record, list[dict]]]


def earlier(held: list[dict], children: list[list[dict]], records: Records) -> str:
    """run_id of the newest run that has all results of an execution, else "".

    Args:
        held: entries of the execution.
        children: entries of each of its children.
        records: all that are on disk, the oldest first.
    """
    if not all(map(only_cached, [held, *children])):
        return ""
    for record, entries in reversed(records):
        start, end = entries[0], entries[-1]
        if (
            start["experiment"] == held[0]["experiment"]
            and not start.get("parent")
            and start["tags"].get("seeds") == held[0]["tags"].get("seeds")
            and end["kind"] == "end"
            and end["status"] in ("FINISHED", "SCHEDULED")
            and results(held) <= results(entries)
            and all(twin(child, record.run_id, records) for child in children)
        ):
            return record.run_id
    return ""


def twin(held: list[dict], parent: str, records: Records) -> str:
    """run_id of the child of `parent` that has the same results, else ""."""
    for record, entries in records:
        if entries[0].get("parent") == parent and results(entries) == results(held):
            return record.run_id
    return ""


def only_cached(entries: list[dict]) -> bool:
    """True if every stage of a record came from the store."""
    stages = [entry for entry in entries if entry["kind"] == "stage"]
    return all(entry["status"] == "cached" for entry in stages)


def results(entries: list[dict]) -> set[tuple[str, str]]:
    """The (stage, key) of all results of a record."""
    return {
        (entry["stage"], entry["key"])
        for entry in entries
        if entry["kind"] == "stage" and entry["status"] in ("ran", "cached")
    }
