"""README's picture of the five stages.

python docs/pictures/stages.py
"""

from svg import picture, rect, text, write

STAGES = (  # name, what it does, what it hands on
    ("ingest", "rows, images, texts: split by a hash, encoded once", "Dataset"),
    ("build", "features and a linear head, in Keras", "Network"),
    ("train", "keeps the weights with the least -ln P on valid", "Network"),
    ("evaluate", "nats beside guessing and a baseline, intervals", "Report"),
    ("export", "a SavedModel that answers as it was evaluated", "SavedModel"),
)
BELOW = (
    "Each result is kept under a key of its inputs and code: nothing runs twice.",
    "Each run is in MLflow: settings, curves, metrics, figures, the model.",
)
# narrow, so that it can be read on a phone
WIDE, LEFT, NAME, HIGH, GAP = 560, 8, 104, 34, 30


def stages():
    """The picture.  -> str"""
    parts, middle, y = [], LEFT + NAME / 2, 8
    for name, what, handed in STAGES:
        parts.append(rect(LEFT, y, NAME, HIGH, "box", 8))
        parts.append(text(middle, y + 23, name, "name", "middle"))
        parts.append(text(LEFT + NAME + 16, y + 22, what))
        y += HIGH
        parts.append(
            f'<path class="line" d="M{middle} {y + 3}v{GAP - 7}m-5 -7l5 7l5 -7"/>'
        )
        parts.append(text(middle + 12, y + 20, handed, "small"))
        y += GAP
    for line in BELOW:
        y += 20
        parts.append(text(LEFT, y, line, "small"))
    told = "Five stages: " + "; ".join(f"{name}: {what}" for name, what, _ in STAGES)
    return picture(WIDE, y + 10, told, parts)


if __name__ == "__main__":
    write("stages.svg", stages())
