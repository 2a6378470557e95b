"""Time and memory of ingest beside pyarrow alone: a table of 1 million rows.

    python bench/ingest.py                   # 1,000,000 rows of 30 numbers and a label
    python bench/ingest.py --rows 4000000    # the memory must not grow with the rows

pyarrow alone reads the CSV and writes its numbers as float32, and the labels: what
ingest cannot do without. Ingest is timed without the import of TensorFlow.
Each runs in a process of its own, in turn; the best of some is told.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COLUMNS, REPEATS, BLOCK = 30, 3, 10**5


def write(path, rows):
    """Write the table."""
    import pyarrow as pa
    from pyarrow import csv

    rng, writer = np.random.default_rng(0), None
    for start in range(0, rows, BLOCK):
        size = min(BLOCK, rows - start)
        columns = {f"x{n}": rng.normal(size=size).round(4) for n in range(COLUMNS)}
        positive = columns["x0"] + rng.normal(size=size) > 0
        table = pa.table(columns | {"y": np.where(positive, "yes", "no")})
        writer = writer or csv.CSVWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def alone(path, folder):
    """Read the table with pyarrow and write arrays.  -> seconds"""
    from pyarrow import csv

    start = time.perf_counter()
    table = csv.read_csv(path)
    names = [name for name in table.column_names if name != "y"]
    numbers = np.stack([table[name].to_numpy() for name in names], axis=1)
    np.save(folder / "inputs.npy", numbers.astype("float32"))
    labels = np.where(table["y"].to_numpy() == "yes", 1, -1)
    np.save(folder / "labels.npy", labels.astype("int32"))
    return time.perf_counter() - start


def ingested(path, folder):
    """Ingest the table.  -> seconds"""
    import phistar.components.data.encoders.columns  # noqa: F401, TensorFlow
    from phistar.components import ingest
    from phistar.pipeline.record.journal import Journal

    log = Journal(folder / "journal.jsonl", "ingest", "0" * 32)
    task = {"name": "binary", "positive": "yes"}
    start = time.perf_counter()
    ingest.run(task, str(folder), log, source="table", path=str(path), label="y")
    return time.perf_counter() - start


def measured(way, path):
    """Run one way in this process.  -> dict of seconds, CPU seconds, peak memory"""
    import resource

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        before = time.process_time()
        seconds = {"pyarrow": alone, "ingest": ingested}[way](path, Path(folder))
        used = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu": used, "peak MiB": peak}


def main():
    """Print a line for each way, and the ratio of their times."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10**6)
    parser.add_argument("--folder", type=Path, help="on the disk to be used")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(measured(given.way, given.path)))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder, "table.csv")
        write(path, given.rows)
        found = {"pyarrow": [], "ingest": []}
        for _ in range(REPEATS):
            for way in found:
                words = [sys.executable, __file__, "--way", way, "--path", str(path)]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
    best = {
        way: min(runs, key=lambda run: run["seconds"]) for way, runs in found.items()
    }
    print(f"{given.rows:,} rows of {COLUMNS} numbers, the best of {REPEATS}")
    for way, run in best.items():
        print(way, ", ".join(f"{name} {value:.2f}" for name, value in run.items()))
    ratio = best["ingest"]["seconds"] / best["pyarrow"]["seconds"]
    print(f"ingest / pyarrow: {ratio:.2f}")


if __name__ == "__main__":
    main()
