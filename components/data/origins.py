"""Facts about a Dataset for a reader: where its rows come from, and its labels."""

import numpy as np

from phistar.components.data.splits import SPLITS

MOST_LABELS = 50  # whose rows are counted for a reader


def origins(origin, counts):
    """The origin and the number of each split's rows.

    Args:
        origin: of the source.
        counts: rows by "train_rows" and so on.

    Returns:
        dict of split -> {"rows": int, "from": words, "" if the source tells none}.
    """
    found = {}
    for name in SPLITS:
        where = ""
        if name in origin:
            where = f"of {origin[name]}"
        elif "all" in origin:
            where = f"out of {origin['all']}"
        elif origin:
            where = "made from train"
        found[name] = {"rows": counts[f"{name}_rows"], "from": where}
    return found


def balance(space, labels):
    """Rows of each label; {} where there are many labels.

    Args:
        space: LabelSpace of names.
        labels: int32 [N], values of it.

    Returns:
        dict of name -> int, the names in the order of the label space.
    """
    if space.size > MOST_LABELS:
        return {}
    counts = np.bincount(space.index(labels), minlength=space.size).tolist()
    return dict(zip(space.names, counts, strict=True))


def origin(source, options, fingerprint):
    """Origin of the data, for a reader: "table path=a.csv label=y".

    Args:
        source: name of the source.
        options: dict, its keys.
        fingerprint: dict; hashes in it are left out.
    """
    given = [f"{key}={value}" for key, value in options.items() if value]
    versions = [
        f"{name} {value}" for name, value in fingerprint.items() if len(str(value)) < 32
    ]
    return ", ".join([" ".join([source, *given]), *versions])
