"""The speed of a training on this machine, measured as preflight does.

The stage train runs for some seconds on the first rows, with the batch of the recipe
and with a quarter of it. The two times tell the part of a step that more hosts would
share. The result is remembered under train's key.
"""

import json
import math
import shutil
from pathlib import Path

from phistar.pipeline.config.load import Config
from phistar.pipeline.launch.forecast import Speed
from phistar.pipeline.process.errors import USAGE, Failure
from phistar.pipeline.process.root import command
from phistar.pipeline.process.terminal import note, working
from phistar.pipeline.run import preflight
from phistar.pipeline.run.cached import cached, work
from phistar.pipeline.run.process import call
from phistar.pipeline.run.stages import STAGES, arguments, folder
from phistar.pipeline.store.store import Store

PART = 4  # the small batch is 1 / PART
MEASURED_SECONDS = 6.0  # of steps
FEWEST, MOST = 4, 400  # steps


def speed_of(config: Config, store: Store) -> tuple[Speed, bool]:
    """The speed of a config's training.

    Args:
        config: the resolved config.
        store: it has the results of ingest and build.

    Returns:
        (Speed, True if it was measured now).

    Raises:
        Failure: the store has no results of ingest and build under this config.
    """
    found, key = {}, None
    for stage in STAGES[:3]:
        wanted = work(stage, config, found)
        if stage.name == "train":
            key = wanted.key
            break
        manifest = cached(wanted, store)
        if manifest is None:
            raise Failure(
                "a step is measured on the data and the network. Received: "
                f"{stage.name} is not in the store under this config. Run "
                f"`{command('build', *config.typed, root=store.root.parent)}` first.",
                USAGE,
            )
        found[stage.gives] = manifest
    given = {word: folder(store, manifest) for word, manifest in found.items()}
    known = store.get("speed", key)
    if known is None:
        note("speed: train runs for some seconds, with two sizes of the batch")
        with (
            working("speed"),
            store.write("speed", key, {"train": key}, {"run_id": ""}) as out_dir,
        ):
            measured = measure(config, given, out_dir / "work")
            shutil.rmtree(out_dir / "work")
            text = json.dumps(measured._asdict(), indent=2)
            (out_dir / "speed.json").write_text(text + "\n", "utf-8")
        return measured, True
    return Speed(**json.loads((known / "speed.json").read_text("utf-8"))), False


def measure(config: Config, given: dict[str, Path], place: Path) -> Speed:
    """Measure the speed of a training.

    Args:
        config: the resolved config.
        given: {"dataset": Path, "network": Path}, of ingest and build.
        place: folder to make and to write to.
    """
    place.mkdir()
    few = preflight.first_rows(config, given, place / "ingest")
    section = config.sections["train"]
    unit = "batch_tokens" if section["batch_tokens"] else "batch_size"
    small = max(1, section[unit] // PART)
    length = preflight.SHORTER
    step, _ = timed(config, given | {"dataset": few}, place / "first", length)
    times = []
    for size in (section[unit], small):
        steps = round(MEASURED_SECONDS / step * section[unit] / size)
        half = min(max(steps, FEWEST), MOST) // 2
        length = {"steps": 2 * half, "epochs": None, "eval_every": half, unit: size}
        files = given | {"dataset": few}
        times.append(timed(config, files, place / str(size), length))
    (whole, evaluation), (part, _) = times
    share = small / section[unit]
    # noise may make the small batch look slower than the whole one
    varying = min(max(0.0, (whole - part) / (1 - share)), whole) if share < 1 else whole
    plan, steps, evaluations = preflight.length_of(config, given)
    shapes = json.loads((given["network"] / "network.json").read_text("utf-8"))[
        "shapes"
    ]
    return Speed(
        fixed=whole - varying,
        varying=varying,
        # of sentence pairs, the mean: their number differs between batches
        rows=getattr(plan, "num_rows", None) or plan.mean_rows,
        bytes=4 * sum(math.prod(shape) for shape in shapes),  # float32
        arrays=len(shapes),
        steps=steps,
        evaluations=evaluations,
        evaluation=evaluation * preflight.valid_share(given["dataset"], few),
    )


def timed(
    config: Config, given: dict[str, Path], place: Path, length: dict
) -> tuple[float, float]:
    """Time of a step, and of an evaluation, of a short training.

    Args:
        config: the resolved config.
        given: {"dataset": Path, "network": Path}.
        place: folder to make and to write to.
        length: keys of train to change.

    Returns:
        (s, s).
    """
    place.mkdir()
    call("train", arguments(config, "train", given) | length, place, "0" * 32)
    return preflight.times(place)
