"""Names that users give and programs trip over: one list for all tests."""

import csv

import numpy as np

LONG = "a name that goes on and on " * 10
# of columns: none of two is equal, some are in lower case, or without signs
COLUMNS = (
    *("plain", "größe", "self", "class", "label", "Label", "a=b", "x (1)", ">50K"),
    *("Size", "size", "a b", "a_b", "a.b", '"quoted"', "it's", "", " lead", "😀"),
    *("1st", "a/b", "/etc/passwd", "%s %d {x}", "${HOME}", "two\nlines", "a,b", "*"),
    *("seed", "args", "kwargs", "name", "None", "_under", "__proto__", "column_3"),
    *("x", "x_1", "<b>bold</b>", "a|b", "$m$", "back\\slash", LONG),
)
# of labels: two of them and all of them are used
LABELS = (
    *("yes, of course", "it's", '"quoted"', "two\nlines", "a/b", "größe", "日本語"),
    *(
        "عربي",
        "😀",
        "$m$",
        "<b>",
        "a|b",
        "%s {x}",
        "label",
        "rows",
        "/etc/passwd",
        "1",
    ),
)
# of folders that a root may be, and of files
FOLDERS = (
    *("full[1]", "back\\slash", "ro?ot", "ro%20ot", "ro#ot", "two words", "it's"),
    *('"quoted"', "größe", "*", "{a,b}", "a=b", "-dash", "a" * 200),
)
# of recipes' files: the first ones can be taken, the others are refused
RECIPES = ("größe", "two words", "a.b", "(x) 1", "x+y, z", "日本語", "a" * 100)
REFUSED = (
    *("a:b", "con'cat", 'say "x"', "a%20b", "a#b", "a?b", "a@b", "a\\b", "a=b", "*"),
    *("-dash", ".hidden", "two\nlines", "a" * 101, "trailing "),
)


def table(path, columns=COLUMNS, labels=("no", "yes"), label="the answer", rows=120):
    """Write a CSV file of odd columns: every second one holds words.

    Args:
        path: of the file.
        columns: names.
        labels: names; row i has label i modulo their number.
        label: name of the column with the labels.
        rows: int.

    Returns:
        list of dict, its rows as text.
    """
    rng = np.random.default_rng(0)
    written = []
    for number in range(rows):
        row = {label: labels[number % len(labels)]}
        for place, name in enumerate(columns):
            value = rng.normal(number % len(labels) if place == 0 else 0)
            word = "even" if value < 0 else "odd"
            row[name] = word if place % 2 else f"{value:.4f}"
        written.append(row)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*columns, label])
        writer.writeheader()
        writer.writerows(written)
    return written
