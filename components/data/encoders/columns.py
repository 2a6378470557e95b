"""Feature columns: numbers and categories -> float32 [N, D], by Keras layers.

    numeric       (x - mean) / standard deviation; missing (NaN) -> the mean, which
                  becomes 0; a further column, 1 where missing, if train had such
    wide          the same, but (x - mean) / standard deviation in float64: numbers
                  whose float32 would be coarse, like times in milliseconds
    categorical   one column per value of train, and one, the first, for values that
                  train has seldom or never; missing ("") is a value like any other
    hashed        of very many values, one column per place of a hash

The statistics come from train only. The same layers run at ingest and inside the
SavedModel, whose inputs have the identifiers of the columns.
"""

import keras
import numpy as np
import tensorflow as tf

from phistar.components.data.cells.dates import PATTERNS
from phistar.components.data.encoders.identifiers import identifiers
from phistar.components.data.encoders.statistics import describe

UNSEEN = "\0unseen"  # Keras's own, "[UNK]", may well be a value of the data
# kind -> form in a request
FORMS = {"numeric": "number", "categorical": "category", "hashed": "category"}


class Columns:
    """The encoder of named columns.

    Args:
        columns: list of plain dicts with "name" and "kind". Of numeric: "mean",
            "variance", "missing": bool, "wide": bool, "low", "high". Of categorical:
            "values": [str], maybe "rare": int. Of hashed: "places": int.
        reading: how the cells of files become these columns, plain data; see
            components/data/cells/typed.py. None of packaged data.
    """

    op_libraries = ()  # core TensorFlow operations only
    reads = "table"
    max_rows = 1024  # of a request: more fill a processor no better
    array = (
        "the columns of `encoder`, one behind the other: the numeric ones, "
        "(x - mean) / sqrt(variance), 0 where missing; then, of the numeric ones with "
        "`missing`, 1 where missing, else 0; then, of each categorical one, 1 at the "
        "place of its value, else 0; the first place is that of values not in "
        "`values`; or, of a hashed one, at FarmHash64(value) modulo `places`"
    )

    def __init__(self, columns, reading=None):
        self.columns, self.reading = columns, reading
        inputs = identifiers([c["name"] for c in columns])
        self.own_names = {name: own for own, name in inputs.items()}
        self.each = [c | {"input": inputs[c["name"]]} for c in columns]
        self.numeric = [c for c in self.each if c["kind"] == "numeric"]
        self.finite = [
            f"{c['input']} must hold finite numbers, NaN where it is missing. Received:"
            for c in self.numeric
        ]
        self.wide = [c for c in self.numeric if c["wide"]]
        self.categorical = [c for c in self.each if c["kind"] != "numeric"]
        if self.numeric:
            self.normalization = keras.layers.Normalization(
                # a wide one is scaled before it is a float32
                mean=[0.0 if c["wide"] else c["mean"] for c in self.numeric],
                variance=[1.0 if c["wide"] else c["variance"] for c in self.numeric],
                dtype="float32",
                name="normalization",  # else numbered on, and the SavedModel with it
            )
            self.normalization.build((None, len(self.numeric)))  # outside any graph
            self.missing = np.array([c["missing"] for c in self.numeric])
        self.lookups = [lookup(c) for c in self.categorical]
        # traced once, for pieces of any length
        # without autograph: there is no branch, and tracing is faster
        self._encode = tf.function(
            self.encode_graph, [self.signature()], autograph=False
        )

    @classmethod
    def fit(cls, pieces, min_count=1, reading=None):
        """The encoder whose statistics are those of the train columns.

        Args:
            pieces: iterable of dicts of name -> float [N] (NaN is missing) or
                str [N], read once.
            min_count: rows that a category needs to be told from others.
            reading: see the class.

        Raises:
            ValueError: a column without values.
        """
        return cls(describe(pieces, min_count), reading)

    def tell(self, counts):
        """Count the columns whose values are not all told apart.

        Args:
            counts: Counter of notices.
        """
        for column in self.columns:
            if "rare" in column:
                what = "rare categories taken as one, with those never seen"
                counts.add(what, column["name"], column["rare"])
            if column["kind"] == "hashed":
                size = (
                    f"{column['places']:,} places, {column['places'] // 256} KiB a row"
                )
                counts.add(
                    f"columns of very many categories hashed to {size}", column["name"]
                )

    @property
    def batch_size(self):
        """Rows that `phistar predict` sends at once."""
        return max(1, min(8192, 2**22 // self.shape[0]))

    @property
    def shape(self):
        """(D,)."""
        indicators = int(self.missing.sum()) if self.numeric else 0
        one_hot = sum(map(width, self.categorical))
        return (len(self.numeric) + indicators + one_hot,)

    dtype = "float32"

    def to_json(self):
        """Plain data; `Columns(**encoder.to_json())` is the same encoder."""
        reading = {} if self.reading is None else {"reading": self.reading}
        return {"columns": self.columns, **reading}

    def signature(self):
        """Inputs of the SavedModel.  -> dict of name -> tf.TensorSpec [B]."""
        return {
            c["input"]: tf.TensorSpec([None], dtype(c), c["input"]) for c in self.each
        }

    def describe(self):
        """Meaning of each input, for the contract.  -> dict of input -> str."""
        forms = (self.reading or {}).get("forms", {})
        return {c["input"]: meaning(c, forms.get(c["name"])) for c in self.each}

    def forms(self):
        """Input name -> how a request gives it: "number" or "category"."""
        return {c["input"]: FORMS[c["kind"]] for c in self.each}

    def seen(self):
        """Ranges and values of train, for the contract; see drift.py of serving.

        Ranges are those of the dtype that a request becomes.
        """
        ranges = {
            c["input"]: [float(np_dtype(c).type(c[end])) for end in ("low", "high")]
            for c in self.numeric
        }
        values = {
            c["input"]: c["values"]
            for c in self.categorical
            if c["kind"] == "categorical"
        }
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
        return {c["input"]: raw[c["name"]][rows].astype(np_dtype(c)) for c in self.each}

    def encode(self, raw):
        """Encode columns as they are in the data.  -> np.ndarray, float32 [N, D]."""
        request = self.request(raw, slice(None))
        return self._encode({n: tf.constant(v) for n, v in request.items()}).numpy()

    def encode_graph(self, inputs):
        """Encode in a graph.  dict of input -> tensor [B] -> float32 [B, D]."""
        parts = []
        if self.numeric:
            # [B, numeric columns]
            columns = [scaled(inputs[c["input"]], c) for c in self.numeric]
            x = tf.stack(columns, axis=-1)
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


def np_dtype(column):
    """NumPy's dtype of a column in a request."""
    if column["kind"] != "numeric":
        return np.dtype(str)
    return np.dtype("float64" if column["wide"] else "float32")


def dtype(column):
    """TensorFlow's dtype of a column in a request."""
    words = column["kind"] != "numeric"
    return tf.string if words else tf.as_dtype(np_dtype(column))


def width(column):
    """Number of encoded columns of a column of words."""
    if column["kind"] == "hashed":
        return column["places"]
    return len(column["values"]) + 1


def meaning(column, form=None):
    """Meaning of an input, for the contract.

    Args:
        column: its description.
        form: of its cells, as `reading` has it.
    """
    match column["kind"]:
        case "numeric" if form == "time of day":
            return "seconds since midnight; NaN is missing"
        case "numeric" if form in PATTERNS:
            return f"seconds since 1970, UTC; in the data a {form}; NaN is missing"
        case "numeric":
            return "finite number, as in the data; NaN is missing"
        case "hashed":
            return f"any value, hashed to {column['places']} places; '' is missing"
    return f"one of {len(column['values'])} values, others allowed; '' is missing"


def lookup(column):
    """The layer that encodes a column of words."""
    name = f"lookup_{column['input']}"
    if column["kind"] == "hashed":
        return keras.layers.Hashing(
            column["places"], output_mode="one_hot", name=name, dtype="float32"
        )
    return keras.layers.StringLookup(
        vocabulary=column["values"],
        output_mode="one_hot",
        oov_token=UNSEEN,
        name=name,
    )


def scaled(values, column):
    """A numeric input as float32 [B], a wide one scaled before."""
    if not column["wide"]:
        return values
    deviation = np.sqrt(column["variance"])
    return tf.cast((values - column["mean"]) / deviation, tf.float32)
