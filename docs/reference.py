"""Pages of the reference, from the code itself: keys, commands, metrics, signatures.

    python docs/reference.py --root DIR     writes docs/reference/*.md

Metrics and signatures are those of the exports below DIR: one of each task.
"""

import argparse
import re
from pathlib import Path

from phistar.components.reports.page.results import METRICS, TERMS
from phistar.pipeline.cli.arguments import make_parser
from phistar.pipeline.config import schema
from phistar.pipeline.process import errors
from phistar.pipeline.run.metrics import HEADLINE
from phistar.pipeline.store.contract import read_contract

FOLDER = Path(__file__).resolve().parent / "reference"
MADE = "<!-- made by docs/reference.py: change the code, then run `make pictures` -->\n"
CHOSEN = {"task": "task", "ingest": "source", "build": "network", "train": "optimizer"}
TASKS = ("binary", "multiclass", "language", "translation")
FURTHER = {  # metrics without a heading on a run's page
    "n": "number of decisions: labels, or tokens with EOS",
    "bits": "`nll` in bits, nll / ln 2",
    "nll_uniform": "the floor ln K",
    "nll_prior": "the floor of a guess by the shares of train",
    "nll_ngram": "`nll` of an n-gram model of train",
    "bleu_copy": "BLEU of the source, copied",
    "xz_bits_per_byte": "bits a byte that `xz -9` needs, given train",
}
# what stands in a contract for one model only -> in general
GENERAL = (
    (r"one of \[.*?\]", "one of the labels"),
    (r"integers in \[0, \d+\]", "integers in [0, V-1]"),
    (r"resized to \d+x\d+, \w+", "resized as in training"),
    (r"longer than \d+ tokens: cut", "longer than `task.max_length` tokens: cut"),
    (r"UTF-8; bytes that are none.*?(?=; longer|$)", "UTF-8, in its normal form"),
)


def table(head, rows):
    """A table in Markdown.  -> str"""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in row] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells) + "\n"


def page(title, *parts):
    """A page.  -> str"""
    return "\n".join([f"# {title}\n", MADE, *parts])


def keys():
    """Every key of a config, by section and choice.  -> str"""
    parts = [
        "Keys of a recipe, and of `key=value` on the command line. They are arguments "
        "of the stages' functions. `phistar show NAME` prints those of one recipe.\n"
    ]
    for name in schema.SECTIONS:
        parts.append(f"## {name}\n")
        own = schema.section(name)
        if own:
            parts.append(key_table(name, own))
        else:
            parts.append("No keys.\n")
        if name not in schema.CHOOSERS:
            continue
        for choice in schema.names(name):
            signature = schema.chosen(name, choice)
            parts.append(f"### {name}.{schema.CHOOSERS[name]}={choice}\n")
            parts.append(signature.summary + "\n")
            if signature.keys:
                parts.append(key_table(name, signature.keys))
    return page("Keys", *parts)


def key_table(section, found):
    """Rows of keys.  -> str"""
    rows = [
        [
            f"`{section}.{key.name}`",
            schema.type_text(key.type),
            "required" if key.default is schema.REQUIRED else f"`{shown(key.default)}`",
            key.meaning,
        ]
        for key in found.values()
    ]
    return table(["key", "type", "default", "meaning"], rows)


def shown(value):
    """A default as YAML has it.  -> str"""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(list(value)) if isinstance(value, tuple) else str(value)


def commands():
    """Every command, its arguments and its examples.  -> str"""
    _, found = make_parser()
    parts = [
        "`phistar --version` prints the version, `phistar COMMAND --help` the text.\n"
    ]
    common = [a for a in found["list"]._actions if a.option_strings]
    parts += ["## Of every command\n", argument_table(common)]
    known = {a.option_strings[0] for a in common}
    for name, parser in found.items():
        parts.append(f"## phistar {name}\n")
        parts.append(sentence(parser.description) + "\n")
        own = [a for a in parser._actions if (a.option_strings or [""])[0] not in known]
        own = [a for a in own if a.help != argparse.SUPPRESS]
        if own:
            parts.append(argument_table(own))
        examples = [line.strip() for line in parser.epilog.splitlines()[1:]]
        parts.append("Examples: " + ", ".join(f"`{line}`" for line in examples) + "\n")
    return page("Commands", *parts)


def argument_table(actions):
    """Rows of arguments.  -> str"""
    rows = []
    for action in actions:
        metavar = action.metavar or (
            "" if action.nargs == 0 else "|".join(action.choices or ())
        )
        words = " ".join(filter(None, [*action.option_strings[-1:], metavar]))
        rows.append([f"`{words}`", (action.help or "").replace("%%", "%")])
    return table(["argument", "meaning"], rows)


def sentence(text):
    """A description as a sentence.  -> str"""
    return text[0].upper() + text[1:] + "."


def metrics(contracts):
    """Metrics of the four tasks.  -> str"""
    tasks = {}
    for task in TASKS:
        for name in contracts[task]["metrics"]:
            if name.startswith("test_") and not name.endswith(("_low", "_high")):
                tasks.setdefault(name.removeprefix("test_"), []).append(task)
    first = [name for name in (*HEADLINE, *METRICS) if name in tasks]
    rows = []
    for name in dict.fromkeys([*first, *sorted(tasks)]):
        heading = METRICS.get(name, "").format(unit="decision")
        meaning = TERMS.get(name, "").format(unit="label or token")
        text = meaning or FURTHER.get(name) or heading or ""
        bounds = any(f"test_{name}_low" in c["metrics"] for c in contracts.values())
        of = "all" if len(tasks[name]) == len(TASKS) else ", ".join(tasks[name])
        rows.append([f"`test_{name}`", of, "yes" if bounds else "", text])
    return page(
        "Metrics",
        "`metrics.json` of a run has each of these for test; most also for `train_` "
        "and `valid_`. Those with an interval have `_low` and `_high` too: 95 %, see "
        "[intervals](../explanation/intervals.md). MLflow has them as `test/nll`.\n",
        table(["metric", "tasks", "interval", "meaning"], rows),
    )


def signatures(contracts):
    """Signatures of the SavedModels.  -> str"""
    parts = [
        "The functions of an export. `contract.json` beside a SavedModel has the same "
        "for that model. All inputs share dimension 0, B, so that servers can batch.\n",
        "`serving_default` takes x alone. The others need all their inputs, and a knob "
        "once for each row. Over HTTP, in MLflow and in `phistar predict` knobs have "
        "defaults.\n",
    ]
    heads = {
        "binary": "A table",
        "multiclass": "Images",
        "language": "A language model",
        "translation": "A translation",
    }
    for task, head in heads.items():
        contract, meanings, dtypes = contracts[task], {}, {}
        parts.append(f"## {head}\n")
        rows = []
        for called, signature in contract["signatures"].items():
            sides = []
            for side in ("inputs", "outputs"):
                fields = signature[side]
                if task == "binary" and side == "inputs":
                    known = {"label", *contract["knobs"]}
                    fields = {n: f for n, f in fields.items() if n in known}
                    sides.append(", ".join(["the columns by name", *map(code, fields)]))
                else:
                    sides.append(", ".join(map(code, fields)))
                meanings |= fields
                for name, field in fields.items():
                    dtypes.setdefault(name, set()).add(field["dtype"])
            rows.append([code(called), *sides])
        parts.append(table(["signature", "takes", "gives"], rows))
        rows = [
            [
                code(name),
                " or ".join(sorted(dtypes[name])),
                shape(field["shape"]),
                general(field["meaning"]),
            ]
            for name, field in sorted(meanings.items())
        ]
        parts.append(table(["name", "dtype", "shape", "meaning"], rows))
    return page("Signatures", *parts)


def code(name):
    """A name in code.  -> str"""
    return f"`{name}`"


def shape(sizes):
    """A shape: B first; the others are T, V, K or the beams of a request.  -> str"""
    return "[" + ", ".join(["B", *["…"] * (len(sizes) - 1)]) + "]"


def general(meaning):
    """A meaning without the numbers of one model.  -> str"""
    for pattern, text in GENERAL:
        meaning = re.sub(pattern, text, meaning)
    return meaning


def exit_statuses():
    """Exit statuses, from the docstring of pipeline/process/errors.py.  -> str"""
    block = re.search(r"\n\n((?: {4}.*\n)+)", errors.__doc__)[1]
    text = re.sub(r"\n {9}", " ", block)
    found = re.findall(r"(?:^|; ) *(\d+) +([^;\n]+)", text, re.M)
    return page(
        "Exit statuses",
        table(["status", "meaning"], [[n, words.strip()] for n, words in found]),
        "All errors of a config come at once, before any work. Errors go to stderr. "
        "With `--json` the last line of stdout is one JSON object. `--debug` adds the "
        "traceback.\n",
        "Status 3 also stands for an export with a forbidden operation, for `serve` "
        "of an export that answers otherwise than its golden batch, and for a network "
        "that breaks a law in preflight.\n",
    )


def contracts_below(root):
    """Task -> contract of the newest export of that task below a root."""
    found = Path(root).glob("mlruns/stages/export/*/saved_model/contract.json")
    contracts = {}
    for path in sorted(found, key=lambda path: path.stat().st_mtime):
        contract = read_contract(path.parent)
        contracts[contract["task"]["name"]] = contract
    return contracts


def pages(contracts):
    """File name -> text of every page."""
    return {
        "keys.md": keys(),
        "commands.md": commands(),
        "metrics.md": metrics(contracts),
        "signatures.md": signatures(contracts),
        "exit-statuses.md": exit_statuses(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", type=Path, required=True, help="of runs of each task")
    for name, text in pages(contracts_below(parser.parse_args().root)).items():
        (FOLDER / name).write_text(text, "utf-8")
