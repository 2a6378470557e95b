"""Numbers as people write them: 1,234.5 and $5 and 5 % and true."""

import numpy as np

PLAIN = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?i:inf|infinity)"
SIGNS = "$€£¥₹₩₽₺₿"
CODES = "USD|EUR|GBP|JPY|CHF|CNY|INR|AUD|CAD|US$|R$"
CURRENCY = rf"(?:[{SIGNS}]|{CODES.replace('$', '[$]')})"
GROUPS = " ’'\u00a0\u2009\u202f"  # between thousands, beside the mark of the language


def number_pattern(form, decimal):
    """Pattern of RE2 that the cells of a form have.

    Args:
        form: "number", "grouped", "percent" or "currency".
        decimal: "." or ",".
    """
    mark, group = ("[.]", ",") if decimal == "." else (",", "[.]")
    plain = PLAIN.replace(r"\.", mark)
    spaced = "|".join(rf"\d{{1,3}}(?:{g}\d{{3}})+" for g in (group, *GROUPS))
    grouped = rf"[-+]?(?:{spaced})(?:{mark}\d*)?"
    either = rf"(?:{plain}|{grouped})"
    sign = "[-+]?"
    return {
        "number": rf"^(?:{plain})$",
        "grouped": rf"^{either}$",
        "percent": rf"^{either} ?%$",
        "currency": rf"^(?:{sign}{CURRENCY} ?{either}|{either} ?{CURRENCY}"
        rf"|\({CURRENCY} ?{either}\))$",
    }[form]


def numbers(cells, form, decimal):
    """Numbers of cells, NaN of a null and of what is no number of this form.

    A percent sign and a currency are left out; a number in parentheses is negative.

    Args:
        cells: pyarrow.Array of strings [N].
        form: "number", "grouped", "percent", "currency" or "boolean".
        decimal: "." or ",".

    Returns:
        float64 [N].
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if form == "boolean":
        lower = pc.utf8_lower(cells)
        found = pc.index_in(lower, pa.array(["false", "true"])).cast("float64")
        return found.to_numpy(zero_copy_only=False)
    cells = pc.replace_substring(cells, "\u2212", "-")  # the minus of typography
    fits = pc.match_substring_regex(cells, number_pattern(form, decimal))
    cells = pc.if_else(fits, cells, pa.scalar(None, pa.string()))
    negative = None
    if form != "number":
        negative = pc.starts_with(cells, "(")
        group = r"\." if decimal == "," else ","
        cells = pc.replace_substring_regex(
            cells, rf"[{group}{GROUPS}%()]|{CURRENCY}", ""
        )
    if decimal == ",":
        cells = pc.replace_substring(cells, ",", ".")
    found = cells.cast("float64").to_numpy(zero_copy_only=False)
    if negative is not None and (minus := pc.fill_null(negative, False)).true_count:
        found = np.where(minus.to_numpy(zero_copy_only=False), -found, found)
    return found
