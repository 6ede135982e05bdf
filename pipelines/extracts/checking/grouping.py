"""Rows of one key added up, for sources that split what a feed holds in one row. Which rows are valid by themselves is judged before.

A sum that lacks a row would be a wrong number that looks right: if one row of a key is quarantined, all rows of the key are, and a row
whose key nobody knows spoils every key that it may belong to.
"""

import dataclasses

import duckdb
import pyarrow as pa

from pipelines.domain.errors import InputRefused
from pipelines.extracts.checking import text_faults
from pipelines.extracts.contracts import text_rules
from pipelines.extracts.contracts.contract import Column, FeedContract
from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts.layout import Group
from pipelines.extracts.mapping.row_mapping import EACH_COLUMN, KEY_FAULT, FileMapping
from pipelines.extracts.reading.records import LINE_COLUMN


@dataclasses.dataclass(frozen=True)
class Grouping:
    """The `group` of a layout over one file of a feed."""

    contract: FeedContract
    mapping: FileMapping
    group: Group

    def create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Empty tables of the rows to add up and of the keys that lack a row."""
        columns = ", ".join(f'"{column.name}" VARCHAR' for column in self.contract.columns)
        key = ", ".join(f'"{name}" VARCHAR' for name in self.contract.key)
        connection.execute(f"CREATE TEMP TABLE parts ({columns}, {EACH_COLUMN} VARCHAR[], {LINE_COLUMN} BIGINT)")
        connection.execute(f"CREATE TEMP TABLE spoiled ({key}, {LINE_COLUMN} BIGINT)")

    def collect(self, connection: duckdb.DuckDBPyConnection, rows: str) -> None:
        """Keep the valid rows of a mapped batch; quarantine the others and note their keys. A column's range is that of the sum."""
        columns = tuple(self._part(column) for column in self.contract.columns)
        valid = " AND ".join(text_rules.is_valid(column) for column in columns)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS SELECT *, {valid} AS _valid FROM {rows}")  # noqa: S608 - from contracts
        faults = text_faults.first_faults(columns)
        connection.execute(f"INSERT INTO quarantined {self.mapping.in_source_words(faults)}")
        names = ", ".join(f'"{column.name}"' for column in columns)
        connection.execute(f"INSERT INTO parts SELECT {names}, {EACH_COLUMN}, {LINE_COLUMN} FROM judged WHERE _valid")  # noqa: S608
        known = ", ".join(
            f'CASE WHEN {text_rules.is_valid(column)} AND NOT {KEY_FAULT}{number} THEN "{column.name}" END'
            for number, column in enumerate(map(self.contract.column, self.contract.key))
        )
        bad = f"_fault > 0 OR {LINE_COLUMN} IN (SELECT {LINE_COLUMN} FROM judged WHERE NOT _valid)"  # noqa: S608 - our own names
        connection.execute(f"INSERT INTO spoiled SELECT {known}, {LINE_COLUMN} FROM mapped WHERE {bad}")  # noqa: S608 - from contracts

    def add_up(self, connection: duckdb.DuckDBPyConnection, source: str) -> pa.Table:
        """Text rows of one key each, on the first line of theirs; the table `members` tells which lines they are made of.

        Raises `InputRefused` for a quarantined row whose key is not known at all: no sum of the file could be trusted.
        """
        self._quarantine_repeated(connection)
        self._refuse_unknown(connection, source)
        key = ", ".join(f'"{name}"' for name in self.contract.key)
        connection.execute(
            f"CREATE TEMP TABLE members AS SELECT *, min({LINE_COLUMN}) OVER (PARTITION BY {key}) AS _first FROM parts "  # noqa: S608
            f"WHERE {LINE_COLUMN} NOT IN (SELECT line FROM quarantined)"
        )
        self._quarantine_partial(connection)
        self._quarantine_differing(connection)
        connection.execute(f"DELETE FROM members WHERE {LINE_COLUMN} IN (SELECT line FROM quarantined)")  # noqa: S608 - our own names
        columns = ", ".join(self._total(column) for column in self.contract.columns)
        return connection.execute(f"SELECT {columns}, _first AS {LINE_COLUMN} FROM members GROUP BY {key}, _first").to_arrow_table()  # noqa: S608

    def count_merged(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Quarantine all rows of a sum that the contract does not accept, in the source's words; how many rows are part of accepted sums
        besides their first.
        """
        labels = " ".join(f"WHEN {quote(name)} THEN {quote(origin.label)}" for name, origin in self.mapping.origins.items())
        connection.execute(
            f'INSERT INTO quarantined SELECT m.{LINE_COLUMN}, q."column", q.reason, q."value" '  # noqa: S608
            f"FROM quarantined q JOIN members m ON m._first = q.line AND m.{LINE_COLUMN} <> m._first"
        )
        connection.execute(
            f'UPDATE quarantined SET "column" = CASE "column" {labels} ELSE "column" END '  # noqa: S608
            f"WHERE line IN (SELECT {LINE_COLUMN} FROM members)"
        )
        merged = f"SELECT count(*) FROM members WHERE {LINE_COLUMN} <> _first AND _first IN (SELECT {LINE_COLUMN} FROM accepted)"  # noqa: S608
        return connection.execute(merged).fetchall()[0][0]

    def _part(self, column: Column) -> Column:
        return dataclasses.replace(column, minimum=None, maximum=None) if column.name in self.group.sum else column

    def _total(self, column: Column) -> str:
        if column.name not in self.group.sum:
            return f'any_value("{column.name}") AS "{column.name}"'
        number = f"CAST(NULLIF(\"{column.name}\", '') AS {column.sql_type})"
        return f"coalesce(CAST(sum({number}) AS VARCHAR), '') AS \"{column.name}\""

    def _quarantine_repeated(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Of rows that the source itself would not tell apart keep the first if all say the same, else none."""
        row = ", ".join(f'"{column.name}"' for column in self.contract.columns)
        connection.execute(
            f"CREATE TEMP TABLE repeated AS SELECT {EACH_COLUMN} AS each, min({LINE_COLUMN}) AS first, count(DISTINCT ROW({row})) AS kinds "  # noqa: S608
            f"FROM parts GROUP BY {EACH_COLUMN} HAVING count(*) > 1"
        )
        key = ", ".join(f'p."{name}"' for name in self.contract.key)
        which = f"FROM parts p JOIN repeated r ON p.{EACH_COLUMN} = r.each WHERE r.kinds > 1"
        connection.execute(f"INSERT INTO spoiled SELECT {key}, p.{LINE_COLUMN} {which}")
        label, shown = quote(self.mapping.each_label), f"array_to_string(p.{EACH_COLUMN}, ', ')"
        connection.execute(
            f"INSERT INTO quarantined SELECT p.{LINE_COLUMN}, {label}, 'duplicate_key', {shown} {which} OR p.{LINE_COLUMN} > r.first"
        )

    def _refuse_unknown(self, connection: duckdb.DuckDBPyConnection, source: str) -> None:
        none = " AND ".join(f'"{name}" IS NULL' for name in self.contract.key)
        found = connection.execute(
            f'SELECT q.line, q."column", q.reason FROM quarantined q JOIN spoiled s ON s.{LINE_COLUMN} = q.line WHERE {none} '  # noqa: S608
            "ORDER BY q.line LIMIT 1"
        ).fetchall()
        if found:
            refuse_unknown(source, *found[0])

    def _quarantine_partial(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Every row whose key a quarantined row has, or may have where a part of that row's key is unknown."""
        masks = [f'"{name}" IS NULL' for name in self.contract.key]
        label = quote(",".join(dict.fromkeys(self.mapping.origins[name].label for name in self.contract.key)))
        shown = " || ', ' || ".join(f'm."{name}"' for name in self.contract.key)
        connection.execute("CREATE TEMP TABLE partial (line BIGINT, why BIGINT, shown VARCHAR)")
        for mask in connection.execute(f"SELECT DISTINCT {', '.join(masks)} FROM spoiled").fetchall():  # noqa: S608 - from contracts
            same = [f'm."{name}" = s."{name}"' for name, unknown in zip(self.contract.key, mask, strict=True) if not unknown]
            this = " AND ".join(f"{test} = {str(unknown).lower()}" for test, unknown in zip(masks, mask, strict=True))
            connection.execute(
                f"INSERT INTO partial SELECT m.{LINE_COLUMN}, min(s.{LINE_COLUMN}), {shown} FROM members m "  # noqa: S608
                f"JOIN (SELECT * FROM spoiled WHERE {this}) s ON {' AND '.join(same)} GROUP BY ALL"
            )
        connection.execute(
            f"INSERT INTO quarantined SELECT line, {label}, 'partial_group', shown || ' (line ' || min(why) || ')' FROM partial "  # noqa: S608
            "GROUP BY line, shown"
        )

    def _quarantine_differing(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Every row of a key whose rows differ in a column that is not added up, naming the first such column."""
        others = [c.name for c in self.contract.columns if c.name not in (*self.contract.key, *self.group.sum)]
        if not others:
            return
        tests = {name: f'count(DISTINCT "{name}") > 1' for name in others}
        number = " ".join(f"WHEN {test} THEN {i}" for i, test in enumerate(tests.values()))
        connection.execute(
            f"CREATE TEMP TABLE differing AS SELECT _first AS first, CASE {number} END AS place FROM members GROUP BY _first"  # noqa: S608
        )
        label = " ".join(f"WHEN {i} THEN {quote(self.mapping.origins[name].label)}" for i, name in enumerate(others))
        shown = " ".join(f'WHEN {i} THEN m."{name}"' for i, name in enumerate(others))
        connection.execute(
            f"INSERT INTO quarantined SELECT m.{LINE_COLUMN}, CASE d.place {label} END, 'group_differs', CASE d.place {shown} END "  # noqa: S608
            f"FROM members m JOIN differing d ON d.first = m._first "
            f"WHERE d.place IS NOT NULL AND m.{LINE_COLUMN} NOT IN (SELECT line FROM quarantined)"
        )


def refuse_unknown(source: str, line: int, column: str, reason: str) -> None:
    """Raise `InputRefused` for a row of which nobody can tell what it is to be added to."""
    where = f"{source}, line {line}" + (f", column {column}" if column else "")
    raise InputRefused(
        f"{where}: {reason}; rows are added up, and nobody can tell which sum would lack this one; correct it and send it again"
    )
