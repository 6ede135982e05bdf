"""What an operator works on: one clean file as cells, what lies around it, and the registry of operators."""

import csv
import datetime as dt
import io
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from pipelines.extracts.contracts.contract import Column, FeedContract

Cells = list[list[str]]


@dataclass(frozen=True)
class Sheet:
    """A CSV file as text cells."""

    header: list[str]
    rows: Cells

    @classmethod
    def read(cls, data: bytes) -> "Sheet":
        header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
        return cls(header, rows)

    def copy(self) -> "Sheet":
        return Sheet(list(self.header), [list(row) for row in self.rows])

    def text(self, delimiter: str = ",", newline: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting)  # ty: ignore[invalid-argument-type]
        writer.writerows([self.header, *self.rows])
        return out.getvalue()

    def data(self) -> bytes:
        return self.text().encode("utf-8")

    def with_rows(self, rows: Cells) -> "Sheet":
        return replace(self, rows=rows)

    def at(self, name: str) -> int:
        return self.header.index(name)


@dataclass(frozen=True)
class Case:
    """One clean file with its contract, its neighbours and luck of its own."""

    contract: FeedContract
    sheet: Sheet
    day: dt.date
    rng: random.Random
    yesterday: dict[str, bytes] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)
    packs: dict[str, int] = field(default_factory=dict)

    @property
    def feed(self) -> str:
        return self.contract.feed

    def columns(self, *kinds: str) -> list[Column]:
        """Columns of one of the kinds integer, decimal, double, date, timestamp, boolean, enum, id (a pattern), free (any text)."""
        return [column for column in self.contract.columns if kind_of(column) in kinds]

    def numbers(self) -> list[Column]:
        return self.columns("integer", "decimal", "double")

    def column_named(self, *names: str) -> Column | None:
        return next((column for column in self.contract.columns if column.name in names), None)


def kind_of(column: Column) -> str:
    if column.type == "text":
        return "enum" if column.enum else "id" if column.pattern else "free"
    return column.type.split("(")[0]


Change = Callable[[Case], bytes | None]


@dataclass(frozen=True)
class Operator:
    """A way in which files go wrong. `change` returns other bytes, or None where it does not apply; a harmless one keeps every row."""

    name: str
    kind: str
    change: Change
    is_harmless: bool = False

    def applies_to(self, case: Case) -> bool:
        return self.mutate(case) is not None

    def mutate(self, case: Case) -> bytes | None:
        """The mutated file; None where the operator does not apply or changes nothing."""
        if not case.sheet.rows:
            return None
        lucky = replace(case, sheet=case.sheet.copy(), rng=random.Random(case.rng.random()))
        data = self.change(lucky)
        return None if data == case.sheet.data() else data


OPERATORS: dict[str, Operator] = {}


def operator(kind: str, name: str, harmless: bool = False) -> Callable[[Change], Change]:
    """Register a change of a whole file."""

    def keep(change: Change) -> Change:
        assert name not in OPERATORS, name
        OPERATORS[name] = Operator(name, kind, change, harmless)
        return change

    return keep


CellChange = Callable[[str, Column, Case], str | None]


def cell_operator(kind: str, name: str, pick: Callable[[Case], list[Column]], harmless: bool = False) -> Callable[[CellChange], CellChange]:
    """Register a change of cells: of one, of some, or of a whole column, as luck has it."""

    def keep(change: CellChange) -> CellChange:
        operator(kind, name, harmless)(lambda case: change_cells(case, pick(case), change))
        return change

    return keep


def change_cells(case: Case, columns: list[Column], change: CellChange) -> bytes | None:
    """Change cells of a column until as many are changed as luck asked for; None if no cell could be."""
    columns = [column for column in columns if column.name in case.sheet.header]
    wanted = case.rng.choice([1, 1, 1, 3, 12, 10**9])
    for column in case.rng.sample(columns, len(columns)):
        at, done = case.sheet.at(column.name), 0
        for row in case.rng.sample(case.sheet.rows, len(case.sheet.rows)):
            new = change(row[at], column, case) if row[at] else None
            if new is not None and new != row[at]:
                row[at], done = new, done + 1
            if done == wanted:
                break
        if done:
            return case.sheet.data()
    return None


def plan_cases(seed: int, count: int, feeds: list[str]) -> Iterator[tuple[str, str, int]]:
    """`count` triples of operator, feed and seed: every operator as often as every other, over all feeds."""
    names = sorted(OPERATORS)
    for number in range(count):
        turn, at = divmod(number, len(names))
        luck = zlib.crc32(f"{seed}|{turn}|{names[at]}".encode())
        yield names[at], feeds[(at + turn * 5 + luck) % len(feeds)], luck
