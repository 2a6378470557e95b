"""The list of rows that could not be read, and were let through."""

import csv

NAME = "bad_rows{}.csv"  # with the split behind, where files are of one
LEFT_OUT = "rows that cannot be read left out, see bad_rows.csv"


def tell(faults, counts):
    """Count the rows.

    Args:
        faults: list of Fault.
        counts: Counter of notices.
    """
    for fault in faults:
        counts.add(LEFT_OUT, f"{fault.file}:{fault.line}")


def write(faults, path):
    """Write the list, if there are any.

    Args:
        faults: list of Fault.
        path: Path of a CSV file.
    """
    if not faults:
        return
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "line", "column", "value", "reason"])
        for fault in faults:
            writer.writerow([str(part) for part in fault[:5]])
