"""The same rows as files of every format, as a user may have them."""

import csv
import datetime
import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from pyarrow import feather

SPLITS = ("train", "valid", "test")


def as_csv(rows, separator=",", decimal=".", end="\n", quoting=csv.QUOTE_MINIMAL):
    """Rows as cells.  list of dict -> str"""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([cell(value, decimal) for value in row.values()])
    return text.getvalue()


def cell(value, decimal="."):
    """A value as people write it."""
    if isinstance(value, float):
        return str(value).replace(".", decimal)
    return "" if value is None else str(value)


def as_json(rows):
    """Rows as lines of JSON.  list of dict -> bytes"""
    lines = (json.dumps(row, default=str, ensure_ascii=False) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def zstd(data):
    """Packed bytes."""
    return pa.compress(data, "zstd", asbytes=True)


def as_parquet(rows, write=pq.write_table):
    """Rows as Parquet, or Feather.  list of dict -> bytes"""
    buffer = io.BytesIO()
    write(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


# ends of names -> function of rows, bytes
TABLES = {
    "commas.csv": lambda rows: as_csv(rows).encode(),
    "excel.csv": lambda rows: as_csv(rows, ";", ",", "\r\n").encode("utf-8-sig"),
    "quoted.csv": lambda rows: as_csv(rows, quoting=csv.QUOTE_ALL).encode(),
    "bars.csv": lambda rows: as_csv(rows, "|").encode(),
    "latin.csv": lambda rows: as_csv(rows).encode("cp1252"),
    "wide.csv": lambda rows: as_csv(rows, ";").encode("utf-16"),
    "tabs.tsv": lambda rows: as_csv(rows, "\t").encode(),
    "packed.csv.gz": lambda rows: gzip.compress(as_csv(rows).encode()),
    "packed.csv.zst": lambda rows: zstd(as_csv(rows).encode()),
    "lines.jsonl": as_json,
    "packed.jsonl.zst": lambda rows: zstd(as_json(rows)),
    "typed.parquet": as_parquet,
    "typed.feather": lambda rows: as_parquet(rows, feather.write_feather),
}
COLUMNS = ("commas.csv", "tabs.tsv", "lines.jsonl", "typed.parquet", "typed.feather")


def table(path, rows):
    """Write rows in the format that the end of a name tells.  -> path"""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = next(name for name in TABLES if path.name.endswith(name.partition(".")[2]))
    path.write_bytes(TABLES.get(path.name, TABLES[known])(rows))
    return path


def lines(path, texts):
    """Write lines; a name may end in .gz or .zst.  -> path"""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{text}\n" for text in texts).encode()
    packed = {".gz": gzip.compress, ".zst": zstd}.get(path.suffix)
    path.write_bytes(packed(data) if packed else data)
    return path


def each_a_file(folder, texts):
    """Write a file for each text.  -> folder"""
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"{number:03d}.txt").write_bytes(text.encode())
    return folder


def several(folder, rows, name="{}.csv"):
    """Write rows to three tables.  -> a pattern that names them"""
    for number, part in enumerate(np.array_split(np.arange(len(rows)), 3)):
        table(folder / name.format(number), [rows[row] for row in part])
    return folder / name.format("*")


def picture(path, pixels):
    """Write an image of few colours without a loss.  uint8 [H, W, 3] -> path"""
    path.parent.mkdir(parents=True, exist_ok=True)
    image, options = Image.fromarray(pixels), {}
    if path.suffix == ".webp":
        options["lossless"] = True
    if path.suffix == ".gif":
        flat, place = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
        image = Image.fromarray(place.reshape(pixels.shape[:2]).astype("uint8"), "P")
        image.putpalette(flat.tobytes())
    image.save(path, **options)
    return path


def pictures(number, seed):
    """Images of few colours, darker or lighter.

    Args:
        number: of them.
        seed: of their pixels.

    Returns:
        list of (label, uint8 [10, 12, 3]).
    """
    draw = np.random.default_rng(seed)
    made = []
    for one in range(number):
        label, shade = (("dark", 60), ("light", 190))[one % 2]
        grey = draw.normal(shade, 30, (10, 12)).clip(0, 255).astype("uint8")
        made.append((label, np.stack([grey, grey // 2, 255 - grey], axis=2)))
    return made


SUFFIXES = ("png", "webp", "bmp", "tif", "tiff", "gif", "PNG")


def in_folders(to, made, suffixes=SUFFIXES):
    """Write images to folders by label.

    Args:
        to: Path.
        made: of `pictures`.
        suffixes: formats, in turn.

    Returns:
        rows of a table that names them.
    """
    rows = []
    for number, (label, pixels) in enumerate(made):
        name = f"{label}/{number:03d}.{suffixes[number % len(suffixes)]}"
        picture(to / name, pixels)
        rows.append({"file": name, "what": label})
    return rows


def shop(number, seed):
    """Rows as a shop has them: numbers, a date, words, missing values, a label.

    Args:
        number: of rows.
        seed: of their values.

    Returns:
        list of dict.
    """
    draw = np.random.default_rng(seed)
    made = []
    for one in range(number):
        spent = draw.normal(50, 20)
        made.append(
            {
                "Kunde Nr": f"K{seed}{one:04d}",
                "Umsatz (€)": None if one % 11 == 0 else round(spent, 2),
                "seit": datetime.date(2020, 1, 1) + datetime.timedelta(one % 700),
                "Stadt": str(draw.choice(["Köln", "Rom", "Paris, 5e"])),
                "gekündigt": "ja" if spent + draw.normal(0, 10) > 55 else "nein",
            }
        )
    return made


WORDS = {"red": "rot", "dog": "Hund", "sun": "Sonne", "green": "grün", "cat": "Katze"}


def sentences(number, seed):
    """Words of English and of German, in line.  -> list of (str, str)"""
    draw = np.random.default_rng(seed)
    english = list(WORDS)
    made = [draw.choice(english, draw.integers(1, 5)).tolist() for _ in range(number)]
    return [(" ".join(one), " ".join(WORDS[word] for word in one)) for one in made]
