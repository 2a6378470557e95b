"""Dates and times as seconds since 1970-01-01 00:00 UTC; times alone since midnight.

A time without a zone is taken as UTC.
"""

import numpy as np

MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
CLOCK = (
    r"(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2}(?:\.\d{1,9})?))?"
    r"(?: ?(?P<p>[AaPp])\.?[Mm]\.?)?(?: ?(?P<z>Z|UTC|GMT|[-+]\d{2}(?::?\d{2})?))?"
)
TIME = rf"(?:[T ] ?{CLOCK})?$"
YEAR, MONTH, DAY = r"(?P<y>\d{4}|\d{2})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})"
WORD = r"(?P<mon>[A-Za-z]{3})[A-Za-z]{0,6}\.?"
# form -> what a cell must look like; y and so on are its parts
PATTERNS = {
    "date year-month-day": rf"^(?P<y>\d{{4}})[-/.]{MONTH}[-/.]{DAY}{TIME}",
    "date day.month.year": rf"^{DAY}\.{MONTH}\.{YEAR}{TIME}",
    "date month/day/year": rf"^{MONTH}[-/]{DAY}[-/]{YEAR}{TIME}",
    "date day/month/year": rf"^{DAY}[-/]{MONTH}[-/]{YEAR}{TIME}",
    "date day month-name year": rf"^{DAY}[-/ .]{{1,2}}{WORD},?[-/ ]{YEAR}{TIME}",
    "date month-name day year": rf"^{WORD} {DAY},? {YEAR}{TIME}",
    "time of day": rf"^{CLOCK}$",
}
AMBIGUOUS = {"date month/day/year", "date day/month/year"}


def seconds(cells, form):
    """Seconds of cells, NaN of a null and of what is no such date.

    Args:
        cells: pyarrow.Array of strings [N].
        form: of PATTERNS.

    Returns:
        float64 [N].
    """
    import pyarrow.compute as pc

    parts = pc.extract_regex(cells, PATTERNS[form])
    names = [field.name for field in parts.type]

    def whole(name, missing=0.0):
        texts = pc.struct_field(parts, name)
        texts = pc.if_else(pc.equal(texts, ""), str(missing), texts)
        return texts.cast("float64").to_numpy(zero_copy_only=False)

    total = np.zeros(len(cells))
    valid = parts.is_valid().to_numpy(zero_copy_only=False)
    if "y" in names:
        year, day = whole("y"), whole("d")
        month = named_month(parts) if "mon" in names else whole("m")
        year = np.where(year < 69, year + 2000, np.where(year < 100, year + 1900, year))
        known = valid & (month >= 1) & (month <= 12)
        months = np.where(known, (year - 1970) * 12 + month - 1, 0)
        first = months.astype("int64").astype("M8[M]")
        days = first.astype("M8[D]").astype("int64")
        length = (first + 1).astype("M8[D]").astype("int64") - days
        valid = known & (day >= 1) & (day <= length)
        total += 86400.0 * (days + day - 1)
    hour, minute, second = whole("h"), whole("min"), whole("s")
    half = pc.utf8_lower(pc.struct_field(parts, "p"))
    half = half.to_numpy(zero_copy_only=False)
    noon = (half == "a") | (half == "p")
    valid &= (hour < 24) & (minute < 60) & (second < 61) & ~(noon & (hour > 12))
    hour = np.where(noon, hour % 12 + 12 * (half == "p"), hour)
    total += 3600 * hour + 60 * minute + second - 60 * zone(parts)
    return np.where(valid, total, np.nan)


def named_month(parts):
    """Number of the month of a name, NaN of another word.  -> float64 [N]"""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pc.utf8_lower(pc.struct_field(parts, "mon"))
    found = pc.index_in(names, pa.array(MONTHS)).cast("float64")
    return found.to_numpy(zero_copy_only=False) + 1


def zone(parts):
    """Minutes east of Greenwich.  -> float64 [N]"""
    import pyarrow.compute as pc

    texts = pc.struct_field(parts, "z")
    texts = pc.if_else(pc.match_substring_regex(texts, r"^[-+]"), texts, "+00")
    fields = pc.extract_regex(texts, r"^(?P<sign>[-+])(?P<h>\d{2}):?(?P<m>\d{2})?$")

    def number(name):
        digits = pc.struct_field(fields, name)
        digits = pc.if_else(pc.equal(digits, ""), "0", digits)
        return digits.cast("float64").to_numpy(zero_copy_only=False)

    sign = pc.struct_field(fields, "sign").to_numpy(zero_copy_only=False)
    return np.where(sign == "-", -1, 1) * (60 * number("h") + number("m"))
