import numpy as np

from phistar.components.data import raw_columns
from tests.helpers import odd


def test_columns_come_back_whatever_their_names_and_number(tmp_path):
    names = [*odd.COLUMNS, *(f"a column with a long name, {i}" for i in range(3000))]
    rng = np.random.default_rng(0)
    columns = {
        name: rng.normal(size=7) if i % 2 else rng.choice(["größe", "b"], 7)
        for i, name in enumerate(names)
    }
    dtypes = {name: values.dtype for name, values in columns.items()}
    file = raw_columns.ColumnFile(tmp_path, dtypes, 7)
    for rows in (slice(0, 3), slice(3, 7)):
        backwards = reversed(columns.items())
        file.append({name: values[rows] for name, values in backwards})
    file.close()
    found = raw_columns.columns(tmp_path)
    assert list(found) == names
    for name, values in columns.items():
        np.testing.assert_array_equal(found[name], values)


def test_truncate_keeps_the_first_rows(tmp_path):
    dtypes = {"x": np.dtype("float64"), "größe": np.dtype("U3")}
    columns = {"x": np.arange(5.0), "größe": np.array(["a", "", "ccc", "d", "e"])}
    (tmp_path / "few").mkdir()
    file = raw_columns.ColumnFile(tmp_path, dtypes, 5)
    file.append(columns)
    file.close()
    raw_columns.truncate(tmp_path, tmp_path / "few", 3)
    found = raw_columns.columns(tmp_path / "few")
    for name, values in columns.items():
        np.testing.assert_array_equal(found[name], values[:3])
