"""The paper's VGG16 at the paper's size, through all five stages, killed on the way.

224x224x3, 1,000 labels, batches of 8, SGD with momentum and L2 as in the recipe. The
pictures are fashion_mnist's: 60 of each garment under its name, and 990 more, each a
label of its own. What the first steps learn is which labels are common, so the loss
falls from ln 1000 towards the entropy of the labels' shares, 5.8 nats.

`pytest -m slow tests/pipeline/recipes/test_vgg16.py -s` prints peak memory and seconds.
"""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from phistar.pipeline.record.journal import read
from phistar.pipeline.store.manifest import damage
from tests.helpers.commands import Done, start
from tests.helpers.pictures import bytes_of, first_images

pytestmark = pytest.mark.slow

PARAMETERS = 138_357_544  # table 2 of the paper: 138 million
COMMON, RARE = 600, 990  # pictures of train: of the ten garments, of their own label
SIZES = {"valid": 16, "test": 40}
TRAINING = (
    "train.steps=20",
    "train.eval_every=5",
    "train.batch_size=8",
    "train.learning_rate=0.001",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """PATH/SPLIT/LABEL/NUMBER.png with 1,000 labels."""
    root = tmp_path_factory.mktemp("pictures") / "garments"

    def write(split, number, image, label):
        place = root / split / label
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(bytes_of(image[..., 0]))

    for number, (image, label) in enumerate(first_images("train", COMMON + RARE)):
        label = label.replace("/", "-")  # T-shirt/top
        own = number >= COMMON
        write("train", number, image, f"{label} {number}" if own else label)
    rows = iter(first_images("test", sum(SIZES.values())))
    for split, size in SIZES.items():
        for number in range(size):
            image, label = next(rows)
            write(split, number, image, label.replace("/", "-"))
    assert len(list((root / "train").iterdir())) == 1000
    return root


class Watched:
    """A command, and the most memory that all its processes held at once.

    Args:
        words: of the command.
        root: its project.
    """

    def __init__(self, *words, root):
        self.process, self.peak = start(*words, root=root), 0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        """Sample the resident memory of the process's session, bytes."""
        while self.process.returncode is None:
            self.peak = max(self.peak, resident(self.process.pid))
            time.sleep(0.05)

    def end(self):
        """Wait for the end of the command.  -> Done."""
        stdout, stderr = self.process.communicate(timeout=3600)
        return Done(self.process.returncode, stdout, stderr)


def resident(session):
    """Resident memory of all processes of a session, bytes."""
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (path / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[3]) == session:
                pages = int((path / "statm").read_text().split()[1])
                total += pages * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue  # it has ended
    return total


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    """(the run that nobody killed, the one that was, its root, peak of both)."""
    roots = [tmp_path_factory.mktemp(name) for name in ("whole", "killed")]
    data = ("ingest.source=image_folder", f"ingest.path={folder}")
    size = ("ingest.height=224", "ingest.width=224", "ingest.channels=3")
    words = ("run", "fashion_mnist_vgg16", *data, *size, *TRAINING)

    whole = Watched(*words, "--to", "train", root=roots[0])
    uninterrupted = whole.end()
    assert uninterrupted.status == 0, uninterrupted.stderr
    shutil.rmtree(roots[0])  # 3 GB; its digests are all that is asked for

    killed = Watched(*words, root=roots[1])
    train = roots[1] / "mlruns" / "stages" / "train"
    while killed.process.poll() is None and len(points(train, ".*.tmp-*")) < 2:
        time.sleep(0.05)
    time.sleep(3)  # into the steps that follow
    os.killpg(killed.process.pid, signal.SIGKILL)
    killed.end()
    assert not list(train.glob("[!.]*")), "it had ended"
    again = Watched(*words, root=roots[1])
    resumed = again.end()
    assert resumed.status == 0, resumed.stderr
    yield uninterrupted, resumed, roots[1], max(whole.peak, killed.peak, again.peak)
    shutil.rmtree(roots[1])


def points(train, pattern="[!.]*"):
    """(step, train_loss) of the evaluations of a training."""
    entries = [e for p in train.glob(f"{pattern}/journal.jsonl") for e in read(p)[0]]
    found = [e for e in entries if e["kind"] == "metrics"]
    return [(entry["step"], entry["values"]["train_loss"]) for entry in found]


def test_a_killed_run_ends_bit_equal(runs):
    uninterrupted, resumed, root, _ = runs
    for stage, digest in uninterrupted.digests.items():
        assert resumed.digests[stage] == digest, stage
    assert "continuing from step" in resumed.stderr
    for path in (root / "mlruns" / "stages").glob("*/[!.]*"):
        assert damage(path) is None


def test_the_loss_falls(runs):
    steps, losses = zip(*points(runs[2] / "mlruns/stages/train"), strict=True)
    assert steps == (5, 10, 15, 20)  # no gap, none twice
    # each is the mean of five steps; the first ones know nothing: ln 1000 = 6.9
    assert losses[0] == pytest.approx(np.log(1000), abs=0.5)
    assert losses[-1] < losses[0]


def test_the_export_has_the_papers_parameters(runs):
    folder = Path(runs[1].answer["export"])
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    types, shapes = (
        reader.get_variable_to_dtype_map(),
        reader.get_variable_to_shape_map(),
    )
    weights = [name for name, dtype in types.items() if dtype == tf.float32]
    assert sum(int(np.prod(shapes[name])) for name in weights) == PARAMETERS


def test_the_export_answers_as_evaluated(runs, folder, capsys):
    _, resumed, root, peak = runs
    (journal,) = root.glob("mlruns/stages/export/[!.]*/journal.jsonl")
    (entry,) = [e for e in read(journal)[0] if e["kind"] == "metrics"]
    difference = entry["values"]["export_log_prob_difference"]
    assert difference <= 1e-4
    signatures = tf.saved_model.load(resumed.answer["export"]).signatures
    picture = next((folder / "test").glob("*/*.png")).read_bytes()
    answer = signatures["predict"](image=tf.constant([picture]))
    assert answer["log_probs"].shape == (1, 1000)
    assert np.exp(answer["log_probs"]).sum() == pytest.approx(1, abs=1e-5)
    losses = [round(loss, 3) for _, loss in points(root / "mlruns/stages/train")]
    with capsys.disabled():
        print(f"\nvgg16 at 224x224x3, 1,000 labels: peak {peak / 2**30:.1f} GiB")
        print(f"loss by five steps {losses}, parity {difference:.1e} nats")
        for command, done in (("whole", runs[0]), ("resumed", resumed)):
            took = {k: v["seconds"] for k, v in done.answer["stages"].items()}
            print(f"{command:<8} {took}")
