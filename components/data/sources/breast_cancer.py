"""Breast Cancer Wisconsin (Diagnostic): 569 rows, 30 numbers, two labels.

Packaged with scikit-learn. Source: Street, Wolberg and Mangasarian, 1993; UCI
Machine Learning Repository.
"""

from importlib.metadata import version

from phistar.components.data.sources.base import Overview, Rows, Source

FIRST_ROWS = {"malignant": 0, "benign": 19}  # scikit-learn takes seconds to import


def breast_cancer():
    """Cell nuclei of fine needle aspirates; the labels are malignant and benign.

    Returns:
        Source of columns, without splits.
    """
    return Source(
        name="breast_cancer",
        kind="columns",
        fingerprint={"scikit-learn": version("scikit-learn")},
        read=_read,
        overview=lambda: Overview(FIRST_ROWS, 569),
    )


def _read():
    """All rows, as one piece.  -> dict of split -> list of Rows."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    inputs = {str(name): data.data[:, i] for i, name in enumerate(data.feature_names)}
    return {"all": [Rows(inputs, data.target_names[data.target])]}
