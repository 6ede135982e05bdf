"""What a column's contract means for its text, as DuckDB SQL over a VARCHAR column; nothing here reads a file or casts for keeps.

Every expression treats the empty text as null. Regular expressions are RE2 and match the whole text, so a trailing newline fails.
"""

from pipelines.extracts.contracts.contract import EARLIEST_YEAR, FREE_TEXT_MAX_CHARS, LATEST_YEAR, Column

INTEGER = r"0|-?[1-9][0-9]{0,17}"
ANY_DECIMAL = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
DOUBLE = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIMESTAMP = DATE + r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
EDGE_SPACE = r"^[\s\p{Z}]|[\s\p{Z}]\z"
CONTROL = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{FFFD}]"
REASONS = {
    "too_few_fields": "the line has fewer fields than the header",
    "too_many_fields": "the line has more fields than the header",
    "bad_quoting": "a quote stands where RFC 4180 allows none, or is never closed",
    "line_too_long": "the line is longer than 64 KiB",
    "bad_json": "the line is not one JSON object, or holds NaN",
    "doubled_json_key": "a JSON object has a key twice, so that its value is anybody's guess",
    "cell_error": "a cell of a spreadsheet or Parquet file without a value: an error, a formula never calculated, not a number",
    "missing_value": "empty, and the column may not be",
    "surrounding_whitespace": "white space before or after the value",
    "control_character": "a control, replacement, invisible or direction character",
    "not_integer": "not a plain whole number of at most 18 digits",
    "not_decimal": "not a plain decimal number",
    "too_many_decimals": "more decimal places than the column keeps",
    "not_number": "not a finite number",
    "not_date": "not a date YYYY-MM-DD that exists",
    "not_timestamp": "not a local time YYYY-MM-DDTHH:MM:SS that exists",
    "not_boolean": "neither true nor false",
    "not_in_enum": "not one of the allowed words",
    "bad_pattern": "does not match the column's pattern",
    "too_long": f"longer than {FREE_TEXT_MAX_CHARS} characters",
    "out_of_range": "outside the column's range",
    "duplicate_key": "the key comes more than once; of identical rows the first stays, of differing ones none",
}


def quote(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def is_valid(column: Column) -> str:
    """SQL that is true exactly for text that the column accepts."""
    name = f'"{column.name}"'
    accepted = _round_trip(column) or " AND ".join(f"({_holds(test)})" for test, _ in _tests(column))
    return f"({name} = '' OR ({accepted}))" if column.nullable else f"({accepted})"


def _round_trip(column: Column) -> str:
    """A faster equivalent of `_tests` for whole numbers, dates and times: the cast must give back the very text that it was made from."""
    name, cast = f'"{column.name}"', f'TRY_CAST("{column.name}" AS {column.sql_type})'
    same = {
        "integer": f"CAST({cast} AS VARCHAR) = {name} AND abs({cast}) < 1000000000000000000",
        "date": f"CAST({cast} AS VARCHAR) = {name}",
        "timestamp": f"CAST({cast} AS VARCHAR) = replace({name}, 'T', ' ') AND substr({name}, 11, 1) = 'T' AND length({name}) = 19",
    }.get(column.type)
    limits = [test for test, why in _tests(column) if why == "out_of_range"]
    return " AND ".join(_holds(test) for test in [same, *limits]) if same else ""


def reason(column: Column) -> str:
    """SQL that names the first thing wrong with text for which `is_valid` is false."""
    name = f'"{column.name}"'
    first = [
        (f"{name} <> ''", "missing_value"),
        (f"NOT regexp_matches({name}, {quote(EDGE_SPACE)})", "surrounding_whitespace"),
        (f"NOT regexp_matches({name}, {quote(CONTROL)})", "control_character"),
    ]
    whens = " ".join(f"WHEN NOT ({_holds(test)}) THEN {quote(why)}" for test, why in [*first, *_tests(column)])
    return f"CASE {whens} ELSE {quote(_tests(column)[0][1])} END"


def typed(column: Column) -> str:
    """SQL that casts accepted text."""
    return f"CAST(NULLIF(\"{column.name}\", '') AS {column.sql_type})"


def _holds(test: str) -> str:
    return f"coalesce({test}, false)"


def _tests(column: Column) -> list[tuple[str, str]]:
    """Conditions that a value must meet, in order, each with its reason."""
    if column.enum:
        return [(f'"{column.name}" IN ({", ".join(map(quote, column.enum))})', "not_in_enum")]
    if column.type.startswith("decimal"):
        return _decimal_tests(column)
    by_type = {"text": _text_tests, "boolean": _boolean_tests, "date": _day_tests, "timestamp": _day_tests}
    return by_type.get(column.type, _number_tests)(column)


def _matches(column: Column, pattern: str) -> str:
    return f'regexp_full_match("{column.name}", {quote(pattern)})'


def _text_tests(column: Column) -> list[tuple[str, str]]:
    name = f'"{column.name}"'
    if column.pattern:
        return [(_matches(column, column.pattern), "bad_pattern")]
    return [
        (f"{name} <> ''", "missing_value"),
        (f"NOT regexp_matches({name}, {quote(EDGE_SPACE)})", "surrounding_whitespace"),
        (f"NOT regexp_matches({name}, {quote(CONTROL)})", "control_character"),
        (f"length({name}) <= {FREE_TEXT_MAX_CHARS}", "too_long"),
    ]


def _boolean_tests(column: Column) -> list[tuple[str, str]]:
    return [(f"\"{column.name}\" IN ('true', 'false')", "not_boolean")]


def _day_tests(column: Column) -> list[tuple[str, str]]:
    pattern = DATE if column.type == "date" else TIMESTAMP
    cast = f'TRY_CAST("{column.name}" AS {column.sql_type})'
    return [
        (_matches(column, pattern), f"not_{column.type}"),
        (f"{cast} IS NOT NULL", f"not_{column.type}"),
        (f"year({cast}) BETWEEN {EARLIEST_YEAR} AND {LATEST_YEAR}", "out_of_range"),
    ]


def _decimal_tests(column: Column) -> list[tuple[str, str]]:
    whole = 18 - (column.decimals or 0)
    exact = rf"-?(0|[1-9][0-9]{{0,{whole - 1}}})(\.[0-9]{{1,{column.decimals}}})?"
    too_fine = r"-?[0-9]+\.[0-9]{" + str((column.decimals or 0) + 1) + ",}"
    finer = "NOT " + _matches(column, too_fine)
    return [
        (_matches(column, ANY_DECIMAL), "not_decimal"),
        (finer, "too_many_decimals"),
        (_matches(column, exact), "out_of_range"),
        *_range(column),
    ]


def _number_tests(column: Column) -> list[tuple[str, str]]:
    if column.type == "integer":
        return [(_matches(column, INTEGER), "not_integer"), *_range(column)]
    return [(_matches(column, DOUBLE), "not_number"), (f'isfinite(TRY_CAST("{column.name}" AS DOUBLE))', "not_number"), *_range(column)]


def _range(column: Column) -> list[tuple[str, str]]:
    cast = f'TRY_CAST("{column.name}" AS {column.sql_type})'
    limits = [f"{cast} >= {column.minimum}"] if column.minimum is not None else []
    limits += [f"{cast} <= {column.maximum}"] if column.maximum is not None else []
    return [(" AND ".join(limits), "out_of_range")] if limits else []
