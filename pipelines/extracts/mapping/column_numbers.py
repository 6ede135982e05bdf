"""Operators of a layout on numbers: dialect, sums, units, factors, signs and rounding, all exact."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts.layout import Sign, Spellings, Unit
from pipelines.extracts.mapping import number_text
from pipelines.extracts.mapping.mapping_stages import Cell
from pipelines.extracts.mapping.number_text import SCALE, Exact
from pipelines.extracts.mapping.source_columns import Source

if TYPE_CHECKING:
    from pipelines.extracts.mapping.column_rules import ColumnText

DOUBLE_SCALE = 15


@dataclass(frozen=True)
class _Number:
    """A cell that holds a number times 10^scale."""

    cell: Cell
    scale: int

    @property
    def exact(self) -> Exact:
        return Exact(self.cell.name, self.scale)


def converted(text: "ColumnText", cell: Cell, ours: bool) -> Cell:
    """Canonical text of a number. With `ours` the text is in the contract's spelling already; otherwise it may be in a dialect."""
    rule = text.rule
    arithmetic = rule.multiply is not None or rule.multiply_by or rule.divide_by or rule.unit or rule.sign or rule.round
    if not arithmetic and (ours or not (rule.values.number_dialect or rule.whole)):
        return cell
    plain = _parsed(text, cell, None, ours)
    if arithmetic:
        return _finished(text, _exact(text, plain, None))
    if text.column.type == "integer":
        text.fault(f"contains({plain.name}, '.')", "fraction_of_unit")
    return text.stages.step(f"coalesce({plain.name}, '')", plain)


def added_up(text: "ColumnText") -> Cell:
    """Canonical text of the sum of some columns, less others; empty ones are 0, and where all are empty the source says nothing."""
    terms, cells = [], []
    for sign, group in (("+", text.rule.sources), ("-", text.rule.minus)):
        for spellings in group:
            source = text.source(spellings)
            number = _exact(text, _parsed(text, source.text, source), source)
            terms.append(f"{sign} coalesce({number.cell.name}, 0)")
            cells.append(number.cell)
    some = ", ".join(cell.name for cell in cells)
    total = text.stages.step(f"CASE WHEN coalesce({some}) IS NOT NULL THEN CAST(0 AS HUGEINT) {' '.join(terms)} END", *cells)
    return _finished(text, _Number(total, SCALE))


def _parsed(text: "ColumnText", cell: Cell, source: Source | None, ours: bool = False) -> Cell:
    """Plain decimal text; NULL for an empty cell and for a faulty one."""
    made = text.stages.step(number_text.canonical(cell.name, number_text.CANONICAL if ours else text.rule.values), cell)
    text.fault(f"{cell.name} <> '' AND {made.name} IS NULL", "bad_number", source)
    return made


def _exact(text: "ColumnText", plain: Cell, source: Source | None) -> _Number:
    number = number_text.exact(plain.name)
    cell = text.stages.step(number.sql, plain)
    text.fault(f"{plain.name} IS NOT NULL AND {cell.name} IS NULL", "number_too_long", source)
    return _Number(cell, number.scale)


def _finished(text: "ColumnText", number: _Number) -> Cell:
    """Factors, divisor and sign applied, at the contract's places, as text."""
    rule = text.rule
    if rule.multiply is not None:
        number = _multiplied(text, number, _constant(text, rule.multiply))
    if rule.multiply_by:
        number = _multiplied(text, number, _factor(text, number, rule.multiply_by))
    if rule.unit:
        number = _multiplied(text, number, _unit(text, number, rule.unit))
    if rule.divide_by:
        number = _divided(text, number)
    if rule.sign:
        number = _signed(text, number, rule.sign)
    if text.column.type != "double":
        number = _rescaled(text, number, text.column.decimals or 0, bool(rule.round))
    return text.stages.step(f"coalesce({number_text.text_of(number.exact)}, '')", number.cell)


def _constant(text: "ColumnText", number: Decimal) -> _Number:
    exact = number_text.constant(number)
    return _Number(text.stages.step(exact.sql), exact.scale)


def _factor(text: "ColumnText", number: _Number, spellings: Spellings, may_be_zero: bool = True) -> _Number:
    """The number in another column of the row; a quantity without it is a fault, and so is zero unless it may be."""
    source = text.source(spellings)
    factor = _exact(text, _parsed(text, source.text, source), source)
    text.fault(f"{number.cell.name} IS NOT NULL AND {source.text.name} = ''", "missing_factor", source)
    if not may_be_zero:
        text.fault(f"{number.cell.name} IS NOT NULL AND {factor.cell.name} = 0", "division_by_zero", source)
    return factor


def _unit(text: "ColumnText", number: _Number, unit: Unit) -> _Number:
    source, factors = text.source(unit.source), unit.factors
    scale = max(number_text.places(factor) for _, factor in factors)
    whens = " ".join(f"WHEN {quote(word)} THEN CAST({number_text.scaled(factor, scale)} AS HUGEINT)" for word, factor in factors)
    cell = text.stages.step(f"CASE {source.text.name} {whens} END", source.text)
    text.fault(f"{number.cell.name} IS NOT NULL AND {cell.name} IS NULL", "unknown_unit", source)
    return _Number(cell, scale)


def _multiplied(text: "ColumnText", number: _Number, factor: _Number) -> _Number:
    """The product, exact; where it outgrows the scale of a next factor, at that scale or not at all."""
    if number.scale > SCALE:
        number = _rescaled(text, number, SCALE, False)
    made = number_text.product(number.exact, factor.exact)
    cell = text.stages.step(made.sql, number.cell, factor.cell)
    text.fault(f"{cell.name} IS NULL AND {number.cell.name} IS NOT NULL AND {factor.cell.name} IS NOT NULL", "number_too_long")
    return _Number(cell, made.scale)


def _divided(text: "ColumnText", number: _Number) -> _Number:
    by, double = text.rule.divide_by, text.column.type == "double"
    divisor = _constant(text, by) if isinstance(by, Decimal) else _factor(text, number, by, may_be_zero=False)
    scale = DOUBLE_SCALE if double else text.column.decimals or 0
    made = number_text.quotient(number.exact, divisor.exact, scale, double or bool(text.rule.round))
    cell = text.stages.step(made.sql, number.cell, divisor.cell)
    both = f"{number.cell.name} IS NOT NULL AND {divisor.cell.name} IS NOT NULL"
    text.fault(f"{cell.name} IS NULL AND {both}", _lost_digits(text))
    return _Number(cell, scale)


def _signed(text: "ColumnText", number: _Number, sign: Sign) -> _Number:
    source = text.source(sign.source)
    minus, plus, own = (", ".join(map(quote, words)) for words in (sign.minus, sign.plus, sign.own))
    name, word = number.cell.name, source.text.name
    turned = f"CASE WHEN {word} IN ({minus}) THEN -{name} WHEN {word} IN ({plus}{', ' if own else ''}{own}) THEN {name} END"
    cell = text.stages.step(turned, source.text, number.cell)
    text.fault(f"{name} IS NOT NULL AND {cell.name} IS NULL", "unknown_code", source)
    text.fault(f"{name} < 0" + (f" AND {word} NOT IN ({own})" if own else ""), "sign_twice")
    return _Number(cell, number.scale)


def _rescaled(text: "ColumnText", number: _Number, scale: int, rounded: bool) -> _Number:
    made = number_text.at_scale(number.exact, scale, rounded)
    cell = text.stages.step(made.sql, number.cell)
    text.fault(f"{cell.name} IS NULL AND {number.cell.name} IS NOT NULL", _lost_digits(text))
    return _Number(cell, scale)


def _lost_digits(text: "ColumnText") -> str:
    return "fraction_of_unit" if text.column.type == "integer" else "too_many_decimals"
