"""Numbers gone wrong: other notations of the same value, other values in the same notation, and no values at all."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from tests.faults.mutations.sheet import Case, cell_operator


def number(cell: str) -> Decimal | None:
    try:
        return Decimal(cell)
    except InvalidOperation:
        return None


def plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _numbers(case: Case) -> list:
    return case.numbers()


def _notation(name: str, write: Callable[[str, Case], str | None], kind: str = "number", harmless: bool = False) -> None:
    cell_operator(kind, name, _numbers, harmless)(lambda cell, _column, case: write(cell, case))


def _value(name: str, change: Callable[[Decimal, Case], Decimal | None]) -> None:
    def write(cell: str, _column: object, case: Case) -> str | None:
        old = number(cell)
        new = change(old, case) if old is not None else None
        return None if new is None or new == old else plain(new)

    cell_operator("value", name, _numbers)(write)


def _grouped(mark: str, decimal_mark: str) -> Callable[[str, Case], str | None]:
    def write(cell: str, _case: Case) -> str | None:
        whole, _, places = cell.partition(".")
        if len(whole.lstrip("-")) < 4:
            return None
        return f"{int(whole):,}".replace(",", mark) + (decimal_mark + places if places else "")

    return write


_notation("decimal comma", lambda cell, _: cell.replace(".", ",") if "." in cell else cell + ",0")
_notation("thousands comma", _grouped(",", "."))
_notation("thousands space", _grouped(" ", "."))
_notation("thousands dot", _grouped(".", ","))
_notation("thousands apostrophe", _grouped("'", "."))
_notation("misplaced thousands", lambda cell, _: f"{cell},000")
_notation("scientific", lambda cell, _: f"{Decimal(cell):E}")
_notation("leading plus", lambda cell, _: "+" + cell.lstrip("-"))
_notation("leading zeros", lambda cell, case: "0" * case.rng.randint(1, 4) + cell)
_notation("trailing minus", lambda cell, _: cell.lstrip("-") + "-")
_notation("parentheses negative", lambda cell, _: f"({cell.lstrip('-')})")
_notation("percent", lambda cell, _: f"{plain(Decimal(cell) * 100)}%")
_notation("currency sign", lambda cell, case: case.rng.choice(["${}", "{} USD", "€{}", "USD{}"]).format(cell))
_notation("unit suffix", lambda cell, case: cell + case.rng.choice([" pcs", "kg", " EA", "x"]))
_notation("null word", lambda _, case: case.rng.choice(["NULL", "null", "None", "n/a", "#N/A", "-", "NA", "#REF!", "?", "\\N"]))
_notation("nan or inf", lambda _, case: case.rng.choice(["NaN", "nan", "inf", "-Infinity", "1.#QNAN"]))
_notation("float noise", lambda cell, case: case.rng.choice(["{}.0", "{}.000000001"]).format(cell.split(".")[0]))
_notation("binary noise", lambda cell, _: repr(float(cell) - 1e-6))
_notation("many decimals", lambda cell, _: (cell if "." in cell else cell + ".") + "000000000000000001")
_notation("decimals in a whole number", lambda cell, _: None if "." in cell else cell + ".5")
_notation("hexadecimal", lambda cell, _: None if "." in cell else hex(int(cell)))
_notation("word for a number", lambda _, case: case.rng.choice(["TRUE", "true", "zero", "yes", "one"]))
_notation("negative zero", lambda _, case: case.rng.choice(["-0", "-0.0", "+0"]))
_notation("underscore in digits", lambda cell, _: cell[:1] + "_" + cell[1:] if len(cell) > 1 else cell + "_0")
_notation("letters for digits", lambda cell, _: cell.replace("0", "O").replace("1", "l"))
_notation("fraction", lambda cell, _: cell + " 1/2")
_notation("excel text mark", lambda cell, _: "'" + cell)
_notation("formula", lambda cell, case: case.rng.choice(["={}", '="{}"', "={}+0"]).format(cell))
_notation("padded number", lambda cell, case: case.rng.choice([" {}", "{} ", "  {}  "]).format(cell))
_notation("full-width digits", lambda cell, _: cell.translate({ord("0") + i: 0xFF10 + i for i in range(10)}), "encoding")
_notation("arabic digits", lambda cell, _: cell.translate({ord("0") + i: 0x0660 + i for i in range(10)}), "encoding")
_notation("unicode minus", lambda cell, case: case.rng.choice("−–﹣") + cell.lstrip("-"), "encoding")
_notation("superscript digit", lambda cell, _: cell + "²", "encoding")
_notation("non-breaking space in a number", lambda cell, case: cell + case.rng.choice("\u00a0\u202f\u2009"), "encoding")
_notation("overflow", lambda cell, case: str(case.rng.choice([2**31, 2**31 - 1, 2**32, 2**63, 2**63 - 1, 10**30])))


@cell_operator("harmless", "trailing zeros of a decimal", lambda case: case.columns("decimal"), harmless=True)
def _trailing_zeros(cell, column, case):
    places = len(cell.partition(".")[2])
    return (cell if places else cell + ".") + "0" * (column.decimals - places)


_value("sign flipped", lambda value, _: -value)
_value("ten times", lambda value, _: value * 10)
_value("a tenth", lambda value, _: value / 10)
_value("hundred times", lambda value, _: value * 100)
_value("a hundredth", lambda value, _: value / 100)
_value("thousand times", lambda value, _: value * 1000)
_value("times the pack", lambda value, case: value * case.rng.choice([6, 12, 24]))
_value("off by one", lambda value, case: value + case.rng.choice([-1, 1]))
_value("zeroed", lambda value, _: Decimal(0))
_value("rounded to tens", lambda value, _: round(value, -1) if abs(value) >= 10 else None)
_value("pounds for kilograms", lambda value, _: (value * Decimal("2.20462")).quantize(Decimal("0.001")))


@cell_operator("value", "digits transposed", _numbers)
def _transposed(cell, column, case):
    pairs = [i for i in range(len(cell) - 1) if cell[i : i + 2].isdigit() and cell[i] != cell[i + 1] and cell[i + 1] != "0"]
    if not pairs:
        return None
    i = case.rng.choice(pairs)
    return cell[:i] + cell[i + 1] + cell[i] + cell[i + 2 :]


@cell_operator("value", "digit lost", _numbers)
def _digit_lost(cell, column, case):
    return cell[:-1] if len(cell) > 1 and cell[-2:].isdigit() else None


@cell_operator("value", "digit doubled", _numbers)
def _digit_doubled(cell, column, case):
    return cell + cell[-1] if cell[-1].isdigit() and cell != "0" else None


@cell_operator("value", "decimal mark lost", lambda case: case.columns("decimal", "double"))
def _mark_lost(cell, column, case):
    return cell.replace(".", "").lstrip("0") or None if "." in cell else None


@cell_operator("value", "number blanked", _numbers)
def _blanked(cell, column, case):
    return ""


@cell_operator("value", "stuck at the first value", _numbers)
def _stuck(cell, column, case):
    return case.sheet.rows[0][case.sheet.at(column.name)]
