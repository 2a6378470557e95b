"""README's chart, drawn from the four quick recipes' own results.

    .venv/bin/python docs/pictures/chart.py [--root DIR]

It runs each recipe (what is in the store is not run again), writes results.json beside
this file, and draws it: bits gained over guessing, (nll_prior - nll) / ln 2 a decision.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

from svg import HERE, picture, rect, text, write

RECIPES = {  # recipe -> (its label space, what a decision is)
    "breast_cancer": ("binary: is a tumour malignant?", "label"),
    "digits": ("multiclass: which digit is it?", "label"),
    "kjv_quick": ("language: a chapter of the King James Bible", "character"),
    "libreoffice_en_de_quick": ("translation: LibreOffice's help in German", "token"),
}
# narrow, so that it can be read on a phone
WIDE, LEFT, RIGHT, ROW = 560, 170, 50, 22


def measure(root):
    """Run the recipes.  -> plain data of results.json"""
    results = {}
    for recipe in RECIPES:
        command = [sys.executable, "-m", "phistar", "run", recipe, "--json"]
        command += ["--root", str(root)] if root else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        answer = json.loads(done.stdout.splitlines()[-1])
        metrics, rows = answer["metrics"], answer["verdict"]["rows"]
        kept = ("test_nll", "test_nll_prior", "test_nll_uniform", "test_n")
        results[recipe] = {name: round(metrics[name], 6) for name in kept} | {
            "baselines": {
                row["name"]: round(row["nll"], 6)
                for row in rows
                if row["reads"] and "nll" in row
            }
        }
    return results


def bars(result):
    """(name, bits gained over guessing) of the model and of its baselines."""
    floor = min(result["test_nll_prior"], result["test_nll_uniform"])
    scored = {"phistar": result["test_nll"]} | result["baselines"]
    return [(name, (floor - nll) / math.log(2)) for name, nll in scored.items()]


def chart(results):
    """The picture.  -> str"""
    parts, y = [], 24
    most = max(bits for result in results.values() for _, bits in bars(result))
    scale = (WIDE - LEFT - RIGHT) / most
    parts.append(text(8, y, "Bits gained over guessing, a decision of test", "name"))
    for recipe, (space, unit) in RECIPES.items():
        y += 36
        parts.append(text(8, y, f"{space} (bits a {unit})"))
        y += 10
        for name, bits in bars(results[recipe]):
            kind = "ours" if name == "phistar" else "other"
            parts.append(text(LEFT - 8, y + 13, name, "small", "end"))
            parts.append(rect(LEFT, y, max(bits, 0) * scale, ROW - 5, kind))
            parts.append(
                text(LEFT + max(bits, 0) * scale + 6, y + 13, f"{bits:.2f}", "small")
            )
            y += ROW
    told = "; ".join(
        f"{recipe}: "
        + ", ".join(f"{name} {bits:.2f}" for name, bits in bars(results[recipe]))
        for recipe in RECIPES
    )
    return picture(WIDE, y + 12, f"Bits gained over guessing: {told}", parts)


def stored():
    """results.json."""
    return json.loads(Path(HERE, "results.json").read_text("utf-8"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", type=Path, help="project root (default: this one)")
    found = measure(parser.parse_args().root)
    Path(HERE, "results.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    write("chart.svg", chart(stored()))
