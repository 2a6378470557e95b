"""Examples as a person can read them: columns, pictures, texts with their costs."""

import base64
import io
import re

import numpy as np

from phistar.components.reports.page import html

SIDE = 128  # pixels of a picture at most
COLUMNS = 40  # of a row
DARK = 8.0  # nats, of the darkest shade
BYTE = re.compile(r"<?0x([0-9A-Fa-f]{2})>?")  # name of a token that is one byte
END = "∎"


def gallery(examples, pictures=False):
    """Examples below each other, pictures beside each other.

    Args:
        examples: iterable of (head, body), both Markup.
        pictures: True if the bodies are small.
    """
    text = html.Markup('<div class="example">{}{}</div>')
    # a picture stands above its caption, so that pictures are in line
    ordered = (pair[::-1] if pictures else pair for pair in examples)
    items = html.joined(text.format(*pair) for pair in ordered)
    kind = "examples pictures" if pictures else "examples"
    return html.Markup('<div class="{}">\n{}\n</div>').format(kind, items)


def are_pictures(raw):
    """True if the inputs are pixels."""
    return getattr(raw, "ndim", 0) == 4 and raw.dtype == np.uint8


def shown(raw, row):
    """An input of names, columns or pixels.

    Args:
        raw: dict of name -> array [N], or uint8 [N, H, W, C]; others are not shown.
        row: int.

    Returns:
        Markup.
    """
    if isinstance(raw, dict):
        return columns({name: values[row] for name, values in raw.items()})
    if are_pictures(raw):
        return picture(np.asarray(raw[row]))
    return html.Markup("")


def columns(values):
    """Values by name, the first 40.  dict -> Markup"""
    text = html.Markup("{} <b>{}</b>")
    pairs = [text.format(name, plain(value)) for name, value in values.items()]
    if len(pairs) > COLUMNS:
        rest = f"and {len(pairs) - COLUMNS} further columns"
        pairs = [*pairs[:COLUMNS], html.Markup("{}").format(rest)]
    joined = html.Markup(" · ").join(pairs)
    return html.Markup('<div class="columns">{}</div>').format(joined)


def plain(value):
    """A value of a column; a missing one as a dash.  -> str"""
    if isinstance(value, str):
        return str(value) or "–"
    return "–" if np.isnan(value) else f"{value:.6g}"


def picture(pixels):
    """An image, at most 128 pixels a side.  uint8 [H, W, C] -> Markup"""
    from PIL import Image

    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    image = Image.fromarray(flat)
    image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return html.Markup('<img src="data:image/png;base64,{}" alt="">').format(data)


def text(content):
    """A text as it is, in its own direction.  str -> Markup"""
    return html.Markup('<div class="text" dir="auto">{}</div>').format(content)


def costs(pieces):
    """A text whose pieces are shaded by their costs.

    Args:
        pieces: list of (str, nats), of `pieces`.

    Returns:
        Markup; the number shows on hover.
    """
    one = '<span title="{}" style="background:rgba(214,69,65,{})">{}</span>'
    spans = [
        html.Markup(one).format(f"{nats:.3f}", f"{min(nats / DARK, 1) * 0.8:.2f}", said)
        for said, nats in pieces
    ]
    return text(html.Markup("").join(spans))


def pieces(encoder, tokens, nll):
    """Tokens as the text they are, with their costs.

    Bytes of one character are one piece, since no part of them can be read.

    Args:
        encoder: Text.
        tokens: int [n].
        nll: float [n], -ln P of each, nats.

    Returns:
        list of (str, nats).
    """
    names, spaced = encoder.names, encoder.tokenizer == "sentencepiece"
    found, waiting, cost = [], b"", 0.0
    for token, nats in zip(tokens.tolist(), nll.tolist(), strict=True):
        name = names[token]
        byte = BYTE.fullmatch(name) if token else None
        if waiting and not byte:
            found.append((waiting.decode("utf-8", "replace"), cost))
            waiting, cost = b"", 0.0
        if byte:
            waiting, cost = waiting + bytes.fromhex(byte[1]), cost + nats
            if whole(waiting):
                found.append((waiting.decode(), cost))
                waiting, cost = b"", 0.0
        elif not token:
            found.append((END, nats))
        else:
            found.append((name.replace("▁", " ") if spaced else name, nats))
    if waiting:
        found.append((waiting.decode("utf-8", "replace"), cost))
    return found


def whole(content):
    """True if bytes are whole characters.  bytes -> bool"""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
