"""Mutated files in the clothes of other systems: the same cells as another dialect writes them, or as JSON lines, read by a layout.

Only what is left of a mutation in the cells is dressed; what bytes can do to CSV alone is judged on canonical files.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.extracts.contracts.contract import Column, FeedContract, load_contract
from pipelines.extracts.landing.kept_layouts import FoundLayout, find_layout
from tests.faults.mutations.corpus import OPERATORS, make_files
from tests.faults.mutations.night import CleanNight
from tests.faults.mutations.sheet import Sheet, kind_of

FORMS = ("dialect", "jsonl")
PARTS = ("on_hand", "reserved", "blocked")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T(.+))?")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?")
_SWAPPED = str.maketrans(",.", ".,")


def dressing(contract: FeedContract, form: str, folder: Path) -> FoundLayout:
    """The layout that reads a feed's file in this form."""
    columns: dict[str, Any] = {}
    for column in contract.columns:
        columns[column.name] = {"from": foreign(column.name)}
        if form == "dialect" and column.enum:
            columns[column.name]["codes"] = {word.upper(): word for word in column.enum}
    body: dict[str, Any] = {
        "layout": f"{contract.feed}_{form}",
        "system": "other",
        "feed": contract.feed,
        "description": "As another writes it.",
    }
    if form == "jsonl":
        body["file"] = {"format": "jsonl"}
    else:
        words = {"true": ["J"], "false": ["N"]}
        body["file"] = {"delimiter": ";", "encoding": "cp1252" if contract.feed == "erp_locations" else "utf-16"}
        body["values"] = {"decimal": ",", "dates": "DD.MM.YYYY", "times": "DD.MM.YYYY hh:mm:ss", "booleans": words}
        if contract.feed == "wms_stock":
            keys = [foreign(name) for name in contract.key]
            body["group"] = {"by": "key", "sum": list(PARTS), "one_row_per": [*keys, "BIN"]}
    path = folder / f"{body['layout']}.yaml"
    path.write_text(json.dumps(body | {"columns": columns}))
    return find_layout(path)


def foreign(name: str) -> str:
    """What the other system calls a column."""
    return f"F_{name.upper()}"


def dress(sheet: Sheet, contract: FeedContract, form: str) -> bytes:
    """A sheet as the other system writes it; a cell that is not written as the contract has it stays as odd as it is."""
    kinds = {column.name: column for column in contract.columns}
    header = [foreign(name) if name in kinds else name for name in sheet.header]
    at = [kinds.get(name) for name in sheet.header]
    if form == "jsonl":
        lines = [", ".join(f"{json.dumps(n)}: {_json(c, cell)}" for n, c, cell in zip(header, at, row, strict=True)) for row in sheet.rows]
        return "".join(f"{{{line}}}\n" for line in lines).encode()
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([*header, "BIN"])
    for row in sheet.rows:
        for number, part in enumerate(_parts(sheet.header, row) if contract.feed == "wms_stock" else [row]):
            writer.writerow([*(_other(c, cell) for c, cell in zip(at, part, strict=True)), number])
    return out.getvalue().encode("cp1252" if contract.feed == "erp_locations" else "utf-16")


def make_dressed(night: CleanNight, seed: int, count: int) -> Iterator[tuple[str, str, str, bytes]]:
    """`count` mutated files spread over all operators, in every form by turns: operator, feed, form and bytes."""
    fit = [(name, feed, sheet) for name, feed, _, data in make_files(night, seed, len(OPERATORS)) if (sheet := _cells(night, feed, data))]
    for number in range(count):
        name, feed, sheet = fit[number * len(fit) // count]
        form = FORMS[number % len(FORMS)]
        yield name, feed, form, dress(sheet, load_contract(feed), form)


def _cells(night: CleanNight, feed: str, data: bytes) -> Sheet | None:
    """The cells of a mutated file, if they say something else than the clean one and all rows have as many as the header."""
    try:
        sheet = Sheet.read(data)
    except (UnicodeDecodeError, csv.Error, ValueError):
        return None
    even = sheet.rows and all(len(row) == len(sheet.header) for row in sheet.rows)
    return sheet if even and len(set(sheet.header)) == len(sheet.header) and sheet != Sheet.read(night.files[feed]) else None


def _parts(header: list[str], row: list[str]) -> list[list[str]]:
    """A row of stock as two bins that add up to it; as it is where it holds no plain quantities."""
    places = [header.index(name) for name in PARTS if name in header]
    if not all(row[at].isdigit() and row[at].isascii() and str(int(row[at])) == row[at] for at in places):
        return [row]
    first, second = list(row), list(row)
    for at in places:
        first[at], second[at] = str(int(row[at]) // 2), str(int(row[at]) - int(row[at]) // 2)
    return [first, second]


def _other(column: Column | None, cell: str) -> str:
    if column is None:
        return cell
    kind, day = kind_of(column), _DAY.fullmatch(cell)
    if kind in ("date", "timestamp") and day:
        return f"{day[3]}.{day[2]}.{day[1]}" + (f" {day[4]}" if day[4] else "")
    if kind in ("integer", "decimal", "double"):
        return cell.translate(_SWAPPED)
    if kind == "boolean":
        return {"true": "J", "false": "N"}.get(cell, cell)
    return cell.upper() if cell in column.enum else cell


def _json(column: Column | None, cell: str) -> str:
    if column is not None and kind_of(column) in ("integer", "decimal", "double") and _NUMBER.fullmatch(cell):
        return cell
    if column is not None and kind_of(column) == "boolean" and cell in ("true", "false"):
        return cell
    return "null" if cell == "" else json.dumps(cell)
