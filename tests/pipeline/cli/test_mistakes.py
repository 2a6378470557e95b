"""Mistakes that newcomers made: each is one clear message, soon, with its exit status.

Numbers are those of the list of mistakes that people made with an early version; a
number may have several rows. A message says what is wrong, what was received, what was
expected, or what to do next.
"""

import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from phistar.components.data.sources.table import table as table_source
from phistar.pipeline.record.journal import Record
from phistar.pipeline.run.stages import NAMES
from phistar.pipeline.store.store import Store
from tests.helpers import records
from tests.helpers.commands import CODE, Done, here

SECONDS = 3  # of CPU


class Mistake(NamedTuple):
    """One row.

    Args:
        number: in the list.
        typed: after `phistar`, in a folder that holds the FILES that it names.
        stated: parts of the message.
        status: exit status.
    """

    number: int
    typed: str
    stated: tuple[str, ...]
    status: int = 2


def churn(line: str) -> list[str]:
    """Rows of a table; `line` is a format of a number and a label."""
    return [line.format(n, ("no", "yes")[n % 2]) for n in range(60)]


def table(*lines: str, header: str = "age,city,income,churned") -> bytes:
    """A CSV file."""
    return "\n".join([header, *lines, ""]).encode()


def image(form: str) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    Image.effect_noise((16, 16), 64).save(buffer, form)
    return buffer.getvalue()


def workbook() -> bytes:
    """The frame of an Excel file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>" * 99)
    return buffer.getvalue()


ROWS = churn("{0},Paris,{0}.5,{1}")
THIRD = [*ROWS[:3], "40,Paris,1.5,Berlin", *ROWS[3:]]
PNG = image("PNG")
LABELS = "mean_radius,mean_texture,label"
FILES = {
    "good.csv": table(*ROWS),
    "empty.csv": b"",
    "header.csv": table(),
    "one_class.csv": table(*(row.replace("yes", "no") for row in ROWS)),
    "five.csv": table(*ROWS[:5]),
    "ragged.csv": table(*ROWS[:7], "1,Paris,2.5,yes,9", *ROWS[7:]),
    "semicolons.csv": table(*ROWS).replace(b",", b";"),
    "tabs.csv": table(*ROWS).replace(b",", b"\t"),
    "latin1.csv": table(*ROWS[:9], "5,Zürich,1,no").decode().encode("latin-1"),
    "utf16.csv": table(*ROWS).decode().encode("utf-16"),
    "unlabelled.csv": table("1,Paris,2.5,", *ROWS),
    "no_header.csv": table(*ROWS[1:], header=ROWS[0]),
    "third.csv": table(*THIRD),
    "png.csv": PNG,
    "excel.csv": workbook(),
    "old.yaml": b"# @package _global_\ninherits: breast_cancer\n",
    "broken.yaml": b"train:\n  steps: [1\n",
    "positive.yaml": b"inherits: breast_cancer\ntask:\n  positive: yes\n",
    "readme.yaml": b"""inherits: breast_cancer
task: {name: binary, positive: "yes"}
ingest: {source: table, path: good.csv, label: churned, categorical: [postcode]}
""",
    "bad/cat/1.png": PNG,
    "bad/dog/2.png": PNG[: len(PNG) // 2],
    "text/cat/1.png": PNG,
    "text/dog/2.png": b"age,city\n1,2\n",
    "one/cat/1.png": PNG,
    "one/cat/2.png": PNG,
    "empty.txt": b"",
    "de.txt": b"eins\nzwei\n",
    "en.txt": b"one\ntwo\nthree\n",
    "cells.csv": table("1,2,a", "3,abc,b", header=LABELS),
    "renamed.csv": table("1,2", header="mean radius,mean texturee"),
    "twice.csv": table("1,2,3", header="mean radius,mean_radius,mean texture"),
    "file": b"not a folder",
    "broken.png": PNG[: len(PNG) // 2],
    "photo.png": PNG,
}
CSV = "run breast_cancer ingest.source=table ingest.label=churned task.positive=yes "
FOLDER = "run digits ingest.source=image_folder ingest.path="
TEXT = "run kjv_quick ingest.source=text ingest.path="
PAIRS = "run libreoffice_en_de_quick ingest.source=parallel "
IN_UTF8 = ("excel.csv is no CSV file", "an Excel file", "save the sheet as CSV")

TABLE = [
    Mistake(1, "run brest_cancer", ("no such recipe", "Did you mean breast_cancer?")),
    Mistake(2, "run", ("RECIPE", "phistar list")),
    Mistake(3, "run digits train.learningrate=1", ("mean train.learning_rate?",)),
    Mistake(4, "run digits train.steps=many", ('"many"', "Expected: int ≥ 1")),
    Mistake(5, "run breast_cancer --epochs 5", ("train.epochs=5",)),
    Mistake(6, "run breast_cancer epochs=5", ("train.epochs=5",)),
    Mistake(7, "run digits train.steps=-5", ("out of range", "-5", "int ≥ 1")),
    Mistake(8, "show breast_cancer train.epochs=5", ("train.eval_every",), status=0),
    Mistake(
        9,
        "run breast_cancer build.network=vgg16",
        ("takes images", "build.network=vgg16", "a source of columns", "linear or mlp"),
    ),
    Mistake(
        9, "plan breast_cancer build.network=transformer_lm", ("text", "linear or mlp")
    ),
    Mistake(10, "run digits train.loss=hinge", ('"hinge"', "one of cross_entropy")),
    Mistake(11, "run digits build.network=resnet50", ("unknown choice", "vgg_small")),
    Mistake(
        12,
        CSV + "ingest.path=good.csv ingest.label=churn",
        ("no such column", "ingest.label='churn'", "'income'", "mean 'churned'?"),
    ),
    Mistake(
        13,
        CSV + "ingest.path=good.csv task.positive=maybe",
        ("`task.positive` is not a label", "'maybe'", "'no', 'yes'"),
    ),
    Mistake(13, "run breast_cancer task.positive=M", ("'M'", "'malignant'")),
    Mistake(14, "run positive.yaml", ("positive.yaml:3", "true", "quote the word")),
    Mistake(
        14,
        "run breast_cancer task.positive=1",
        ("Received: 1", "Expected: str", """task.positive='"1"'"""),
    ),
    Mistake(
        15,
        CSV + "ingest.path=gone.csv",
        ("no such file", "ingest.path='gone.csv'", "/gone.csv", ".parquet"),
    ),
    Mistake(
        16,
        CSV + "ingest.path=bad",
        ("no such file", "2 files of other kinds left out: cat/1.png", ".csv"),
    ),
    Mistake(
        17,
        CSV + "ingest.path=empty.csv",
        ("empty.csv is empty", "no header", "names of the columns"),
    ),
    Mistake(18, CSV + "ingest.path=header.csv", ("no row", "a row for each example")),
    Mistake(
        19,
        CSV + "ingest.path=one_class.csv",
        ("one class only", "60 rows", "'no'", "at least two labels"),
    ),
    Mistake(
        20,
        CSV + "ingest.path=five.csv",
        ("one class only in valid", "1 rows", "add data"),
    ),
    Mistake(
        21,
        CSV + "ingest.path=ragged.csv",
        ("ragged.csv:9", "another length", "5 values", "Expected 4"),
    ),
    Mistake(
        22,
        CSV + "ingest.path=good.csv ingest.separator=;",
        ("no such column", "'age,city,income,churned'", "divided by semicolons"),
    ),
    Mistake(
        23,
        CSV + "ingest.path=latin1.csv",
        (
            "latin1.csv:11",
            "not UTF-8",
            "byte 0xfc",
            "'Zürich'",
            "ingest.encoding=cp1252",
        ),
    ),
    Mistake(
        23,
        CSV + "ingest.path=good.csv ingest.encoding=utf8x",
        ("no such encoding", "'utf8x'", "cp1252"),
    ),
    Mistake(
        24,
        CSV + "ingest.path=unlabelled.csv",
        (
            "1 row has no label",
            "unlabelled.csv:2",
            "'churned'",
            "ingest.drop_unlabelled=true",
        ),
    ),
    Mistake(
        25,
        CSV + "ingest.path=no_header.csv",
        (
            "no such column",
            "first line looks like a row",
            "add a line with the columns'",
        ),
    ),
    Mistake(
        26, "run old.yaml", ("old.yaml:1", "a recipe in the old form", "inherits:")
    ),
    Mistake(
        27, "run broken.yaml", ("broken.yaml:3", "cannot be read", "YAML in UTF-8")
    ),
    Mistake(28, "run gone.yaml", ("no such file", "a recipe's YAML file")),
    Mistake(
        29,
        CSV + "ingest.path=third.csv",
        ("third one, 'Berlin', in row 3", "task.name=multiclass"),
    ),
    Mistake(
        30,
        "run digits train.stepz=1 build.widht=3 task.name=binry",
        ("train.steps?", "build.width?", "binary?"),
    ),
    Mistake(
        31,
        "run breast_cancer --root /sys/phistar",
        ("the root cannot be written", "--root /sys/phistar", "another --root"),
    ),
    Mistake(32, "run breast_cancer --root file", ("the root is a file", "--root")),
    Mistake(32, "ui --root file", ("the root is a file", "--root")),
    Mistake(33, "predict digits good.csv", ("no such run", "phistar run NAME")),
    Mistake(34, "promote digits", ("no such run", "digits", "phistar run NAME")),
    Mistake(35, "predict 12345678 good.csv", ("12345678", "the folder of an export")),
    Mistake(36, "predict table gone.csv", ("no such file", "/gone.csv", "stdin")),
    Mistake(36, "predict table bad", ("a folder, not a file", "stdin")),
    Mistake(
        37,
        "predict table renamed.csv",
        (
            "renamed.csv:1: missing in the header: mean texture",
            "mean radius, mean texturee",
            "Did you mean mean texturee?",
        ),
    ),
    Mistake(
        37,
        "predict table twice.csv",
        ("more than once in the header: mean radi", "once;"),
    ),
    Mistake(
        39,
        "predict table cells.csv",
        ("cells.csv:3", "'mean texture' holds no number", "'abc'", "--missing WORD"),
    ),
    Mistake(40, CSV + "ingest.path=png.csv", ("png.csv is no CSV file", "a PNG image")),
    Mistake(40, "predict table photo.png", ("photo.png is no CSV file", "a PNG image")),
    Mistake(
        41,
        "predict images good.csv",
        ("good.csv: no column names files that are there", "--column NAME"),
    ),
    Mistake(41, FOLDER + "text", ("2.png is not an image", "text that begins with")),
    Mistake(
        42, "predict images broken.png", ("a PNG image that is cut off", "replace")
    ),
    Mistake(43, CSV + "ingest.path=excel.csv", IN_UTF8),
    Mistake(43, "predict table excel.csv", IN_UTF8),
    Mistake(44, "predict table good.csv --signature proba", ("'proba'", "log_prob")),
    Mistake(
        45,
        "predict table renamed.csv --signature log_prob --label churned",
        ("missing in the header: ", "churned", "--label COLUMN"),
    ),
    Mistake(
        46,
        "predict table cells.csv --temperature 2",
        ("no such option", "--temperature", "with --signature sample"),
    ),
    Mistake(47, "serve nothing", ("nothing has been promoted", "phistar promote RUN")),
    Mistake(48, "serve digits", ("Received: digits", "phistar promote RUN")),
    Mistake(50, "ui --port {taken}", ("port {taken}", "take another: --port")),
    Mistake(51, "ui --port 99999", ("no such port", "99999", "from 1 to 65535")),
    Mistake(60, "ui --port 0", ("--port", "0 is not at least 1")),
    Mistake(
        52, "compare one other", ("the same test data only", "Expected runs of one")
    ),
    Mistake(53, "compare breast_cancer", ("RUN",)),
    Mistake(54, "compare one oter", ("no such run", "oter", "Did you mean other?")),
    Mistake(55, "promote 12345678", ("no such run", "12345678", "phistar run NAME")),
    Mistake(56, "promote failed", ("without the result of `export`", "phistar export")),
    Mistake(57, "rollback digits", ("nothing has been promoted", "digits")),
    Mistake(58, "train_model digits", ("train_model", "Did you mean train?")),
    Mistake(
        59,
        "run digits --from evaluate train.seed=77",
        ("which is not in the store", "train.seed=77"),
    ),
    Mistake(60, "run digits --seeds 0", ("--seeds", "0 is not at least 1")),
    Mistake(61, "run digits --from trian", ("trian", "Did you mean train?")),
    Mistake(64, "run readme.yaml", ("ingest.categorical='postcode'", "'age', 'city'")),
    Mistake(65, FOLDER + "gone", ("no such folder", "ingest.path='gone'", "Expected")),
    Mistake(66, FOLDER + "bad", ("2.png is not an image", "cut off", "take it away")),
    Mistake(66, FOLDER + "one", ("one class only", "the label 'cat'")),
    Mistake(68, TEXT + "empty.txt", ("no text", "every file is empty", "Expected")),
    Mistake(
        69,
        PAIRS + "ingest.source_path=en.txt ingest.target_path=de.txt",
        ("en.txt with 3 lines", "de.txt with 2", "Expected as many"),
    ),
    Mistake(
        70,
        "run fashion_mnist ingest.name=cifar10 ingest.data_dir=nowhere",
        ("cifar10 is not prepared", "cannot be reached", "download_and_prepare()"),
        status=1,
    ),
    Mistake(71, "run digits task.name=regression", ("unknown choice", "multiclass")),
    Mistake(72, "run digits train.early_stopping=5", ("train.stop_after",)),
    Mistake(73, "run digits train.optimizer=adam", ("unknown choice", "mean adamw?")),
    Mistake(74, "run digits train.lr=0.1", ("train.learning_rate",)),
    Mistake(75, "run digits train.devices=gpu", ("needs a GPU", "Leave train.devices")),
    Mistake(76, "run digits --rot x", ("--root",)),
    Mistake(77, "run digits train.steps=5 train.epochs=5", ("exactly one of",)),
    Mistake(78, "run breast_cancer train.steps=100", ("eval_every=80, so 80 or 160",)),
    Mistake(79, "run kjv_quick", ("no such program", "apt-get", "sword-text-kjv"), 1),
    Mistake(
        80,
        "run breast_cancer train.learning_rate=1e30",
        ("the loss is not finite at step", "Lower `train.learning_rate`"),
        status=1,
    ),
]
TERSE = (2, 44, 53, 59, 60, 75, 80)  # the value is in the sentence itself
LATE = (80,)  # found by training, which imports TensorFlow and records a run
# Found in a new process too: each is found at another place.
ALONE = ("run brest", "png.csv", "latin1.csv", "vgg16", "third.csv", "gone.csv")
ALONE = (*ALONE, "images broken.png", "path=bad", "/sys", "99999", "cifar10")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory of a mistake; no network, no apt-get, an empty cache."""
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy", "ftp_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def prepare(folder: Path, typed: str, port: int) -> list[str]:
    """Write the files that a command names.  -> its words."""
    for name, content in FILES.items():
        if any(part in typed for part in (name, f"={name.split('/')[0]}")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    if "readme" in typed:
        (folder / "good.csv").write_bytes(FILES["good.csv"])
    if "predict bad" in typed or "table bad" in typed:
        (folder / "bad").mkdir()
    for kind in ("table", "images"):
        if f"predict {kind} " in typed:
            export(folder / kind, kind)
    if "compare one" in typed or "promote failed" in typed:
        runs(folder)
    return shlex.split(typed.replace("{taken}", str(port)))


def export(folder: Path, reads: str) -> None:
    """The contract of an export, as far as it is read before the model is loaded."""

    def spec(form):
        dtype = "float32" if form == "number" else "string"
        return {"dtype": dtype, "shape": [None], "meaning": "made up", "form": form}

    inputs = {"image": spec("image")}
    if reads == "table":
        columns = {"mean_radius": "mean radius", "mean_texture": "mean texture"}
        inputs = {
            name: spec("number") | {"column": own} for name, own in columns.items()
        }
    knobs = {"seed": spec("knob"), "temperature": spec("knob")}
    ends = {
        "serving_default": inputs,
        "predict": inputs,
        "log_prob": inputs | {"label": spec("label")},
        "sample": inputs | knobs,
    }
    folder.mkdir()
    contract = {
        "reads": reads,
        "white": 65535,
        "batch_size": 32,
        "signatures": {n: {"inputs": i, "outputs": {}} for n, i in ends.items()},
        "knobs": {"seed": 0, "temperature": 1.0},
        "ranges": {},
        "inputs": {"seen": {}, "test": {}},
        "run_id": "0" * 32,
    }
    (folder / "contract.json").write_text(json.dumps(contract))


def runs(root: Path) -> None:
    """Two runs with other test data, and one that failed."""
    for number, name in enumerate(("one", "other")):
        record: Record = records.start(root, name)
        for stage in NAMES[:4]:
            key, store = f"{number}" * 32, Store(root / "mlruns")
            parts = {"arguments": {"task.name": "binary"}, "inputs": {}}
            parts |= {"source": {}, "code": {}, "libraries": {}}
            with store.write(stage, key, parts, {"run_id": record.run_id}) as made:
                (made / "digest.json").write_text(
                    json.dumps({"test": f"{number}" * 64})
                )
            record.stage(stage, key, "ran", store.path(stage, key), record.run_id)
        record.append("end", status="FINISHED")
    records.start(root, "failed").append("end", status="FAILED")


def one_message(done: Done, mistake: Mistake, port: int) -> None:
    """Assert what holds for every mistake."""
    stated = [part.replace("{taken}", str(port)) for part in mistake.stated]
    assert done.status == mistake.status, done.stderr
    assert not [part for part in stated if part not in done.stderr], done.stderr
    assert "Traceback" not in done.stderr
    assert "usage: phistar [-h]" not in done.stderr  # every command's name, no advice
    if mistake.status:
        _, message = done.stderr.split("phistar: error: ")  # once
        assert not re.match(r"\w*Error\b|\[Errno", message)
        if mistake.number not in TERSE:
            assert "Received" in message
            assert re.search("Expected|Run `|Lower `", message)


def identity(mistake: Mistake) -> str:
    """Name of a row."""
    return f"{mistake.number} {mistake.typed}"


@pytest.fixture
def taken():
    """A port on which something listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("mistake", [pytest.param(m, id=identity(m)) for m in TABLE])
def test_a_mistake_is_one_clear_message_within_seconds(
    folder, taken, monkeypatch, mistake
):
    words, root = prepare(folder, mistake.typed, taken), folder
    if mistake.number == 79:
        monkeypatch.setenv("PATH", str(folder))
    if "--root" in words:
        root = words[words.index("--root") + 1]
    before, started = set(sys.modules), time.process_time()
    existed = (folder / "mlruns").exists()
    done = here(*words, root=root, json=False)
    took = time.process_time() - started
    one_message(done, mistake, taken)
    if mistake.number not in LATE:
        assert took <= SECONDS
        assert "tensorflow" not in set(sys.modules) - before
        # no run was recorded, so MLflow gets no experiment either
        assert existed or not (folder / "mlruns").exists()


@pytest.mark.parametrize(
    "mistake",
    [m for m in TABLE if any(part in m.typed for part in ALONE)],
    ids=identity,
)
def test_a_mistake_takes_seconds_of_cpu_in_a_new_process(folder, taken, mistake):
    words = prepare(folder, mistake.typed, taken)
    process = subprocess.Popen(
        [sys.executable, "-m", "phistar", *words],
        env=os.environ | {"PYTHONPATH": str(CODE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    stderr = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)  # its children's CPU time too
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    one_message(Done(process.returncode, "", stderr), mistake, taken)
    assert used.ru_utime + used.ru_stime <= SECONDS


@pytest.mark.parametrize(
    "name", ["semicolons.csv", "tabs.csv", "latin1.csv", "utf16.csv"]
)
def test_a_file_is_read_as_it_is_or_with_the_key_that_a_message_names(folder, name):
    content = FILES[name].replace(b".5;", b",5;")  # decimal commas, as spreadsheets do
    (folder / name).write_bytes(content)
    options = {}
    if name == "latin1.csv":
        message = here(*CSV.split(), f"ingest.path={name}", root=folder).answer["error"]
        options["encoding"] = re.search(r"set ingest.encoding=(\w+)", message)[1]
    found = table_source(path=str(folder / name), label="churned", **options)
    (rows,) = found.read()["all"]
    assert rows.inputs["income"].dtype == "float64"
    assert set(rows.labels) == {"no", "yes"} and len(rows) >= 10


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 14)])
def test_another_python_is_refused_before_anything_is_installed(tmp_path, version):
    for name in ("Makefile", "requirements.lock", "setup.py"):
        shutil.copy(CODE / name, tmp_path)
    words = ".".join(map(str, version))
    python = tmp_path / "python"
    python.write_text(f"""#!{sys.executable}
import sys
sys.version_info = {version}
if sys.argv[1] == "--version":
    print("Python {words}")
else:
    exec(sys.argv[2])
""")
    python.chmod(0o755)
    # `make test` runs this test: a make below a make speaks in another way
    above = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    done = subprocess.run(
        ["make", "env", f"PYTHON={python}"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key not in above},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2  # make's own
    message, its_own = done.stderr.splitlines()
    assert "Python 3.11 is needed" in message and f"Python {words}." in message
    assert its_own.startswith("make: ***")
    assert not (tmp_path / ".venv").exists()
