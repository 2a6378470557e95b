"""phistar: one minimum of -ln P_Φ(y|x), for every kind of label.

    import phistar

    run = phistar.run("digits", {"train.epochs": 3})
    run.metrics["test_nll"], run.verdict["sentence"]
    run.predict(images)
    phistar.load("models:/digits@champion").predict(images)

The package is the folders `pipeline/` and `components/` of the repository, and its
recipes in `conf/`. A wheel has them inside of this folder, the repository beside it.
Importing it imports nothing else: every command does so first.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phistar.interface import load, run, runs
    from phistar.pipeline.process.errors import Failure
    from phistar.result import Run

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent  # the entry of sys.path that holds the package
if not (HERE / "pipeline").is_dir():
    __path__.append(str(SOURCE))

__all__ = ["Failure", "Run", "load", "run", "runs"]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used."""
    match name:
        case "load" | "run" | "runs":
            from phistar import interface as module
        case "Run":
            from phistar import result as module
        case "Failure":
            from phistar.pipeline.process import errors as module
        case _:
            raise AttributeError(f"module 'phistar' has no attribute {name!r}")
    return getattr(module, name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
