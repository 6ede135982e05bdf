"""Numbers as a source writes them, as DuckDB SQL over text: text in, canonical decimal text or exact whole numbers out. No floats.

An exact number is a HUGEINT together with a scale that is known beforehand: 1.5 at scale 9 is 1500000000. Overflow gives NULL.
"""

from dataclasses import dataclass
from decimal import Decimal

from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts.layout import Values

SCALE = 9
EXACT = r"-?[0-9]{1,18}(\.[0-9]{1,9})?"
CANONICAL = Values()


@dataclass(frozen=True)
class Exact:
    """SQL of a HUGEINT that is the number times 10^scale."""

    sql: str
    scale: int


def pattern(values: Values) -> str:
    """RE2 of a number in this dialect. Marks of thousands, where there are any, stand after every third digit from the decimal mark."""
    point = _literal(values.decimal)
    plain = "[0-9]+" if values.leading_zeros else "(?:0|[1-9][0-9]*)"
    marked = f"[1-9][0-9]{{0,2}}(?:{_literal(values.thousands)}[0-9]{{3}})+" if values.thousands else ""
    whole = f"(?:{plain}|{marked})" if marked else plain
    if values.places is not None:
        size = whole + (f"{point}[0-9]{{{values.places}}}" if values.places else "")
    elif values.bare_decimal:
        size = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)"
    else:
        size = f"{whole}(?:{point}[0-9]+)?"
    front = "[-+]?" if values.plus_sign else "-?"
    shapes = [front + size]
    shapes += [f"{size}-"] if values.trailing_minus else []
    shapes += [rf"\({size}\)"] if values.parentheses_minus else []
    return "|".join(shapes)


def canonical(text: str, values: Values) -> str:
    """SQL of the same number as plain decimal text without needless zeros; NULL for text that is no number in this dialect."""
    size = text
    for mark in (values.thousands, "-", "+" if values.plus_sign else ""):
        size = f"replace({size}, {quote(mark)}, '')" if mark else size
    if values.parentheses_minus:
        size = f"replace(replace({size}, '(', ''), ')', '')"
    if values.decimal != ".":
        size = f"replace({size}, {quote(values.decimal)}, '.')"
    if values.leading_zeros:
        size = f"regexp_replace({size}, '^0+([0-9])', '\\1')"
    if values.bare_decimal:
        size = f"CASE WHEN starts_with({size}, '.') THEN '0' || {size} ELSE {size} END"
    if values.places != 0:
        size = f"CASE WHEN contains({size}, '.') THEN rtrim(rtrim({size}, '0'), '.') ELSE {size} END"
    minus = f"contains({text}, '-')" + (f" OR contains({text}, '(')" if values.parentheses_minus else "")
    signed = f"CASE WHEN ({minus}) AND ({size}) <> '0' THEN '-' || {size} ELSE {size} END"
    plain = f"WHEN CAST(TRY_CAST({text} AS BIGINT) AS VARCHAR) = {text} THEN {text} " if not values.places else ""
    return f"CASE {plain}WHEN regexp_full_match({text}, {quote(pattern(values))}) THEN {signed} END"


def exact(text: str) -> Exact:
    """The exact number of plain decimal text; NULL for more than 18 digits before or 9 after the point."""
    whole = f"CAST(TRY_CAST(split_part({text}, '.', 1) AS BIGINT) AS HUGEINT) * {10**SCALE}"
    fraction = f"TRY_CAST(rpad(split_part({text}, '.', 2), {SCALE}, '0') AS BIGINT)"
    signed = f"CASE WHEN starts_with({text}, '-') THEN -{fraction} ELSE {fraction} END"
    made = f"CASE WHEN contains({text}, '.') THEN {whole} + {signed} ELSE CAST(TRY_CAST({text} AS BIGINT) AS HUGEINT) * {10**SCALE} END"
    return Exact(f"CASE WHEN regexp_full_match({text}, {quote(EXACT)}) THEN {made} END", SCALE)


def constant(number: Decimal) -> Exact:
    """A number of the layout at the least scale that holds it."""
    return Exact(f"CAST({scaled(number, places(number))} AS HUGEINT)", places(number))


def places(number: Decimal) -> int:
    """Decimal places that a number of the layout needs.

    >>> places(Decimal("12.50")), places(Decimal("100"))
    (1, 0)
    """
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def scaled(number: Decimal, scale: int) -> int:
    """Number x 10^scale, which must be whole."""
    return int(number.scaleb(scale))


def product(one: Exact, other: Exact) -> Exact:
    """One x other; NULL on overflow."""
    return Exact(f"TRY({one.sql} * {other.sql})", one.scale + other.scale)


def quotient(one: Exact, other: Exact, scale: int, rounded: bool) -> Exact:
    """One / other at a scale; NULL if the divisor is zero, on overflow, and for a remainder unless `rounded` (half to even)."""
    exponent = scale + other.scale - one.scale
    above, below = f"({one.sql} * {_ten(max(0, exponent))})", f"({other.sql} * {_ten(max(0, -exponent))})"
    return Exact(f"TRY(CASE WHEN {other.sql} <> 0 THEN {_divided(above, below, rounded)} END)", scale)


def at_scale(number: Exact, scale: int, rounded: bool) -> Exact:
    """The same number at another scale; NULL if digits would be lost, unless `rounded` (half to even)."""
    if scale >= number.scale:
        return Exact(f"TRY({number.sql} * {_ten(scale - number.scale)})", scale) if scale > number.scale else number
    return Exact(_divided(number.sql, _ten(number.scale - scale), rounded), scale)


def text_of(number: Exact) -> str:
    """SQL of the number as plain decimal text without needless zeros."""
    size = f"abs({number.sql})"
    if number.scale == 0:
        return f"CAST({number.sql} AS VARCHAR)"
    ten = _ten(number.scale)
    whole, part = (f"CAST({_integers(size, sign, ten)} AS VARCHAR)" for sign in ("//", "%"))
    digits = f"rtrim(lpad({part}, {number.scale}, '0'), '0')"
    return f"CASE WHEN {number.sql} < 0 THEN '-' ELSE '' END || {whole} || CASE WHEN {digits} = '' THEN '' ELSE '.' || {digits} END"


def _divided(above: str, below: str, rounded: bool) -> str:
    whole, rest = _integers(above, "//", below), _integers(above, "%", below)
    if not rounded:
        return f"CASE WHEN {rest} = 0 THEN {whole} END"
    away = f"CASE WHEN ({above} < 0) = ({below} < 0) THEN 1 ELSE -1 END"
    up = f"abs({rest}) > abs({below}) - abs({rest}) OR (abs({rest}) = abs({below}) - abs({rest}) AND {whole} % 2 <> 0)"
    return f"{whole} + CASE WHEN {up} THEN {away} ELSE 0 END"


def _integers(above: str, sign: str, below: str) -> str:
    """Division of whole numbers, ten times as fast where both fit 64 bits."""
    one, other = f"TRY_CAST({above} AS BIGINT)", f"TRY_CAST({below} AS BIGINT)"
    return f"(CASE WHEN {one} IS NULL OR {other} IS NULL THEN {above} {sign} {below} ELSE CAST({one} {sign} {other} AS HUGEINT) END)"


def _ten(exponent: int) -> str:
    return f"CAST({10**exponent} AS HUGEINT)"


def _literal(mark: str) -> str:
    return "\\" + mark if mark in ".()" else mark
