"""What a spreadsheet's cell says, as canonical text: its stored value and number format in, text or the fault of the cell out.

Dates are numbers whose format shows a date. Numbers carry 15 digits, as the program that wrote them keeps and shows.
"""

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

DIGITS = 15
_BUILT_IN = dict.fromkeys([14, 15, 16, 17, *range(27, 32), 36, *range(50, 59)], "date") | {22: "moment"}
_BUILT_IN |= dict.fromkeys([18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47], "time")
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ZEROS = re.compile(r"0{2,40}")
_LAST_SERIAL = 2_958_466


@dataclass(frozen=True)
class Fault:
    """A cell without a value that can be trusted, and why."""

    says: str


def kind_of_format(number: int, code: str | None) -> str:
    """'date', 'time', 'moment', '00000' (a code of so many digits at least) or '' (a plain number) for a number format.

    >>> kind_of_format(14, None), kind_of_format(164, 'dd.mm.yyyy hh:mm'), kind_of_format(164, '0.00 "days"'), kind_of_format(2, None)
    ('date', 'moment', '', '')
    >>> kind_of_format(164, '00000'), kind_of_format(164, '0')
    ('00000', '')
    """
    if code is None:
        return _BUILT_IN.get(number, "")
    letters = _LITERAL.sub("", code.split(";")[0]).lower()
    if letters.strip() in ("general", "standard", "@"):
        return ""
    if _ZEROS.fullmatch(letters.strip()):
        return letters.strip()
    has_time = bool(re.search(r"[hs]", letters))
    has_date = bool(re.search(r"[dy]", letters)) or ("m" in letters and not has_time)
    return "moment" if has_date and has_time else "date" if has_date else "time" if has_time else ""


def number_text(text: str) -> str | Fault:
    """A stored number as plain decimal text, without the noise of binary fractions.

    >>> number_text("0.30000000000000004"), number_text("5.0"), number_text("1E-3"), number_text("12345678901234567")
    ('0.3', '5', '0.001', Fault(says='12345678901234567: a number of more than 15 digits; keep such codes as text'))
    """
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return Fault(f"{text[:40]}: not a number")
    if not number.is_finite() or abs(number.adjusted()) > 2 * DIGITS:
        return number_text("0") if number == 0 else Fault(f"{text[:40]}: not a plain number")
    kept = Decimal(f"{number:.{DIGITS}g}")
    if abs(kept) >= Decimal(10) ** DIGITS:
        return Fault(f"{text[:40]}: a number of more than {DIGITS} digits; keep such codes as text")
    plain = f"{kept:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain


def code_text(text: str, zeros: str) -> str | Fault:
    """A stored number as its format shows it: a whole one has at least as many digits as the format has zeros.

    >>> code_text("7", "00000"), code_text("-7", "000"), code_text("2.5", "000")
    ('00007', '-007', '2.5')
    """
    plain = number_text(text)
    if isinstance(plain, Fault) or "." in plain:
        return plain
    return plain.zfill(len(zeros) + plain.startswith("-"))


def moment_text(text: str, kind: str, since_1904: bool) -> str | Fault:
    """A serial day number as ISO text: a date, a time of day, or both if the format shows both or the value has both.

    >>> moment_text("46027", "date", False), moment_text("46027.25", "moment", False), moment_text("0.5", "time", False)
    ('2026-01-05', '2026-01-05T06:00:00', '12:00:00')
    """
    try:
        serial = float(text)
    except ValueError:
        return Fault(f"{text[:40]}: not a date")
    if not 0 <= serial < _LAST_SERIAL:
        return Fault(f"{text[:40]}: outside the days that a spreadsheet knows")
    days, milliseconds = divmod(round(serial * 86_400_000), 86_400_000)
    time = (datetime.datetime.min + datetime.timedelta(milliseconds=milliseconds)).time()
    clock = time.isoformat("milliseconds" if time.microsecond else "seconds")
    if kind == "time" and days == 0:
        return clock
    if not since_1904 and days in (0, 60):
        return Fault(f"{text[:40]}: a day that never was")
    first = datetime.date(1904, 1, 1) if since_1904 else datetime.date(1899, 12, 31 if days < 60 else 30)
    day = (first + datetime.timedelta(days=days)).isoformat()
    return day if kind == "date" and not milliseconds else f"{day}T{clock}"


def text_of(stored: str | None, kind: str, number_format: str, has_formula: bool, since_1904: bool) -> str | Fault:
    """The text of one cell; `kind` is its type in the file, with shared texts already looked up ('str')."""
    if kind == "e":
        return Fault(stored or "#ERROR")
    if has_formula and not stored and kind != "str":
        return Fault("a formula without a stored value; open the file, let it calculate and save it")
    if not stored:
        return ""
    if kind == "str":
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), stored) if "_x" in stored else stored
    if kind == "b":
        return {"1": "true", "0": "false"}.get(stored.strip(), Fault(f"{stored[:40]}: neither true nor false"))
    if kind == "d":
        return stored.removesuffix("T00:00:00") if number_format == "date" else stored
    if number_format.startswith("0"):
        return code_text(stored, number_format)
    return moment_text(stored, number_format, since_1904) if number_format else number_text(stored)
