"""Time and memory of ingest at size: a table, texts, small images.

    python bench/ingest.py                    # 1,000,000 rows of 30 numbers
    python bench/ingest.py --rows 20000000 --columns 8 --repeats 1
    python bench/ingest.py --text 10          # GB of lines, for characters
    python bench/ingest.py --images 1000000   # grey PNG files of 8x8 pixels
    ... --workers 1                           # as ingest.workers; default: what pays

The memory must not grow with the data. Beside ingest stands what it cannot do without:
pyarrow reads the rows and writes numbers as float32 and labels; pyarrow reads the lines
and writes their bytes; Pillow reads the images and writes their pixels. Each runs in a
process of its own, in turn; the best of some is told. Ingest is timed without the
import of TensorFlow. "peak" is the largest resident memory of the process, "worker"
that of the largest one of its workers.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BLOCK, GIGABYTE = 10**5, 10**9
LABELS = ("no", "yes")


def write_rows(path, rows, columns):
    """Write a table of numbers, a category and a label."""
    import pyarrow as pa
    from pyarrow import csv

    rng, writer = np.random.default_rng(0), None
    for start in range(0, rows, BLOCK):
        size = min(BLOCK, rows - start)
        made = {f"x{n}": rng.normal(size=size).round(4) for n in range(columns)}
        made["group"] = np.array(list("abcdefgh"))[rng.integers(8, size=size)]
        positive = made["x0"] + rng.normal(size=size) > 0
        table = pa.table(made | {"y": np.where(positive, *reversed(LABELS))})
        writer = writer or csv.CSVWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def write_text(path, size):
    """Write lines of words, about 100 characters each."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = [
        "".join(letters[rng.integers(26, size=n)]) for n in rng.integers(2, 10, 4096)
    ]
    with open(path, "w") as file:
        while file.tell() < size:
            chosen = [words[n] for n in rng.integers(len(words), size=16 * 2**14)]
            lines = (" ".join(chosen[n : n + 16]) for n in range(0, len(chosen), 16))
            file.write("\n".join(lines) + "\n")


def write_images(path, number):
    """Write grey images in a folder for each label."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for label in LABELS:
        (path / label).mkdir(parents=True)
    made = []
    for _ in range(10_000):  # different ones; each is written many times
        stream = io.BytesIO()
        pixels = rng.integers(256, size=(8, 8), dtype="uint8")
        Image.fromarray(pixels).save(stream, "png")
        made.append(stream.getvalue())
    for n in range(number):
        (path / LABELS[n % 2] / f"{n}.png").write_bytes(made[n % len(made)])


def rows_alone(path, folder):
    """Read a table with pyarrow and write arrays."""
    from pyarrow import csv

    table = csv.read_csv(path)
    names = [name for name in table.column_names if name.startswith("x")]
    numbers = np.stack([table[name].to_numpy() for name in names], axis=1)
    np.save(folder / "inputs.npy", numbers.astype("float32"))
    labels = np.where(table["y"].to_numpy() == "yes", 1, -1)
    np.save(folder / "labels.npy", labels.astype("int32"))


def text_alone(path, folder):
    """Read lines with pyarrow, some at a time, and write their bytes."""
    from pyarrow import csv

    reader = csv.open_csv(
        path,
        csv.ReadOptions(column_names=["text"], block_size=2**22),
        csv.ParseOptions(delimiter="\x01", quote_char=False),
    )
    with open(folder / "text.bin", "wb") as file:
        for batch in reader:
            file.write(batch.column(0).buffers()[2])


def images_alone(path, folder):
    """Read images with Pillow and write their pixels."""
    from PIL import Image

    with open(folder / "pixels.bin", "wb") as file:
        for label in LABELS:
            for one in os.scandir(path / label):
                with Image.open(one.path) as image:
                    file.write(image.tobytes())


def ingested(path, folder, what, workers):
    """Ingest the data.  -> seconds, CPU seconds"""
    from phistar.components import ingest
    from phistar.components.data.encoders import columns, images, text  # noqa: F401
    from phistar.pipeline.record.journal import Journal

    log = Journal(folder / "journal.jsonl", "ingest", "0" * 32)
    task = {"name": "binary", "positive": "yes"}
    keys = {"source": "table", "path": str(path), "label": "y"}
    if what == "text":
        task = {"name": "language", "tokenizer": "characters"}
        keys = {"source": "text", "path": str(path), "document": "line"}
    elif what == "images":
        keys = {"source": "image_folder", "path": str(path)}
    return timed(lambda: ingest.run(task, str(folder), log, workers=workers, **keys))


def timed(function):
    """Call a function.  -> seconds, CPU seconds of this process and its workers"""

    def used():
        return sum(os.times()[:4])

    start, before = time.perf_counter(), used()
    function()
    return time.perf_counter() - start, used() - before


def measured(way, what, path, workers):
    """Run one way in this process.  -> dict of seconds, CPU seconds, peak memory"""
    alone = {"rows": rows_alone, "text": text_alone, "images": images_alone}[what]
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder = Path(name)
        if way == "ingest":
            seconds, cpu = ingested(path, folder, what, workers)
        else:
            seconds, cpu = timed(lambda: alone(path, folder))

    def peak(who):
        return resource.getrusage(who).ru_maxrss / 1024

    found = {"seconds": seconds, "cpu": cpu, "peak MiB": peak(resource.RUSAGE_SELF)}
    if (largest := peak(resource.RUSAGE_CHILDREN)) > 0:
        found["worker MiB"] = largest
    return found


def main():
    """Print a line for each way, and the ratio of their times."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10**6)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--text", type=float, help="GB of lines instead of rows")
    parser.add_argument("--images", type=int, help="small images instead of rows")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to be used")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    what = "text" if given.text else "images" if given.images else "rows"
    if given.way:
        print(json.dumps(measured(given.way, what, given.path, given.workers)))
        return
    found = {"alone": [], "ingest": []}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder, {"rows": "t.csv", "text": "t.txt"}.get(what, "images"))
        if what == "rows":
            write_rows(path, given.rows, given.columns)
        elif what == "text":
            write_text(path, given.text * GIGABYTE)
        else:
            write_images(path, given.images)
        for _ in range(given.repeats):
            for way in found:
                words = [sys.executable, __file__, "--way", way, "--path", str(path)]
                done = subprocess.run(
                    [*words, *sys.argv[1:]], check=True, stdout=subprocess.PIPE
                )
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
        # before the files are removed, which may take long
        size = {
            "rows": f"{given.rows:,} rows of {given.columns} numbers and a category",
            "text": f"{given.text} GB of lines",
            "images": f"{given.images or 0:,} images",
        }[what]
        print(f"{size}, the best of {given.repeats}")
        best = {
            way: min(runs, key=lambda r: r["seconds"]) for way, runs in found.items()
        }
        for way, run in best.items():
            print(way, ", ".join(f"{name} {value:.2f}" for name, value in run.items()))
        ratio = best["alone"]["seconds"] / best["ingest"]["seconds"]
        told = f"speed of ingest / that of reading and writing alone: {ratio:.2f}"
        print(told, flush=True)


if __name__ == "__main__":
    main()
