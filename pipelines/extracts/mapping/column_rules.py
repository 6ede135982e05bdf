"""Operators of a layout: from source cells to the canonical text of one column, and to the faults that quarantine a row."""

import dataclasses

from pipelines.domain.errors import UsageError
from pipelines.extracts.contracts.contract import Column, load_contract
from pipelines.extracts.contracts.text_rules import DATE, quote
from pipelines.extracts.layouts.layout import BUSINESS_DATE, ColumnRule, Spellings
from pipelines.extracts.mapping import column_numbers, column_times
from pipelines.extracts.mapping.mapping_stages import Cell, Fault
from pipelines.extracts.mapping.source_columns import Source, Sources


def is_numeric(column: Column) -> bool:
    """Whether a column holds whole, decimal or floating numbers."""
    return column.type in ("integer", "double") or column.decimals is not None


class ColumnText:
    """The canonical text of one column: `cell` (empty where the source has nothing), its `faults` in order, the source's `label`."""

    def __init__(self, rule: ColumnRule, column: Column, sources: Sources) -> None:
        self.rule, self.column, self.sources, self.stages = rule, column, sources, sources.stages
        self.faults: list[Fault] = []
        self.used: list[Source] = []
        self.label, self.shown = column.name, self.stages.step("''")
        self.cell = self._made()

    def _made(self) -> Cell:
        cell = column_numbers.added_up(self) if self.rule.kind == "sum" else self._converted(self._coded(self._collected()))
        cell = self._later(cell) if self.rule.add_days else cell
        cell = self._only_when(cell) if self.rule.when else cell
        if self.rule.default:
            cell = self.stages.step(f"CASE WHEN {cell.name} = '' THEN {quote(self.rule.default)} ELSE {cell.name} END", cell)
        return cell

    def _later(self, cell: Cell) -> Cell:
        """A day so many days after; what is no day is left for the contract to refuse."""
        day = f"TRY_CAST({cell.name} AS DATE)"
        is_day = f"regexp_full_match({cell.name}, {quote(DATE)}) AND {day} IS NOT NULL"
        moved = f"CAST({day} + {self.rule.add_days} AS VARCHAR)"
        return self.stages.step(f"CASE WHEN {is_day} THEN {moved} ELSE {cell.name} END", cell)

    def _only_when(self, cell: Cell) -> Cell:
        """Empty where a condition of `when` does not hold; there nothing is amiss with the cell either."""
        tests, cells, missing = [], [cell], []
        for condition in self.rule.when:
            test, tested, faults = self.sources.test(condition)
            tests.append(test)
            cells += tested
            missing += faults
        holds = self.stages.step(" AND ".join(f"({test})" for test in tests), *cells)
        self.faults = [*missing, *(dataclasses.replace(fault, holds=f"{holds.name} AND ({fault.holds})") for fault in self.faults)]
        return self.stages.step(f"CASE WHEN {holds.name} THEN {cell.name} ELSE '' END", holds, cell)

    def source(self, spellings: Spellings, optional: bool = False) -> Source:
        """A source column that this one is made of."""
        found = self.sources.column(spellings, self.rule.values, optional)
        if found.missing:
            self.faults.append(found.missing)
        self.used.append(found)
        self.label = ",".join(dict.fromkeys(source.label for source in self.used))
        self.shown = found.raw
        if len(self.used) > 1:
            parts = " || ', ' || ".join(f"{quote(source.label + '=')} || {source.raw.name}" for source in self.used)
            self.shown = self.stages.step(parts, *(source.raw for source in self.used))
        return found

    def fault(self, holds: str, reason: str, source: Source | None = None) -> None:
        """Quarantine rows for which `holds` is true, showing one source column or all that this column is made of."""
        self.faults.append(Fault(holds, reason, source.label if source else self.label, source.raw if source else self.shown))

    def location_cell(self, name: str) -> Cell:
        """The canonical text of another column, whose own faults are its own business."""
        rule = next(rule for rule in self.sources.layout.columns if rule.column == name)
        return ColumnText(rule, load_contract(self.sources.layout.feed).column(name), self.sources).cell

    def _collected(self) -> Cell:
        """The text that `from`, `value`, `business_date`, `join` or `first` gives."""
        rule = self.rule
        if rule.kind == "value":
            self.shown = self.stages.step(quote(rule.value))
            return self.shown
        if rule.kind == BUSINESS_DATE:
            return self._business_date()
        cells = [self.source(spellings, rule.optional).text for spellings in rule.sources]
        if rule.kind == "from":
            return cells[0]
        if rule.kind == "first":
            filled = ", ".join(f"NULLIF({cell.name}, '')" for cell in cells)
            return self.stages.step(f"coalesce({filled}, '')", *cells)
        for source, cell in zip(self.used, cells if not rule.gaps else (), strict=not rule.gaps):
            some = " OR ".join(f"{other.name} <> ''" for other in cells)
            self.fault(f"{cell.name} = '' AND ({some})", "missing_part", source)
        parts = f" || {quote(rule.glue)} || ".join(cell.name for cell in cells)
        none = " AND ".join(f"{cell.name} = ''" for cell in cells)
        return self.stages.step(f"CASE WHEN {none} THEN '' ELSE {parts} END", *cells)

    def _business_date(self) -> Cell:
        if self.sources.header.position((BUSINESS_DATE,)) is not None:
            column = f"{self.column.name}: {{from: [{BUSINESS_DATE}]}}"
            raise UsageError(
                f"{self.sources.header.source}: a column of the file is called {BUSINESS_DATE!r}; write {column} if it is meant"
            )
        if self.sources.business_date is None:
            raise UsageError(f"{self.sources.layout.name}: {self.column.name} is the business date of the landing; name the date")
        self.label, self.shown = BUSINESS_DATE, self.stages.step(quote(self.sources.business_date.isoformat()))
        return self.shown

    def _coded(self, cell: Cell) -> Cell:
        rule = self.rule
        cell = self._part(cell) if rule.part else cell
        if rule.prefix:
            cut = f"substr({cell.name}, {len(rule.prefix) + 1})"
            cell = self.stages.step(f"CASE WHEN starts_with({cell.name}, {quote(rule.prefix)}) THEN {cut} ELSE {cell.name} END", cell)
        if rule.suffix:
            cut = f"substr({cell.name}, 1, length({cell.name}) - {len(rule.suffix)})"
            cell = self.stages.step(f"CASE WHEN ends_with({cell.name}, {quote(rule.suffix)}) THEN {cut} ELSE {cell.name} END", cell)
        if rule.strip_zeros:
            digits = f"regexp_full_match({cell.name}, '[0-9]+')"
            cut = f"regexp_replace({cell.name}, '^0+([0-9])', '\\1')"
            cell = self.stages.step(f"CASE WHEN {digits} THEN {cut} ELSE {cell.name} END", cell)
        for _, new in rule.replace:
            self.fault(f"contains({cell.name}, {quote(new)})", "ambiguous_text")
        for old, new in rule.replace:
            cell = self.stages.step(f"replace({cell.name}, {quote(old)}, {quote(new)})", cell)
        if rule.codes:
            whens = " ".join(f"WHEN {quote(word)} THEN {quote(meaning)}" for word, meaning in rule.codes)
            rest = "NULL" if rule.otherwise is None else quote(rule.otherwise)
            empty = "" if "" in dict(rule.codes) else "WHEN '' THEN ''"
            found = self.stages.step(f"CASE {cell.name} {whens} {empty} ELSE {rest} END", cell)
            self.fault(f"{found.name} IS NULL", "unknown_code")
            cell = self.stages.step(f"coalesce({found.name}, '')", found)
        return cell

    def _part(self, cell: Cell) -> Cell:
        """What the group of the rule's pattern holds."""
        kept = f"regexp_extract({cell.name}, {quote(f'^(?:{self.rule.part})$')}, 1)"
        whole = f"regexp_full_match({cell.name}, {quote(self.rule.part)})"
        found = self.stages.step(f"CASE WHEN {cell.name} = '' THEN '' WHEN {whole} THEN {kept} END", cell)
        self.fault(f"{found.name} IS NULL", "no_such_part")
        return self.stages.step(f"coalesce({found.name}, '')", found)

    def _converted(self, cell: Cell) -> Cell:
        """The text in the contract's spelling of its type. What `codes` or `value` gave is in it already."""
        rule, kind = self.rule, self.column.type
        ours = rule.kind in ("value", BUSINESS_DATE) or bool(rule.codes)
        if is_numeric(self.column):
            return column_numbers.converted(self, cell, ours)
        if ours:
            return cell
        if kind == "boolean" and rule.values.true:
            return self._boolean(cell)
        return column_times.converted(self, cell) if kind in ("date", "timestamp") else cell

    def _boolean(self, cell: Cell) -> Cell:
        true, false = (", ".join(map(quote, words)) for words in (self.rule.values.true, self.rule.values.false))
        whens = f"WHEN {cell.name} IN ({true}) THEN 'true' WHEN {cell.name} IN ({false}) THEN 'false' WHEN {cell.name} = '' THEN ''"
        made = self.stages.step(f"CASE {whens} END", cell)
        self.fault(f"{made.name} IS NULL", "unknown_code")
        return self.stages.step(f"coalesce({made.name}, '')", made)
