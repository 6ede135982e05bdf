"""From a layout's YAML to a `Layout`. What one key may hold is in `layout_schema`, what keys mean together in `layout_rules`."""

import dataclasses
import hashlib
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from pipelines.domain.errors import UsageError
from pipelines.extracts.contracts.contract import Column, load_contract
from pipelines.extracts.layouts.layout import BUSINESS_DATE, ColumnRule, Condition, Group, Layout, Lookup, Sign, Spellings, Unit, Values
from pipelines.extracts.layouts.layout_document import Document, KeyPath, as_text, read_document
from pipelines.extracts.layouts.layout_keys import DELIMITERS, VALUES
from pipelines.extracts.layouts.layout_rules import KINDS, NUMBER_DIALECT, contradictions
from pipelines.extracts.layouts.layout_schema import schema_problems
from pipelines.extracts.reading.file_format import FileFormat, FixedField

_PLAIN = ("optional", "gaps", "part", "prefix", "suffix", "strip_zeros", "round", "whole", "add_days")
_INHERITED = ("kind", "encoding", "delimiter", "quote", "skip_lines", "header")


def read_layout(data: bytes, source: str) -> Layout:
    """The layout that a YAML text declares. Raises `UsageError` listing what is wrong with it, each with its line."""
    document = read_document(data, source)
    document.refuse(schema_problems(document))
    body = document.data
    stem = PurePath(source).stem
    if stem != body["layout"]:
        document.refuse([document.problem(("layout",), f"the file is called {stem!r}; call the layout or the file likewise")])
    contract = load_contract(body["feed"])
    values = _values(Values(), body.get("values", {}))
    file = _file(document, ("file",), {}, body.get("file", {}))
    layout = Layout(
        body["layout"], body["system"], body["feed"], body["description"], file, values,
        _conditions(body.get("where", [])),
        tuple(
            _column(contract.column(name), entry, values, document.lines["columns", name]) for name, entry in body["columns"].items()
        ),
        tuple(_lookup(document, name, entry, file) for name, entry in body.get("lookups", {}).items()),
        _group(body["group"]) if "group" in body else None,
        hashlib.sha256(data).hexdigest(),
        tuple(body.get("files", [])),
    )  # fmt: skip
    document.refuse(sorted(document.problem(*found) for found in contradictions(layout, contract, body)))
    return layout


def _spellings(entry: Any) -> Spellings:
    return tuple(entry) if isinstance(entry, list) else (entry,)


def _words(entries: list[Any]) -> tuple[str, ...]:
    return tuple(as_text(entry) for entry in entries)


def _values(base: Values, entry: dict[str, Any]) -> Values:
    """`base` with the keys that `entry` has of its own; any number key declares a number dialect."""
    changes = {name: value for name, value in entry.items() if name in VALUES}
    for name in ("dates", "times"):
        if name in changes:
            changes[name] = _spellings(changes[name])
    if "empty" in changes:
        changes["empty"] = _words(changes["empty"])
    if "booleans" in changes:
        words = changes.pop("booleans")
        changes |= {"true": _words(words["true"]), "false": _words(words["false"])}
    if isinstance(changes.get("to"), dict):
        zones = changes.pop("to")
        changes |= {"zone_column": zones["by"], "zones": tuple(zones["zones"].items()), "to": ""}
    if any(name in NUMBER_DIALECT for name in changes):
        changes["number_dialect"] = True
    return dataclasses.replace(base, **changes)


def _file(document: Document, path: KeyPath, inherited: dict[str, Any], entry: dict[str, Any]) -> FileFormat:
    changes = dict(entry)
    if "format" in changes:
        changes["kind"] = changes.pop("format")
    if "delimiter" in changes:
        changes["delimiter"] = DELIMITERS.get(changes["delimiter"], changes["delimiter"])
    if "fields" in changes:
        changes["fields"] = tuple(FixedField(name, *place) for name, place in changes["fields"].items())
    if "names" in changes:
        changes["names"] = tuple(changes["names"])
    try:
        return FileFormat(**inherited | changes)
    except UsageError as error:
        message = str(error).removeprefix("file format: ")
        raise UsageError(document.problem(path, message)) from error


def _conditions(entry: dict[str, Any] | list[dict[str, Any]]) -> tuple[Condition, ...]:
    return tuple(map(_condition, [entry] if isinstance(entry, dict) else entry))


def _condition(entry: dict[str, Any]) -> Condition:
    kind = next((key for key in entry if key != "column"), "")
    words = _words(entry[kind]) if kind in ("in", "not_in") else (entry[kind],) if kind == "matches" else ()
    if kind == "empty" and not entry["empty"]:
        kind = "not_empty"
    other = _spellings(entry[kind]) if kind in ("same_as", "differs_from") else ()
    return Condition(_spellings(entry["column"]), kind, words, other)


def _column(column: Column, entry: Any, values: Values, line: int) -> ColumnRule:
    if not isinstance(entry, dict):
        if entry == BUSINESS_DATE:
            return ColumnRule(column.name, BUSINESS_DATE, values, line=line)
        if isinstance(entry, str):
            return ColumnRule(column.name, "from", values, (_spellings(entry),), line=line)
        return ColumnRule(column.name, "value", values, value=as_text(entry), line=line)
    kind = next((kind for kind in KINDS if kind in entry), "")
    sources = [entry["from"]] if kind == "from" else entry.get(kind, []) if kind != "value" else []
    plain = {name: entry[name] for name in _PLAIN if name in entry}
    texts = {name: as_text(entry[name]) for name in ("value", "otherwise", "default") if name in entry}
    places = {name: _spellings(entry[name]) for name in ("time_from", "multiply_by") if name in entry}
    return ColumnRule(
        column.name, kind, _values(values, entry), tuple(map(_spellings, sources)), tuple(map(_spellings, entry.get("minus", []))),
        glue=entry.get("with", ""), replace=tuple(entry.get("replace", {}).items()), when=_conditions(entry.get("when", [])),
        codes=tuple((word, as_text(meaning)) for word, meaning in entry.get("codes", {}).items()),
        multiply=Decimal(entry["multiply"]) if "multiply" in entry else None,
        unit=_unit(entry["unit"]) if "unit" in entry else None,
        divide_by=_divisor(entry["divide_by"]) if "divide_by" in entry else (),
        sign=_sign(entry["sign"]) if "sign" in entry else None,
        line=line, **plain, **texts, **places,
    )  # fmt: skip


def _divisor(entry: Any) -> Spellings | Decimal:
    return _spellings(entry) if isinstance(entry, str | list) else Decimal(entry)


def _unit(entry: dict[str, Any]) -> Unit:
    return Unit(_spellings(entry["from"]), tuple((unit, Decimal(factor)) for unit, factor in entry["factors"].items()))


def _sign(entry: dict[str, Any]) -> Sign:
    return Sign(_spellings(entry["from"]), _words(entry["minus"]), _words(entry["plus"]), _words(entry.get("own", [])))


def _lookup(document: Document, name: str, entry: dict[str, Any], file: FileFormat) -> Lookup:
    """The companion is written like the main file as far as it does not say otherwise."""
    own = {key: value for key, value in entry.items() if key not in ("file", "on", "where", "latest")}
    on = tuple((_spellings(here), _spellings(there)) for here, there in entry["on"].items())
    inherited = {key: getattr(file, key) for key in _INHERITED}
    where = _conditions(entry.get("where", []))
    latest = _spellings(entry["latest"]) if "latest" in entry else ()
    return Lookup(name, entry["file"], on, _file(document, ("lookups", name), inherited, own), where, latest)


def _group(entry: dict[str, Any]) -> Group:
    return Group(tuple(entry["sum"]), tuple(map(_spellings, entry["one_row_per"])))
