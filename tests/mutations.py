"""Break the exporter in many ways, each in a copy of this tree: a law must notice.

    python tests/mutations.py [WORD ...]

It prints a table in Markdown: each mutation, the first test that failed, and its
message. With words, only mutations with one of them in their name. The exit status is 1
if no test notices one of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COPIED = (
    *("phistar", "components", "pipeline", "conf", "tests"),
    *("pyproject.toml", "Makefile"),
)
LABELS = "components/serving/labels.py"
TOKENS = "components/serving/tokens.py"
TRANSLATIONS = "components/serving/translation.py"
EXPORT = "components/export.py"
ENCODE = "inputs = self.encoder.encode_graph(inputs)"


class Mutation(NamedTuple):
    """One way to break it.

    Args:
        name: the fault.
        case: of tests/helpers/cases.py; its laws are tested.
        edits: (file, text that occurs in it once, text that replaces it), ...
    """

    name: str
    case: str
    edits: tuple


MUTATIONS = (
    Mutation(
        "the tables of words are not saved",
        "table_linear_hinge",
        (
            (
                LABELS,
                '[network, *getattr(encoder, "lookups", [])]',
                "[network]",
            ),
        ),
    ),
    Mutation(
        "the scale of P is left out",
        "table_linear_hinge",
        ((LABELS, "self.scale * self.network(", "self.network("),),
    ),
    Mutation(
        "columns are swapped",
        "breast_cancer_linear_logistic",
        (
            (
                LABELS,
                ENCODE,
                "inputs = self.encoder.encode_graph("
                "dict(zip(inputs, reversed(inputs.values()))))",
            ),
        ),
    ),
    Mutation(
        "the graph runs Python",
        "breast_cancer_linear_logistic",
        (
            (
                LABELS,
                ENCODE,
                "inputs = tf.ensure_shape(tf.numpy_function(lambda x: x, "
                "[self.encoder.encode_graph(inputs)], tf.float32), [None, 30])",
            ),
        ),
    ),
    Mutation(
        "a signature writes a file",
        "breast_cancer_linear_logistic",
        (
            (
                LABELS,
                ENCODE,
                f"{ENCODE}; tf.raw_ops.SaveV2(prefix='asked', tensor_names=['x'], "
                "shape_and_slices=[''], tensors=[inputs])",
            ),
        ),
    ),
    Mutation(
        "the graph knows an absolute path",
        "breast_cancer_linear_logistic",
        (
            (
                EXPORT,
                "signatures = server.signatures()",
                "server.where = str(dataset); signatures = server.signatures()",
            ),
            (
                LABELS,
                ENCODE,
                "tf.debugging.Assert(tf.size(inputs['mean_area']) >= 0, "
                f"[self.where]); {ENCODE}",
            ),
        ),
    ),
    Mutation(
        "weights are rounded to bfloat16",
        "breast_cancer_mlp_hinge",
        (
            (
                EXPORT,
                "model, description = artifacts.load_network(network)",
                "model, description = artifacts.load_network(network); "
                "[w.assign(tf.cast(tf.cast(w, tf.bfloat16), tf.float32)) "
                "for w in model.weights]",
            ),
        ),
    ),
    Mutation(
        "labels are named in another order",
        "table_mlp_cross_entropy",
        (
            (
                LABELS,
                "tf.constant(task.space.names)",
                "tf.constant(task.space.names[::-1])",
            ),
        ),
    ),
    Mutation(
        "images lose their last bit",
        "digits_vgg_small_cross_entropy",
        ((LABELS, ENCODE, "inputs = self.encoder.encode_graph(inputs) // 2 * 2"),),
    ),
    Mutation(
        "`sample` tells ln P at its temperature",
        "table_mlp_cross_entropy",
        (
            (
                LABELS,
                "index = sample(log_probs, uniform, temperature, top_k, top_p)",
                "index = sample(log_probs, uniform, temperature, top_k, top_p); "
                "log_probs = tf.nn.log_softmax(log_probs / temperature[:, None])",
            ),
        ),
    ),
    Mutation(
        "all rows draw with the first one's seed",
        "table_mlp_cross_entropy",
        (("components/serving/knobs.py", "[s, 0]", "[seed[0] + 0 * s, 0]"),),
    ),
    Mutation(
        "the warm-up requests have another dtype",
        "breast_cancer_linear_logistic",
        (
            (
                "components/serving/warmup.py",
                "tf.make_tensor_proto(tensor[:rows])",
                "tf.make_tensor_proto(tf.cast(tensor[:rows], tf.float64) "
                "if tensor.dtype == tf.float32 else tensor[:rows])",
            ),
        ),
    ),
    Mutation(
        "EOS counts twice",
        "songs_characters",
        (
            (
                TOKENS,
                '"log_prob": total(by_token)',
                '"log_prob": total(by_token) + tf.cast(by_token[:, -1], tf.float64)',
            ),
        ),
    ),
    Mutation(
        "more tokens may follow EOS",
        "toy_characters",
        (
            (
                TOKENS,
                "following = tf.where(ended, after_end, following)",
                "following = tf.where(ended & False, after_end, following)",
            ),
        ),
    ),
    Mutation(
        "the prompt's last token is not read",
        "songs_characters",
        (
            (
                "components/serving/language.py",
                "return tokens, lengths - 1",
                "return tokens, tf.maximum(lengths - 2, 0)",
            ),
        ),
    ),
    Mutation(
        "the last token of a text is not shown",
        "songs_characters",
        (
            (
                TOKENS,
                '"text": self.text.decode_graph(tokens, lengths)',
                '"text": self.text.decode_graph(tokens, lengths - 1)',
            ),
        ),
    ),
    Mutation(
        "padding of the source is read",
        "lines_bytes",
        (
            (
                "components/networks/transformer/encoder_decoder.py",
                "mask = layers.hidden(before_padding(source)[:, None])",
                "mask = layers.hidden(ops.ones_like(before_padding(source))[:, None])",
            ),
        ),
    ),
    Mutation(
        "`serving_default` searches otherwise than the evaluation",
        "lines_bytes",
        (
            (
                TRANSLATIONS,
                'default = {**decoding, "max_length": task.max_length}',
                'default = {**decoding, "max_length": 3}',
            ),
        ),
    ),
    Mutation(
        "the score of the search is told as ln P",
        "lines_bytes",
        (
            (
                TRANSLATIONS,
                '"log_prob": found.log_prob[:, 0]',
                '"log_prob": found.score[:, 0]',
            ),
        ),
    ),
)


def main(words):
    """Try them; print a line for each."""
    chosen = [m for m in MUTATIONS if not words or any(w in m.name for w in words)]
    print("| What is wrong | Asked of | What noticed it |\n|---|---|---|")
    unnoticed = 0
    for case in dict.fromkeys(mutation.case for mutation in chosen):
        if found := attempt(Mutation("nothing", case, ())):
            raise ValueError(f"the laws do not hold of {case} as it is: {found}")
    for mutation in chosen:
        noticed = attempt(mutation)
        unnoticed += noticed is None
        found = noticed or "**nothing**"
        print(f"| {mutation.name} | {mutation.case} | {found} |", flush=True)
    return int(unnoticed > 0)


def attempt(mutation):
    """Break a copy of the tree, and test the laws of a case.

    Returns:
        str, the first test that failed and its message; None if none did.

    Raises:
        ValueError: if there is nothing to edit, or no law was tested.
    """
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, tree / name)
        for name, old, new in mutation.edits:
            text = (tree / name).read_text("utf-8")
            if text.count(old) != 1:
                raise ValueError(
                    f"{name} does not hold this once. Received: {old!r}, "
                    f"{text.count(old)} times. Mend the mutation {mutation.name!r}."
                )
            (tree / name).write_text(text.replace(old, new), "utf-8")
        command = ["-m", "pytest", "-x", "-q", "-k", mutation.case, "tests/contract"]
        done = subprocess.run(
            [sys.executable, *command, "--tb=short", "-p", "no:cacheprovider"],
            cwd=tree,
            env=os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "400"},
            capture_output=True,
            text=True,
        )
    if done.returncode == 0:
        return None
    failed = re.search(
        r"^(?:FAILED|ERROR) \S+::(\S+?)(?:\[.*?\])?(?: - (.*))?$",
        done.stdout,
        re.MULTILINE,
    )
    if done.returncode != 1 or failed is None:
        raise ValueError(f"no law was tested: {done.stdout[-2000:]}{done.stderr}")
    said = (failed[2] or "").replace("|", "\\|")
    by = "export refuses it" if "RejectedModel" in said else f"`{failed[1]}`"
    said = re.sub(r"^[\w.]*(Error|Model):", "", said).partition(". Received")[0].strip()
    return f"{by}: {said[:160]}" if said else by


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
