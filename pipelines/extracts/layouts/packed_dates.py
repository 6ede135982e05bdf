"""Days and times that a source keeps as one number, as DuckDB SQL over text: the same in a plain format, NULL for any other text.

Each is a format of one word: CYYDDD (century since 1900, year, day of the year), YYYYDDD, YYDDD (20YY), EXCEL (days since 1899-12-30, a
fraction being the time of day), EPOCH and EPOCHMS (seconds, milliseconds since 1970 in UTC), hmmss and hmm (without leading zeros),
sssss (seconds since midnight).
"""

MOMENT = "YYYY-MM-DDThh:mm:ss"
PLAIN = {
    "CYYDDD": "YYYY-MM-DD", "YYYYDDD": "YYYY-MM-DD", "YYDDD": "YYYY-MM-DD", "EXCEL": MOMENT, "EPOCH": f"{MOMENT}OFFSET",
    "EPOCHMS": f"{MOMENT}OFFSET", "hmmss": "hh:mm:ss", "hmm": "hh:mm", "sssss": "hh:mm:ss",
}  # fmt: skip
PATTERNS = {
    "CYYDDD": "[0-2][0-9]{5}", "YYYYDDD": "[0-9]{7}", "YYDDD": "[0-9]{5}", "EXCEL": r"[1-9][0-9]{4}(\.[0-9]{1,12})?",
    "EPOCH": "[0-9]{9,11}", "EPOCHMS": "[0-9]{12,14}", "hmmss": "[0-9]{1,6}", "hmm": "[0-9]{1,4}", "sssss": "[0-9]{1,5}",
}  # fmt: skip


def plain(text: str, written: str) -> str:
    """SQL of the text of a packed format in its plain one; of a day that does not exist as well NULL."""
    shape = f"regexp_full_match({text}, '{PATTERNS[written]}')"
    return f"CASE WHEN {shape} THEN {_unpacked(text, written)} END"


def _unpacked(text: str, written: str) -> str:
    number = f"TRY_CAST({text} AS BIGINT)"
    if written.endswith("DDD"):
        return _ordinal(text, written)
    if written == "EXCEL":
        seconds = f"CAST(round(TRY_CAST({text} AS DECIMAL(38, 12)) * 86400) AS BIGINT)"
        return f"strftime(TIMESTAMP '1899-12-30' + to_seconds({seconds}), '%Y-%m-%dT%H:%M:%S')"
    if written in ("EPOCH", "EPOCHMS"):
        seconds = number if written == "EPOCH" else f"({number} // 1000)"
        return f"strftime(TIMESTAMP '1970-01-01' + to_seconds({seconds}), '%Y-%m-%dT%H:%M:%SZ')"
    if written == "sssss":
        parts = [f"{number} // 3600", f"{number} // 60 % 60", f"{number} % 60"]
        clock = " || ':' || ".join(f"lpad(CAST({part} AS VARCHAR), 2, '0')" for part in parts)
        return f"CASE WHEN {number} < 86400 THEN {clock} END"
    digits = f"lpad({text}, {6 if written == 'hmmss' else 4}, '0')"
    parts = [f"substr({digits}, {start}, 2)" for start in ((1, 3, 5) if written == "hmmss" else (1, 3))]
    return " || ':' || ".join(parts)


def _ordinal(text: str, written: str) -> str:
    """The day with that number in its year."""
    before = {"CYYDDD": f"1900 + 100 * TRY_CAST(substr({text}, 1, 1) AS INTEGER) + ", "YYYYDDD": "", "YYDDD": "2000 + "}[written]
    start, width = {"CYYDDD": (2, 2), "YYYYDDD": (1, 4), "YYDDD": (1, 2)}[written]
    year = f"({before}TRY_CAST(substr({text}, {start}, {width}) AS INTEGER))"
    number = f"TRY_CAST(right({text}, 3) AS INTEGER)"
    day = f"(TRY_CAST(lpad(CAST({year} AS VARCHAR), 4, '0') || '-01-01' AS DATE) + {number} - 1)"
    return f"CASE WHEN {number} > 0 AND year({day}) = {year} THEN CAST({day} AS VARCHAR) END"
