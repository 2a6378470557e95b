"""Feature columns: numbers and categories -> float32 [N, D], by Keras layers.

    numeric       (x - mean) / standard deviation; missing (NaN) -> the mean, which
                  becomes 0; a further column, 1 where missing, if train had such
    categorical   one column per value seen in train, and one, the first, for
                  values never seen; missing ("") is a value like any other

The statistics come from train only. The same layers run at ingest and inside the
SavedModel, whose inputs have the identifiers of the columns.
"""

import keras
import numpy as np
import tensorflow as tf

from phistar.components.data.encoders.identifiers import identifiers
from phistar.components.data.encoders.statistics import describe

UNSEEN = "\0unseen"  # Keras's own, "[UNK]", may well be a value of the data
FORMS = {"numeric": "number", "categorical": "category"}  # kind -> form in a request


class Columns:
    """The encoder of named columns.

    Args:
        columns: list of plain dicts, {"name", "kind": "numeric", "mean",
            "variance", "missing": bool, "low", "high"} or {"name", "kind":
            "categorical", "values": [str]}.
    """

    op_libraries = ()  # core TensorFlow operations only
    reads = "table"
    max_rows = 1024  # of a request: more fill a processor no better
    batch_size = 1024
    array = (
        "the columns of `encoder`, one behind the other: the numeric ones, "
        "(x - mean) / sqrt(variance), 0 where missing; then, of the numeric ones with "
        "`missing`, 1 where missing, else 0; then, of each categorical one, 1 at the "
        "place of its value, else 0; the first place is that of values not in `values`"
    )

    def __init__(self, columns):
        self.columns = columns
        inputs = identifiers([c["name"] for c in columns])
        self.own_names = {name: own for own, name in inputs.items()}
        self.each = [c | {"input": inputs[c["name"]]} for c in columns]
        self.numeric = [c for c in self.each if c["kind"] == "numeric"]
        self.finite = [
            f"{c['input']} must hold finite numbers, NaN where it is missing. Received:"
            for c in self.numeric
        ]
        self.categorical = [c for c in self.each if c["kind"] == "categorical"]
        if self.numeric:
            self.normalization = keras.layers.Normalization(
                mean=[c["mean"] for c in self.numeric],
                variance=[c["variance"] for c in self.numeric],
                dtype="float32",
                name="normalization",  # else numbered on, and the SavedModel with it
            )
            self.normalization.build((None, len(self.numeric)))  # outside any graph
            self.missing = np.array([c["missing"] for c in self.numeric])
        self.lookups = [
            keras.layers.StringLookup(
                vocabulary=c["values"],
                output_mode="one_hot",
                oov_token=UNSEEN,
                name=f"lookup_{c['input']}",
            )
            for c in self.categorical
        ]
        # traced once, for pieces of any length
        # without autograph: there is no branch, and tracing is faster
        self._encode = tf.function(
            self.encode_graph, [self.signature()], autograph=False
        )

    @classmethod
    def fit(cls, pieces):
        """The encoder whose statistics are those of the train columns.

        Args:
            pieces: iterable of dicts of name -> float [N] (NaN is missing) or
                str [N], read once.

        Raises:
            ValueError: a column without values.
        """
        return cls(describe(pieces))

    @property
    def shape(self):
        """(D,)."""
        indicators = int(self.missing.sum()) if self.numeric else 0
        one_hot = sum(len(c["values"]) + 1 for c in self.categorical)
        return (len(self.numeric) + indicators + one_hot,)

    dtype = "float32"

    def to_json(self):
        """Plain data; `Columns(**encoder.to_json())` is the same encoder."""
        return {"columns": self.columns}

    def signature(self):
        """Inputs of the SavedModel.  -> dict of name -> tf.TensorSpec [B]."""
        return {
            c["input"]: tf.TensorSpec(
                [None],
                tf.float32 if c["kind"] == "numeric" else tf.string,
                c["input"],
            )
            for c in self.each
        }

    def describe(self):
        """Meaning of each input, for the contract.  -> dict of input -> str."""
        return {
            c["input"]: "finite number, as in the data; NaN is missing"
            if c["kind"] == "numeric"
            else f"one of {len(c['values'])} values, others allowed; '' is missing"
            for c in self.each
        }

    def forms(self):
        """Input name -> how a request gives it: "number" or "category"."""
        return {c["input"]: FORMS[c["kind"]] for c in self.each}

    def seen(self):
        """Ranges and values of train, for the contract; see drift.py of serving.

        Ranges are those of float32, which is what a request becomes.
        """
        ranges = {
            c["input"]: [float(np.float32(c[end])) for end in ("low", "high")]
            for c in self.numeric
        }
        values = {c["input"]: c["values"] for c in self.categorical}
        both = {"numbers": ranges, "categories": values}
        return {what: columns for what, columns in both.items() if columns}

    def request(self, raw, rows):
        """Request of the SavedModel for some rows of raw data.

        Args:
            raw: name of a column -> array [N].
            rows: index.

        Returns:
            dict of input -> array.
        """
        return {
            c["input"]: raw[c["name"]][rows].astype(
                "float32" if c["kind"] == "numeric" else "str"
            )
            for c in self.each
        }

    def encode(self, raw):
        """Encode columns as they are in the data.  -> np.ndarray, float32 [N, D]."""
        request = self.request(raw, slice(None))
        return self._encode({n: tf.constant(v) for n, v in request.items()}).numpy()

    def encode_graph(self, inputs):
        """Encode in a graph.  dict of input -> tensor [B] -> float32 [B, D]."""
        parts = []
        if self.numeric:
            # [B, numeric columns]
            x = tf.stack([inputs[c["input"]] for c in self.numeric], axis=-1)
            infinite = tf.reduce_any(tf.math.is_inf(x), axis=0)  # by column
            first = tf.argmax(tf.cast(infinite, tf.int32))
            refused = tf.boolean_mask(x[:, first], tf.math.is_inf(x[:, first]))
            received = [tf.gather(self.finite, first), refused]
            finite = tf.debugging.Assert(~tf.reduce_any(infinite), received)
            with tf.control_dependencies([finite]):
                missing = tf.math.is_nan(x)
            x = self.normalization(tf.where(missing, 0.0, x))
            parts.append(tf.where(missing, 0.0, x))  # the mean, after scaling
            if self.missing.any():
                indicators = tf.boolean_mask(missing, self.missing, axis=1)
                parts.append(tf.cast(indicators, tf.float32))
        for column, lookup in zip(self.categorical, self.lookups, strict=True):
            words = inputs[column["input"]]
            parts.append(tf.cast(lookup(words), tf.float32))
        return tf.concat(parts, axis=-1)
