"""Training on a GPU: the four quick recipes, and the speed of four large networks.

    python bench/gpu.py PACK OUT [--small] [--seconds 480] [--only PART ...] [--profile]

It runs on a machine with JAX and no TensorFlow, from what bench/gpu_pack.py has made.
Each part is a process with a limit of its own. The table shows the parts that ended,
whatever became of the others; the exit status is 1 if one failed. OUT gets

    RECIPE.tar       the trained network, its history and its journal
    table.json, table.txt, log.txt

A network's share of the card's speed (MFU) is the arithmetic that its equations need,
divided by the time and by the speed of a bfloat16 product of 8192^3, measured here.
--small makes everything small enough for a CPU.
"""

import argparse
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
SPEED_SECONDS, SHAPES_SECONDS = 120, 230
RETURNED = ("network.json", "weights.npz", "history.json", "journal.jsonl")
PIECE = 15 * 2**20  # bytes of a file that comes back, at most
TRANSFORMER, TOO_LARGE = "transformer_lm", "too_large"


def main():
    """Run the parts, each in a process, and print the table.  -> exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--small", action="store_true", help="sizes for a CPU")
    parser.add_argument("--seconds", type=float, default=480, help="of all parts")
    parser.add_argument("--only", nargs="+", metavar="PART")
    parser.add_argument("--profile", action="store_true", help="time the kernels")
    parser.add_argument("--part", help=argparse.SUPPRESS)  # what a process does
    given = parser.parse_args()
    if given.part:
        part(given)
        return 0
    end = time.monotonic() + given.seconds
    given.out.mkdir(parents=True, exist_ok=True)
    jobs = json.loads((given.pack / "jobs.json").read_text())["jobs"]
    recipes = [job["recipe"] for job in jobs]
    # the small recipes side by side: their speed is not measured
    *early, late = SPEEDS
    rounds = [["product"], *([name] for name in early), recipes, [TOO_LARGE], [late]]
    with tempfile.TemporaryDirectory() as place:
        environment = install(given.pack / "wheels", Path(place) / "site")
        for names in rounds:
            limit, flags = SPEED_SECONDS, {}
            if names[0] not in (
                "product",
                *early,
            ):  # compiling takes most of their time
                limit = SHAPES_SECONDS
                flags = {"XLA_FLAGS": "--xla_gpu_autotune_level=0"}
            names = [name for name in names if name in (given.only or names)]
            limit = min(end, time.monotonic() + limit)
            together(names, given, environment | flags, limit)
    table = show(given.out, jobs)
    print(table)
    (given.out / "table.txt").write_text(table + "\n")
    return int("failed: " in table.replace("failed: not run", ""))


def install(wheels, site):
    """Install the wheels of the pack, if it has some.

    Returns:
        the environment of the parts.
    """
    path = [str(SOURCE)]
    if wheels.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
        command += ["--no-deps", "--require-hashes", "--find-links", str(wheels)]
        command += ["--target", str(site), "-r", str(wheels / "requirements.txt")]
        subprocess.run(command, check=True)
        path.append(str(site))
    path += filter(None, [os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(path), "KERAS_BACKEND": "jax"}


def together(names, given, environment, end):
    """Run parts side by side, and kill those that have not ended in time."""
    running = {}
    for name in names:
        arguments = [sys.executable, __file__, str(given.pack), str(given.out)]
        arguments += ["--part", name]
        arguments += [
            f"--{word}" for word in ("small", "profile") if getattr(given, word)
        ]
        log = given.out / f"{name}.log"
        with log.open("wb") as file:
            running[name] = subprocess.Popen(
                arguments,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that its children end with it
            )
    for name, process in running.items():
        result = given.out / f"{name}.json"
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            result.write_text(json.dumps({"failed": "did not end in time"}))
        log = given.out / f"{name}.log"
        text = log.read_text(errors="replace")
        if not result.exists():
            last = (text.strip().splitlines() or ["no output"])[-1]
            result.write_text(json.dumps({"failed": last[:300]}))
        with (given.out / "log.txt").open("a") as file:
            file.write(f"== {name}\n{text[-20000:]}\n")
        log.unlink()


def part(given):
    """Do one part, and write its result."""
    from phistar.pipeline.process import quiet

    os.environ |= quiet.environment("jax")
    quiet.import_keras()  # without TensorFlow, where it is installed
    name, begun = given.part, time.monotonic()
    if name == "product":
        result = product(512 if given.small else 8192)
    elif name == TOO_LARGE:
        result = too_large(given)
    elif name in SPEEDS:
        result = speed(given, SPEEDS[name](given.small))
    else:
        result = recipe(given)
    result["seconds"] = round(time.monotonic() - begun, 1)
    (given.out / f"{name}.json").write_text(json.dumps(result))


def product(size, repeats=20):
    """Speed of a bfloat16 product of two square matrices, and what the machine is."""
    import jax

    keys = jax.random.split(jax.random.key(0), 2)
    a, b = (jax.random.normal(k, (size, size), "bfloat16") for k in keys)
    multiply = jax.jit(lambda a, b: a @ b)
    multiply(a, b).block_until_ready()
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(repeats):
            c = multiply(a, b)
        c.block_until_ready()
        seconds.append((time.perf_counter() - begun) / repeats)
    device = jax.devices()[0]
    memory = device.memory_stats() or {}
    return {
        "device": device.device_kind,
        "memory_gib": memory.get("bytes_limit", 0) / 2**30,
        "driver": driver(),
        "size": size,
        "teraflops": 2 * size**3 / sorted(seconds)[2] / 1e12,
        **versions(),
    }


def versions():
    """Versions of what a result depends on."""
    import jax
    import keras

    python = sys.version.split()[0]
    return {"jax": jax.__version__, "keras": keras.__version__, "python": python}


def driver():
    """Version of NVIDIA's driver, or an empty text."""
    path = Path("/proc/driver/nvidia/version")
    return path.read_text().splitlines()[0] if path.exists() else ""


def recipe(given):
    """Train one of the pack's recipes, and put what it made into a tar file."""
    jobs = json.loads((given.pack / "jobs.json").read_text())["jobs"]
    job = next(job for job in jobs if job["recipe"] == given.part)
    folders = {word: given.pack / given.part / word for word in ("dataset", "network")}
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        train(job["arguments"] | folders, place)
        from phistar.pipeline.record.journal import append

        append(place / "journal.jsonl", "tags", values=versions())
        bundle(place, given.out / f"{given.part}.tar")
        history = json.loads((place / "history.json").read_text())
    return {"step": history["step"], "valid_nll": history["valid_nll"]}


def too_large(given):
    """What the user is told about a batch that no card has the memory for."""
    import jax

    from phistar.pipeline.process.errors import Failure

    if jax.default_backend() != "gpu":
        return {"message": "not tried: no GPU"}
    case = kjv(given.small)
    case["train"] |= {"batch_size": 2**16}
    try:
        speed(given, case)
    except Failure as failure:
        return {"message": str(failure)}
    return {"failed": "the batch did fit"}


def train(arguments, folder):
    """Run the stage `train` here, with the GPUs' load in its journal.

    Returns:
        dict of the tags of the journal.
    """
    from phistar.pipeline.record import journal
    from phistar.pipeline.run.process import in_process
    from phistar.pipeline.tracking.machine import gpus

    ended, path = threading.Event(), folder / "journal.jsonl"

    def sample():
        measure, step = gpus(), 0
        while not ended.wait(1.0):
            if values := {f"system/{k}": v for k, v in measure().items()}:
                journal.append(path, "metrics", step=step, values=values)
                step += 1

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        plain = {k: str(v) if isinstance(v, Path) else v for k, v in arguments.items()}
        in_process("train", plain, folder, "gpu")
    finally:
        ended.set()
        sampler.join()
    tags = {}
    for entry in journal.read(path)[0]:
        if entry["kind"] in ("tags", "params"):
            tags |= entry["values"]
    return tags


def bundle(folder, target):
    """Write a tar file of what comes back, in pieces if it is large."""
    with tarfile.open(target, "w") as tar:
        for name in RETURNED:
            tar.add(folder / name, name)
    if target.stat().st_size > PIECE:
        data = target.read_bytes()
        for i in range(math.ceil(len(data) / PIECE)):
            piece = target.with_name(f"{target.name}.{i}")
            piece.write_bytes(data[i * PIECE : (i + 1) * PIECE])
        target.unlink()


# ---- the speed of large networks -------------------------------------------------


def speed(given, case):
    """Train a network on data made here; its speed, memory and arithmetic.

    Args:
        case: dict with `task`, `dataset` (a function of the pack and a folder to
            write to, which returns the Dataset's folder), `build` and `train` (keys),
            `unit`, `units` (of a step) and `flops` (of a unit), functions of the
            Dataset and the network's description.
    """
    from phistar.components import build
    from phistar.components.artifacts import Dataset, read_json
    from phistar.pipeline.record.journal import Journal

    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        dataset = case["dataset"](given.pack, place / "dataset")
        for name in ("network", "train"):
            (place / name).mkdir()
        log = Journal(place / "network" / "journal.jsonl")
        common = {"task": case["task"], "dataset": dataset}
        build.run(**common, out_dir=place / "network", log=log, **case["build"])
        keys = {"loss": "cross_entropy", "precision": "mixed_bfloat16"}
        keys |= {"backend": "jax", "network": place / "network"} | case["train"]
        with profile(given.profile):
            tags = train(common | keys, place / "train")
        data, network = Dataset.load(dataset), read_json(place / "network/network.json")
        units = case["units"](data, case["train"])
        flops = case["flops"](data, network, units)
    seconds = float(tags["step_milliseconds"]) / 1e3
    return {
        "unit": case["unit"],
        "units_a_step": units,
        "step_milliseconds": 1e3 * seconds,
        "units_a_second": units / seconds,
        "memory_mib": float(tags["device_peak_memory_mib"]),
        "parameters": sum(map(math.prod, network["shapes"])),
        "teraflops": flops / seconds / 1e12,
    }


class profile:
    """Print the kernels that take most of the device's time in the block."""

    def __init__(self, wanted):
        self.wanted = wanted

    def __enter__(self):
        if self.wanted:
            import jax

            self.place = tempfile.TemporaryDirectory()
            jax.profiler.start_trace(self.place.name)

    def __exit__(self, *_):
        if not self.wanted:
            return
        import jax

        jax.profiler.stop_trace()
        total, count = {}, {}
        file = next(Path(self.place.name).rglob("*.xplane.pb"))
        for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
            if "GPU" not in plane.name:
                continue
            for line in plane.lines:
                if not line.name.startswith("Stream"):
                    continue
                for event in line.events:
                    name = event.name[:100]
                    total[name] = total.get(name, 0) + event.duration_ns / 1e6
                    count[name] = count.get(name, 0) + 1
        whole = sum(total.values())
        for name in sorted(total, key=total.get, reverse=True)[:40]:
            share = total[name] / whole
            print(f"{total[name]:10.2f} ms {share:6.1%} {count[name]:7d} x  {name}")


def decoder(small):
    """A decoder of 124 million parameters at 1,024 tokens, AdamW."""
    vocabulary, context, rows = (512, 32, 4) if small else (50304, 1024, 32)
    width, layers = (32, 1) if small else (768, 12)
    build = {"network": TRANSFORMER, "num_layers": layers, "model_dim": width}
    build |= {"num_heads": max(2, width // 64), "mlp_dim": 4 * width, "dropout": 0.0}
    build |= {"context": context, "stride": context}
    return {
        "task": {"name": "language", "tokenizer": "characters"},
        "dataset": lambda pack, to: texts(to, vocabulary, rows * context),
        "build": build,
        "train": length(small, 40) | {"batch_size": rows, "optimizer": "adamw"},
        "unit": "tokens",
        "units": lambda data, keys: rows * context,
        "flops": language_flops,
    }


def kjv(small):
    """`kjv` with a width of 512, as its recipe else."""
    context, rows, width = (16, 4, 32) if small else (256, 128, 512)
    build = {"network": TRANSFORMER, "num_layers": 1 if small else 8}
    build |= {"num_heads": max(2, width // 64), "model_dim": width}
    build |= {"mlp_dim": 4 * width, "dropout": 0.0}
    build |= {"context": context, "stride": context}
    keys = {"batch_size": rows, "optimizer": "muon", "learning_rate": 0.005}
    return {
        "task": {"name": "language", "tokenizer": "characters"},
        "dataset": lambda pack, to: cut(pack / "kjv_quick" / "dataset", to, small),
        "build": build,
        "train": length(small, 80) | keys | {"clip_norm": 1.0},
        "unit": "tokens",
        "units": lambda data, keys: rows * context,
        "flops": language_flops,
    }


def libreoffice(small):
    """`libreoffice_en_de` as its recipe, with a batch of 65,536 tokens."""
    tokens, width = (512, 32) if small else (65536, 256)
    build = {"network": "transformer", "num_layers": 1 if small else 3}
    build |= {"num_heads": 4, "model_dim": width, "mlp_dim": 4 * width, "dropout": 0.1}
    keys = {"batch_tokens": tokens, "optimizer": "muon", "learning_rate": 0.005}
    keys |= {"label_smoothing": 0.1, "clip_norm": 1.0}
    task = {"name": "translation", "tokenizer": "sentencepiece"}
    source = Path("libreoffice_en_de_quick", "dataset")
    return {
        "task": task | {"vocab_size": 8000, "max_length": 96},
        "dataset": lambda pack, to: cut(pack / source, to, small),
        "build": build,
        "train": length(small, 80) | keys,
        "unit": "target tokens",
        "units": lambda data, keys: pairs_a_step(data, keys)[1],
        "flops": translation_flops,
    }


def vgg(small):
    """VGG16 at 224x224, batch 256, SGD."""
    side, rows, labels = (32, 4, 10) if small else (224, 256, 1000)
    return {
        "task": {"name": "multiclass"},
        "dataset": lambda pack, to: images(to, side, 4 * rows, rows, labels),
        "build": {"network": "vgg16"} | ({"mlp_dim": 16} if small else {}),
        "train": length(small, 40) | {"batch_size": rows, "optimizer": "sgd"},
        "unit": "images",
        "units": lambda data, keys: rows,
        "flops": lambda data, network, units: units * image_flops(network),
    }


SPEEDS = {
    "decoder_124m": decoder,
    "vgg16_224": vgg,
    "kjv_512": kjv,
    "libreoffice_en_de_64k": libreoffice,
}


def length(small, steps):
    """Keys of the length: two evaluations, so that a CPU makes two calls as well."""
    steps = 4 if small else steps
    return {"steps": steps, "eval_every": steps // 2}


def texts(folder, vocabulary, per_split):
    """A Dataset of random texts of about 4,000 tokens.  -> folder."""
    import numpy as np

    from phistar.components.artifacts import write_json

    random = np.random.default_rng(0)
    for split, size in (("train", 8 * per_split), ("valid", per_split)):
        (folder / split).mkdir(parents=True)
        tokens = random.integers(1, vocabulary, size).astype("uint16")
        ends = np.append(np.arange(4000, size - 1, 4000), size - 1)
        tokens[ends] = 0
        np.save(folder / split / "labels_tokens.npy", tokens)
        offsets = np.append(0, ends + 1).astype("int64")
        np.save(folder / split / "labels_offsets.npy", offsets)
    inputs = {"kind": "text", "dtype": "int32", "shape": [None], "encoder": {}}
    write_json(folder / "dataset.json", description(inputs, vocabulary))
    return folder


def cut(source, folder, small):
    """A Dataset of texts; if small, the first of each split.  -> its folder."""
    import numpy as np

    from phistar.components.artifacts import Dataset

    if not small:
        return source
    for split in ("train", "valid"):
        (folder / split).mkdir(parents=True)
        for side in Dataset.load(source).kind.sides:
            tokens, offsets = (f"{side}_{word}.npy" for word in ("tokens", "offsets"))
            kept = np.load(source / split / offsets)[:2]
            np.save(folder / split / offsets, kept)
            first = np.load(source / split / tokens, mmap_mode="r")[: kept[-1]]
            np.save(folder / split / tokens, first)
    shutil.copy(source / "dataset.json", folder)
    return folder


def images(folder, side, num_train, num_valid, labels):
    """A Dataset of random images.  -> folder."""
    import numpy as np

    from phistar.components.artifacts import write_json

    random, shape = np.random.default_rng(0), (side, side, 3)
    for split, size in (("train", num_train), ("valid", num_valid)):
        (folder / split).mkdir(parents=True)
        pixels = random.integers(0, 256, (size, *shape), "uint8")
        np.save(folder / split / "inputs.npy", pixels)
        names = random.integers(0, labels, size, "int32")
        np.save(folder / split / "labels.npy", names)
    inputs = {"kind": "images", "dtype": "uint8", "shape": list(shape), "encoder": {}}
    write_json(folder / "dataset.json", description(inputs, labels))
    return folder


def description(inputs, labels):
    """Content of a dataset.json with so many labels, named by their numbers."""
    names = {"names": list(map(str, range(labels))), "values": list(range(labels))}
    return {"name": "random", "inputs": inputs, "labels": names}


# A product of [N, A] and [A, B] is 2 N A B operations; its gradients are twice as many.


def language_flops(data, network, tokens):
    """Operations of a step of a decoder; of its attention only the causal half."""
    keys, vocabulary = network["arguments"], network["num_outputs"]
    width, context = keys["model_dim"], keys["context"]
    block = 4 * width**2 + 2 * width * keys["mlp_dim"] + width * context
    return 6 * tokens * (keys["num_layers"] * block + width * vocabulary)


def translation_flops(data, network, targets):
    """Operations of a step over sentence pairs, padding left out."""
    import numpy as np

    keys, vocabulary = network["arguments"], network["num_outputs"]
    width, mlp = keys["model_dim"], 2 * keys["model_dim"] * keys["mlp_dim"]
    sources, labels = (side.lengths.astype("float64") for side in data.split("train"))
    mean = sources.mean(), labels.mean()
    square = (sources**2).mean(), (labels**2).mean(), (sources * labels).mean()
    encoder = mean[0] * (4 * width**2 + mlp) + 2 * width * square[0]
    cross = mean[1] * 2 * width**2 + mean[0] * 2 * width**2 + 2 * width * square[2]
    block = mean[1] * (4 * width**2 + mlp) + width * square[1] + cross
    pair = keys["num_layers"] * (encoder + block) + mean[1] * width * vocabulary
    return float(6 * pair * targets / np.float64(mean[1]))


def pairs_a_step(data, keys):
    """(source, target) tokens of a step, padding left out."""
    from phistar.components.data.batches.buckets import BucketPlan

    inputs, labels = data.split("train")
    lengths = inputs.lengths, labels.lengths
    steps = BucketPlan(*lengths, keys["batch_tokens"], 0).steps_per_epoch
    return tuple(float(side.sum()) / steps for side in lengths)


def image_flops(network):
    """Operations of an image in VGG: 2 for each weight and place it is used at."""
    side, total, places = network["input_shape"][0], 0, {}
    for shape, name in zip(network["shapes"], network["names"], strict=True):
        if len(shape) == 4:  # block3_1: pooled twice before
            block = int(name[len("block") : name.index("_")])
            places[name] = (side >> (block - 1)) ** 2
        if len(shape) > 1:
            total += math.prod(shape) * places.get(name, 1)
    return 6 * total


# ---- the table -----------------------------------------------------------------------


def show(out, jobs):
    """The table of all parts that have a result; the results go into table.json."""
    found = {}
    for path in sorted(out.glob("*.json")):
        if path.name != "table.json":
            found[path.stem] = json.loads(path.read_text())
            path.unlink()
    (out / "table.json").write_text(json.dumps(found, indent=1))
    machine = found.get("product", {})
    peak = machine.get("teraflops")
    lines = []
    if peak:
        lines.append(
            f"{machine['device']}, {machine['memory_gib']:.0f} GiB, "
            f"{machine['driver']}, JAX {machine['jax']}, Keras {machine['keras']}, "
            f"Python {machine['python']}; product of {machine['size']}^3 in bfloat16: "
            f"{peak:.3g} TFLOP/s"
        )
    for name in SPEEDS:
        result = found.get(name, {"failed": "not run"})
        if "failed" in result:
            lines.append(f"{name:24} failed: {result['failed']}")
            continue
        share = f"{result['teraflops'] / peak:.1%}" if peak else "?"
        lines.append(
            f"{name:24} {result['units_a_second']:,.0f} {result['unit']} a second, "
            f"step {result['step_milliseconds']:.1f} ms, "
            f"{result['teraflops']:.3g} TFLOP/s, MFU {share}, "
            f"{result['memory_mib']:,.0f} MiB, {result['parameters']:,} parameters"
        )
    result = found.get(TOO_LARGE, {"failed": "not run"})
    message = result.get("message") or f"failed: {result['failed']}"
    lines.append(f"{TOO_LARGE:24} {message}")
    for job in jobs:
        result = found.get(job["recipe"], {"failed": "not run"})
        if "failed" in result:
            lines.append(f"{job['recipe']:24} failed: {result['failed']}")
            continue
        line = f"{job['recipe']:24} valid_nll {result['valid_nll'][-1]:.4f}"
        if job["cpu"]:
            cpu = job["cpu"]["valid_nll"][-1]
            away = result["valid_nll"][-1] / cpu - 1
            line += f", on the CPU {cpu:.4f}: {away:+.2%}"
        lines.append(f"{line}; {result['seconds']:.0f} s")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
