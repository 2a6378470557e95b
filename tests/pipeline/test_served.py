"""What MLflow's model makes of a DataFrame; its answers: test_publish.py."""

import numpy as np
import pandas as pd

from pipeline.served import column


def test_a_text_that_is_missing_is_an_empty_one():
    rows = pd.Series(["ja", None, np.nan, b"nein"], dtype=object)
    assert column(rows, "string").tolist() == [b"ja", b"", b"", b"nein"]
    read = pd.DataFrame({"x": ["ja", None]})["x"]
    assert column(read, "string").tolist() == [b"ja", b""]
