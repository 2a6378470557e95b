"""Every shell and Python block of the pages runs, in a short form.

All pages share one folder and its store, so that a run is made once. A block `text`
after a block is what comes out of it; numbers and ids may differ. A block `yaml` with a
title is a file. The rules that make commands short are below, each with its reason.
"""

import contextlib
import gzip
import io
import json
import shutil
import sys
import threading
import time
from itertools import product

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

from phistar.pipeline.config.load import load
from phistar.pipeline.sweep import checks
from phistar.pipeline.sweep.space import space
from tests.docs.commands import Shell, run_here, understood
from tests.docs.pages import MADE, PAGES, blocks, masked
from tests.helpers.commands import CODE, Done, quickly
from tests.helpers.serving import free_port

sys.path.append(str(CODE / "docs"))

import reference  # noqa: E402  docs/ is no package

RUN = [page for page in PAGES if page != "CONTRIBUTING.md"]  # test_wrapped.py runs it
RUN = [page for page in RUN if not page.endswith(MADE) and blocks(page)]
SMALL = (
    *("build.num_layers=1", "build.num_heads=1", "build.model_dim=8"),
    *("build.mlp_dim=8", "train.warmup_steps=0", "train.steps=2"),
    *("train.eval_every=2", "train.precision=float32", "train.optimizer=adamw"),
    *("ingest.valid_fraction=0.2", "ingest.test_fraction=0.2"),
)
# Recipes of the same names, that come before the shipped ones: networks of a few
# weights, a few steps, and files in place of what would be fetched. Those that inherit
# them are short too.
SHORT = {
    "digits": (
        *("build.width=4", "build.num_blocks=2", "build.mlp_dim=8", "train.epochs=1"),
    ),
    "kjv_quick": (
        *("ingest.source=text", "ingest.path=letters"),
        *(*SMALL, "build.context=16", "build.stride=12"),
    ),
    "libreoffice_en_de_quick": (
        *("ingest.source=parallel", "ingest.source_path=train.en"),
        *("ingest.target_path=train.de.gz", *SMALL, "train.batch_tokens=512"),
        *("task.tokenizer=characters", "task.vocab_size=null", "task.max_length=48"),
    ),
}
OWN = {"photos.yaml": SHORT["digits"]}  # added to a recipe that a page shows
# fetched from elsewhere, or minutes however short: their config is composed, no more
FAR = ("nycflights", "fashion_mnist", "fashion_mnist_quick", "kjv")
# other processes, or devices that TensorFlow must know before it starts: the same;
# and a recipe's own data in place of its source, which the pages' YAML files do too
APART = ("--isolate", "--preflight", "train.backend", "train.devices", "ingest.source")
# variants that a later line compares or promotes; others end with `train`
LAST = {
    "train.loss=hinge": "evaluate",
    "build.network=mlp": "evaluate",
    "train.learning_rate=0.001": "export",
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Shell in a folder with a user's own files."""
    folder = tmp_path_factory.mktemp("walk")
    write_files(folder)
    recipes = folder / "conf" / "experiment"
    recipes.mkdir(parents=True)
    for name, overrides in SHORT.items():
        config = load(name, overrides, folder)
        (recipes / f"{name}.yaml").write_text(config.to_yaml())
    made = Shell(folder, None)
    made.answer = lambda words, stdin: answer(made, words, stdin)
    made.served = None
    with quickly(mlflow=True):  # the runs of a page's Python
        yield made


@pytest.mark.parametrize("page", RUN)
def test_blocks_of_a_page_run_and_print_what_is_shown(shell, page):
    out = ""
    shell.text = "\n".join(block.text for block in blocks(page))
    scope = {"__name__": "page"}
    with contextlib.ExitStack() as stack:
        shell.stack = stack
        for block in blocks(page):
            place = f"{page}:{block.line}"
            match block.kind:
                case "sh":
                    script = block.text.replace(":5001/", f":{shell.served}/")
                    done = shell.run(script)
                    assert done.status == 0, f"{place}\n{done.stdout}"
                    out = done.stdout
                case "python":
                    out = run_python(block.text, shell.folder, scope)
                case "text":
                    require_shown(block.text, out, place)
                case "yaml":
                    (shell.folder / block.title).write_text(block.text)
                case _:
                    pytest.fail(f"{place}: a block of no known kind: {block.kind}")


def answer(shell, words, stdin):
    """A command of a page, in its short form.  -> Done"""
    root, (command, *rest) = shell.folder, words
    only_read = command in ("ui", "launch")  # launch starts processes of its own
    if only_read or (command == "serve" and ":5001" not in shell.text):
        if command == "serve":  # without a request it would only start
            assert (root / "mlruns" / "serving" / rest[0]).is_dir(), words
        return understood(words, root)
    if command == "serve":
        return serve(shell, rest[0])
    if command == "sweep":  # its trials are processes: one of them is run here
        understood(words, root)
        found = space([word for word in rest if "=" in word])
        checks.checked(rest[0], found, root, None)
        words = ["run", rest[0], *found.first(), "--to", "train"]
    if command == "run" and "best.yaml" in rest[0]:
        return understood(words, root)
    if command == "promote" and "--anyway" not in rest:
        words = [*words, "--anyway"]  # a few steps teach nothing
    if command in ("run", "plan", "show", "ingest", "train"):
        words = shortened(command, rest)
    return run_here(words, stdin, root)


def shortened(command, rest):
    """The short form of a run.  -> list of words"""
    recipe, *more = rest
    name = recipe.removesuffix(".yaml")
    if name in FAR or any(word.startswith(APART) for word in more):
        return ["show", recipe, *(w for w in more if "=" in w)]
    words = [command, *rest, *OWN.get(recipe, ())]
    if "--seeds" in more:
        words[words.index("--seeds") + 1] = "2"
    variants = [word for word in more if "=" in word]
    if command == "run" and (variants or "--seeds" in more) and "--to" not in more:
        words += ["--to", LAST.get(variants[0] if variants else "", "train")]
    return words


def serve(shell, name):
    """`phistar serve` in a thread, until the page ends.  -> Done"""
    from phistar.pipeline.serving.http import listening, server

    port, started = free_port(), []

    class Kept(listening.Server):
        def __init__(self, config):
            super().__init__(config)
            started.append(self)

    patch = shell.stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(listening, "Server", Kept)
    given = name, shell.folder, "127.0.0.1", port, False
    thread = threading.Thread(target=server.serve, args=given)
    thread.start()
    while thread.is_alive() and not (started and started[0].started):
        time.sleep(0.05)
    assert started, "the server ended"

    def end():
        started[0].should_exit = True
        thread.join()

    shell.stack.callback(end)
    shell.served = port
    return Done(0, "", "")


def run_python(text, folder, scope):
    """Run a block of Python in the folder; a page's share names.  -> what it printed"""
    exports = folder.glob("mlruns/stages/export/*/saved_model/contract.json")
    digits = [p.parent for p in exports if '"images"' in p.read_text()]
    if digits and not (folder / "saved_model").exists():
        (folder / "saved_model").symlink_to(digits[0])
    out = io.StringIO()
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out):
            exec(compile(text, "page", "exec"), scope)
    finally:
        if "mlflow" in scope:
            scope["mlflow"].set_tracking_uri(None)  # it would be every later test's
    return out.getvalue()


def require_shown(text, out, place):
    """Each line that a page shows comes out, in their order."""
    came = masked(out)
    for line in masked(text):
        found = next((i for i, real in enumerate(came) if alike(line, real)), None)
        assert found is not None, f"{place}: not printed: {line}\n\n{out}"
        came = came[found + 1 :]


def alike(line, real):
    """True if a line is as it was printed; of JSON, if it has the same keys.

    A line that ends with … is the beginning of one.
    """
    if line.endswith("…"):
        return real.startswith(line[:-1].rstrip())
    if line.startswith("{") and real.startswith("{"):
        return keys(line) == keys(real)
    return line == real


def keys(line):
    """Keys of an object in JSON whose numbers are masked.  -> list of str"""
    return list(json.loads(line.replace("N", "0")))


def write_files(folder):
    """A user's own data: a table, images, texts, sentence pairs."""
    rng = np.random.default_rng(0)
    rows = ["age,city,postcode,income,churned"]
    for _ in range(520):  # fewer get a linear network, and a run of that name
        age, city = rng.integers(18, 80), rng.choice(["Paris", "Berlin", "?"])
        churned = "yes" if age + rng.normal(0, 9) > 50 else "no"
        rows.append(
            f"{age},{city},{rng.integers(10, 20)},{rng.integers(9e3)},{churned}"
        )
    for name in ("customers.csv", "new.csv"):
        (folder / name).write_text("\n".join(rows) + "\n")
    cancer = datasets.load_breast_cancer(as_frame=True)
    table = cancer.data.head(40).assign(
        diagnosis=cancer.target_names[cancer.target[:40]]
    )
    table.to_csv(folder / "labelled.csv", index=False)
    table.drop(columns="diagnosis").to_csv(folder / "patients.csv", index=False)
    # folders named after digits: the pages ask the model of digits about them too
    for label, number in product("17", range(30)):
        path = folder / "photos" / label
        path.mkdir(parents=True, exist_ok=True)
        image = rng.integers(0, 128, (20, 24, 3)) + 60 * (label == "7")
        Image.fromarray(image.astype("uint8")).save(path / f"{number}.png")
    shutil.copy(folder / "photos" / "7" / "0.png", folder / "seven.png")
    songs = [" ".join(s) for s in product(["la", "Click", "dum"], repeat=4)]
    text = "".join(f"{song}\n" for song in songs)
    (folder / "lines.txt.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "train.en").write_text(text)
    turned = "".join(f"{song[::-1]}\n" for song in songs)
    (folder / "train.de.gz").write_bytes(gzip.compress(turned.encode()))
    (folder / "letters").mkdir()
    for number, song in enumerate(songs):
        (folder / "letters" / f"{number}.txt").write_text(song)


@pytest.mark.parametrize("name", ["metrics", "signatures"])
def test_reference_of_results_is_that_of_exports(shell, name):
    """Metrics and signatures of the reference, from an export of each task."""
    for recipe in ("breast_cancer", *SHORT):
        with contextlib.chdir(shell.folder):
            done = run_here(["run", recipe], "", shell.folder)
        assert done.status == 0, done.stderr
    made = getattr(reference, name)(reference.contracts_below(shell.folder))
    file = reference.FOLDER / f"{name}.md"
    assert file.read_text("utf-8") == made, "make pictures"
