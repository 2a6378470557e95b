"""The pages of a server: `/`, with a form to try the model, and `/docs`.

They load nothing: style and script are in them, and the browser is told to allow no
other address.
"""

import json
from functools import partial

from markupsafe import Markup

from phistar.components.reports.page import html
from phistar.components.reports.page.style import STYLE
from phistar.components.serving.request import Signature, signature
from phistar.pipeline.serving.http.dates import dated, written
from phistar.pipeline.serving.http.script import SCRIPT

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'self'; form-action 'none'; base-uri 'none'"
)
LISTED = 1000  # values of a column that the form proposes
LONGEST = 160  # characters of a text in an example that /docs shows whole
MORE_STYLE = """
form { display: grid; gap: 12px 24px; margin: 12px 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 220px), 1fr)); }
form .whole { grid-column: 1 / -1; }
label { display: block; font-size: .9rem; overflow-wrap: anywhere; }
label small { display: block; }
input, select, textarea, button { font: inherit; width: 100%; padding: 6px 8px;
  border: 1px solid #8a94a3; border-radius: 4px; background: #fff; color: inherit; }
textarea { min-height: 5em; resize: vertical; }
button { width: auto; padding: 8px 24px; cursor: pointer; color: #fff;
  background: var(--accent); border-color: var(--accent); }
fieldset { display: contents; border: 0; margin: 0; padding: 0; }
fieldset[hidden] { display: none; }
pre { overflow-x: auto; background: #f5f7fa; padding: 8px 12px; font-size: .85rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.bar { display: inline-block; height: .8em; background: var(--accent); }
#answer td { overflow-wrap: anywhere; white-space: pre-wrap; }
.error { color: var(--bad); font-weight: 600; }
"""
DOCUMENT = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
""")
ROUTES = (
    ("/docs", "how to ask: every input and output, with an example"),
    ("/card", "the model card: what it is for, its results and limits"),
    ("/contract", "the same for programs: inputs, outputs, metrics, versions"),
    ("/openapi.json", "OpenAPI 3.1, for client generators"),
    ("/metrics", "counts for Prometheus"),
)


def document(title: str, parts: list[Markup]) -> str:
    """A whole page."""
    style = Markup(STYLE + MORE_STYLE)
    return str(DOCUMENT.format(title=title, style=style, body=html.joined(parts)))


def index(about: dict, contract: dict, examples: dict, curl: str) -> str:
    """The page `/`.

    Args:
        about: model, version and run.
        contract: of the SavedModel.
        examples: signature -> {"request", "answer"}.
        curl: a line that asks the server.

    Returns:
        HTML.
    """
    title = f"{about['model']}, version {about['version']}"
    links = [
        Markup('<a href="{}">{}</a> <small>{}</small>').format(path, path, text)
        for path, text in ROUTES
    ]
    known = [
        ("model", about["model"]),
        ("version", about["version"]),
        ("run", about["run"]),
        ("task", contract["task"]["name"]),
        ("signatures", ", ".join(contract["signatures"])),
    ]
    return document(
        title,
        [
            Markup("<h1>{}</h1>").format(title),
            html.paragraph(contract["verdict"], "verdict"),
            html.facts(known),
            html.section("Try it", form(contract, examples), *RESULT),
            html.section("Ask from a program", pre(curl)),
            html.section("Further pages", html.bullets(links)),
            Markup("<script>{}</script>").format(Markup(SCRIPT)),
        ],
    )


RESULT = (
    Markup('<div id="answer" aria-live="polite"></div>'),
    Markup("<noscript><p>The form needs JavaScript; the line below does not.</p>"),
    Markup("</noscript>"),
)


def form(contract: dict, examples: dict) -> Markup:
    """The form: the first row of the golden batch, to be changed and sent."""
    called = {
        name: one
        for name in ("predict", "log_prob", "sample")
        if (one := signature(contract, name))
    }
    x = called["predict"].x
    first = {
        name: example["request"]["inputs"]
        for name, example in examples.items()
        if name in called
    }
    parts = [field(name, called["predict"], first["predict"], contract) for name in x]
    options = [Markup("<option>{}</option>").format(name) for name in called]
    meanings = (
        "predict: the decision; log_prob: ln P of a label or text; sample: a draw"
    )
    text = (
        '<label class="whole">signature <small>{}</small>'
        '<select id="signature">{}</select></label>'
    )
    parts.append(Markup(text).format(meanings, html.joined(options)))
    parts += [others(one, first[name], contract) for name, one in called.items()]
    button = Markup('<div class="whole"><button>Ask the model</button></div>')
    return Markup('<form id="try">\n{}\n</form>').format(html.joined([*parts, button]))


def others(called: Signature, first: dict, contract: dict) -> Markup:
    """Fields of a signature beside x: y and its knobs."""
    parts = [field(name, called, first, contract) for name in called.y]
    text = (
        '<label>{} <small>{}</small><input data-knob="{}" inputmode="decimal" '
        'placeholder="{}"></label>'
    )
    parts += [
        Markup(text).format(name, spec["meaning"], name, spec["default"])
        for name, spec in called.knobs.items()
    ]
    shown = '<fieldset data-signature="{}">{}</fieldset>'
    return Markup(shown).format(called.name, html.joined(parts))


def field(end: str, called: Signature, first: dict, contract: dict) -> Markup:
    """The element for one input.

    Args:
        end: the input.
        called: the signature.
        first: name -> list of one value, the example.
        contract: of the SavedModel.
    """
    name, spec = called.shown[end], called.inputs[end]
    value = first.get(name, [""])[0]
    value = "" if value is None else value
    match spec["form"]:
        case "number":
            known = contract["inputs"]["seen"].get("numbers", {}).get(end)
            form, shown = dated(called, contract).get(end), "{:.4g}".format
            element = '<input data-number="{}" inputmode="decimal" value="{}">'
            if form:
                element = '<input data-date="{}" value="{}">'
                shown = partial(written, form=form)
            note = "of train {} to {}".format(*map(shown, known)) if known else ""
            element = Markup(element).format(name, value)
        case "category":
            values = contract["inputs"]["seen"].get("categories", {}).get(end, [])
            note = f"{len(values)} values of train"
            options = [
                Markup('<option value="{}"></option>').format(v)
                for v in values[:LISTED]
            ]
            element = (
                '<input data-text="{}" list="values-{}" value="{}">'
                '<datalist id="values-{}">{}</datalist>'
            )
            proposed = html.joined(options)
            element = Markup(element).format(name, end, value, end, proposed)
        case "image":
            note = spec["meaning"]
            element = '<input data-file="{}" type="file" accept="image/*">'
            element = Markup(element).format(name)
        case "label":
            note = "whose ln P is asked"
            options = [
                Markup("<option{}>{}</option>").format(
                    Markup(" selected") if known == value else "", known
                )
                for known in contract["labels"]["names"]
            ]
            element = '<select data-text="{}">{}</select>'
            element = Markup(element).format(name, html.joined(options))
        case _:
            note = spec["meaning"]
            # a line break after the tag is not part of the text
            element = '<textarea data-text="{}">\n{}</textarea>'
            element = Markup(element).format(name, value)
    kind = "whole" if spec["form"] in ("image", "text") else ""
    text = '<label class="{}">{} <small>{}</small>{}</label>'
    return Markup(text).format(kind, name, note, element)


def pre(text: str) -> Markup:
    """A text as it is."""
    return Markup("<pre>{}</pre>").format(text)


def docs(about: dict, contract: dict, examples: dict) -> str:
    """The page `/docs`.

    Args:
        about: model, version and run.
        contract: of the SavedModel.
        examples: signature -> {"request", "answer"}.

    Returns:
        HTML.
    """
    title = f"{about['model']}, version {about['version']}: how to ask"
    names = list(contract["signatures"])
    most = contract["max_rows"]
    rules = [
        Markup(
            "POST a JSON body to <code>/invocations</code>. <code>inputs</code> holds "
            "a list of each input, a value a row; a request has at most {} rows."
        ).format(most),
        Markup(
            "<code>params</code> holds the signature, if it is not serving_default, "
            "and its parameters, one value for all rows."
        ),
        Markup(
            "<code>dataframe_split</code>, <code>dataframe_records</code> and "
            "<code>instances</code> are taken in place of <code>inputs</code>, as "
            "MLflow's server takes them."
        ),
        "A mistake gets status 400 and a JSON object: the message, the input's name, "
        "what was received, what was expected.",
        Markup(
            "Each answer has the headers <code>phistar-model</code>, "
            "<code>phistar-version</code> and <code>phistar-run</code>."
        ),
    ]
    if contract["reads"] == "table":
        text = "A number or a word that is missing is <code>null</code>."
        rules.append(Markup(text))
        if dated(signature(contract), contract):
            text = "A date is a text as the data have it, or <code>2026-12-31</code>; "
            text += "or seconds since 1970, UTC, as TensorFlow Serving takes it."
            rules.append(Markup(text))
    if contract["reads"] == "images":
        text = "Image files can be sent as they are: <code>{}</code>"
        line = "curl -F image=@cat.png -F signature=predict ADDRESS/invocations"
        rules.append(Markup(text).format(line))
    back = Markup(
        '<nav><a href="/">{}</a> <a href="/openapi.json">openapi.json</a></nav>'
    ).format(about["model"])
    sections = [
        of_signature(signature(contract, name), examples[name]) for name in names
    ]
    head = [Markup("<h1>{}</h1>").format(title), back, html.bullets(rules)]
    return document(title, [*head, html.contents(names), *sections])


def of_signature(called: Signature, example: dict) -> Markup:
    """The section of a signature: tables of its inputs and outputs, its example."""
    takes = [
        [called.shown[name], kind, spec["meaning"]]
        for kind, specs in (("x", called.x), ("y", called.y))
        for name, spec in specs.items()
    ]
    takes += [
        [name, f"parameter, {spec['default']} if left out", spec["meaning"]]
        for name, spec in called.knobs.items()
    ]
    gives = [[name, spec["meaning"]] for name, spec in called.outputs.items()]
    return html.section(
        called.name,
        html.table(["input", "", "meaning"], takes),
        html.table(["output", "meaning"], gives),
        html.paragraph("A request, and its answer:"),
        pre(shown(example["request"])),
        pre(shown(example["answer"])),
    )


def shown(body: dict) -> str:
    """JSON that can be read: long texts are cut, /openapi.json has them whole."""

    def short(value: object) -> object:
        if isinstance(value, str) and len(value) > LONGEST:
            return value[:LONGEST] + "…"
        if isinstance(value, dict):
            return {key: short(one) for key, one in value.items()}
        if isinstance(value, list):
            more = ["…"] if len(value) > LONGEST else []
            return [short(one) for one in value[:LONGEST]] + more
        return value

    return json.dumps(short(body), ensure_ascii=False)
