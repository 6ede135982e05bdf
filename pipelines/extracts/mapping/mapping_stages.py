"""Stages of a mapping: named cells, each computed from cells of earlier stages, as one nested SELECT. What they mean is not known here."""

from dataclasses import dataclass, field

from pipelines.extracts.reading.records import LINE_COLUMN

REASONS = {
    "bad_number": "not a number as the layout says that the source writes them",
    "number_too_long": "more than 18 digits before the decimal mark, more than 9 behind it, or a result beyond that",
    "fraction_of_unit": "a whole number is needed and a fraction comes out",
    "missing_factor": "the column to multiply or divide by is empty",
    "division_by_zero": "the column to divide by is zero",
    "unknown_unit": "a unit of measure that the layout has no factor for",
    "unknown_code": "a word that the layout has no meaning for",
    "no_such_part": "not written as `part` says, so that nobody can tell which part is meant",
    "ambiguous_text": "holds already what `replace` puts in, so that two texts would become one",
    "sign_twice": "a number below zero beside a column that carries the sign",
    "bad_date": "not a date as the layout says that the source writes them, or one that does not exist",
    "ambiguous_date": "two of the layout's formats read it as different dates or times",
    "bad_time": "not a time as the layout says that the source writes them, or one that does not exist",
    "no_such_time": "a local time that the clock skips when summer time begins",
    "ambiguous_time": "a local time that the clock shows twice when summer time ends",
    "unknown_zone": "a location that the layout has no time zone for",
    "missing_part": "one of the columns to join is empty",
    "lookup_missing": "the companion file has no row of this key",
    "group_differs": "rows of one key that are added up differ in a column that is not",
    "partial_group": "rows of the same key are quarantined, so the sum would be too small",
}


@dataclass(frozen=True)
class Cell:
    """One computed column: its name in SQL and the stage from which on it can be used."""

    name: str
    level: int = 0


@dataclass(frozen=True)
class Fault:
    """A row is quarantined where `holds` (SQL over cells) is true; `label` and `shown` are the source's column and text."""

    holds: str
    reason: str
    label: str
    shown: Cell


@dataclass
class _Stage:
    columns: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)


class Stages:
    """Collects cells; the same SQL is computed once."""

    def __init__(self) -> None:
        self._stages: list[_Stage] = []
        self._known: dict[str, Cell] = {}
        self._count = 0

    def step(self, sql: str, *cells: Cell) -> Cell:
        """A cell computed by SQL over the given cells."""
        if sql not in self._known:
            level = 1 + max((cell.level for cell in cells), default=0)
            self._known[sql] = Cell(self._name("x"), level)
            self._at(level).columns.append(f"{sql} AS {self._known[sql].name}")
        return self._known[sql]

    def join(self, table: str, on: list[tuple[Cell, str]], columns: list[str]) -> list[Cell]:
        """The columns of the one row of `table` that has these keys; NULL where there is none."""
        level = 1 + max(cell.level for cell, _ in on)
        cells, keys = [Cell(self._name("y"), level) for _ in columns], [self._name("k") for _ in on]
        # Under names of their own: the table's are those of the main file as well, and of the same table joined for another column.
        own = [f"{key} AS {name}" for (_, key), name in zip(on, keys, strict=True)]
        own += [f"{column} AS {cell.name}" for column, cell in zip(columns, cells, strict=True)]
        same = " AND ".join(f"t.{cell.name} = {name}" for (cell, _), name in zip(on, keys, strict=True))
        self._at(level).joins.append(f"LEFT JOIN (SELECT {', '.join(own)} FROM {table}) ON {same}")  # noqa: S608 - our own names
        self._at(level).columns += [cell.name for cell in cells]
        return cells

    def select(self, origin: str, chosen: list[str], where: str) -> str:
        """SELECT of the line and `chosen` expressions over every row of `origin` for which `where` holds."""
        rows = origin
        for stage in self._stages:
            columns = ", ".join(["t.*", *stage.columns])
            rows = f"(SELECT {columns} FROM {rows} t {' '.join(stage.joins)})"  # noqa: S608 - cells and quoted literals only
        return f"SELECT {', '.join([LINE_COLUMN, *chosen])} FROM {rows} WHERE {where}"  # noqa: S608

    def _at(self, level: int) -> _Stage:
        while len(self._stages) < level:
            self._stages.append(_Stage())
        return self._stages[level - 1]

    def _name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"
