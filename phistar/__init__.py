"""phistar: one minimum of -ln P_Φ(y|x), for every kind of label.

The package is the folders `pipeline/` and `components/` of the repository, and its
recipes in `conf/`. A wheel has them inside of this folder, the repository beside it.
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent  # the entry of sys.path that holds the package
if not (HERE / "pipeline").is_dir():
    __path__.append(str(SOURCE))
