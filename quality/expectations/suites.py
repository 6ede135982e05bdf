"""One Great Expectations suite per feed, built from its contract, over a pandas batch of one landed partition.

A partition is first held against two expectations: it has rows, and every row keeps the contract. Only one that fails meets the whole
suite, which says what is wrong: row count and not-null come first there, because empty and all-null columns pass everything else.
Thresholds that depend on history or on other feeds live in `gates`. The library is imported when a suite runs, never before.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.extracts.contracts.contract import Column, FeedContract
from quality.expectations.library import data_source, load_library
from quality.expectations.rows import with_categories

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.expectations import Expectation

MAX_EXAMPLES = 5
PIECE_ROWS = 1_000_000
ROW_COUNT = "expect_table_row_count_to_be_between"
_FIRST = (ROW_COUNT, "expect_column_values_to_not_be_null")
_SILENT = ("batch_id", "column", "column_list", "ignore_row_if", "contract")


@dataclass(frozen=True)
class SuiteResult:
    """The outcome of one expectation: how many rows broke it (or the observed figure) and some of the values that did."""

    name: str
    passed: bool
    observed: str
    expected: str
    examples: tuple[str, ...]


def build_suite(contract: FeedContract) -> "ExpectationSuite":
    """The whole suite of a feed: row count, not-null, then words, patterns, ranges and the key."""
    return _new_suite(contract.feed, _expectations(contract))


def build_quick_suite(contract: FeedContract) -> "ExpectationSuite":
    """Row count, and one expectation for all that the contract says about a row: a tenth of the cost of the whole suite."""
    load_library()  # before anything else imports the library the slow way
    from quality.expectations.row_expectation import expect_rows_to_keep_contract

    return _new_suite(f"{contract.feed}_quick", [_row_count(contract), expect_rows_to_keep_contract(contract)])


def run_suite(contract: FeedContract, frame: pd.DataFrame) -> list[SuiteResult]:
    """Validate one partition; row count first, then not-null, then the rest. A column that is absent fails its expectations.

    Pieces of a million rows are held against it one after the other: the library copies and hashes whatever it is handed. The first
    that fails is told of, with the rows that it has. That a key is in two pieces is for the gate's own check of keys.
    """
    for first in range(0, max(len(frame), 1), PIECE_ROWS):
        found = _run_piece(contract, frame[first : first + PIECE_ROWS])
        if not all(result.passed for result in found):
            where = f" in rows {first + 1:,} to {min(first + PIECE_ROWS, len(frame)):,}" if len(frame) > PIECE_ROWS else ""
            found = [result if result.passed else replace(result, observed=result.observed + where) for result in found]
            break
    return [replace(result, observed=str(len(frame))) if result.name == ROW_COUNT else result for result in found]


def _run_piece(contract: FeedContract, frame: pd.DataFrame) -> list[SuiteResult]:
    quick = _validate(_quick_suite(contract), with_categories(contract, frame))
    if all(result.passed for result in quick):
        return quick
    whole = _validate(_suite(contract), frame)
    agreed = any(not result.passed for result in whole)
    return whole if agreed else whole + [result for result in quick if not result.passed]


def _validate(suite: "ExpectationSuite", frame: pd.DataFrame) -> list[SuiteResult]:
    batch = _batch_definition().get_batch(batch_parameters={"dataframe": frame})
    outcome = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": MAX_EXAMPLES})
    results = [_result(entry.to_json_dict()) for entry in outcome.results]
    ranks = {kind: rank for rank, kind in enumerate(_FIRST)}
    return sorted(results, key=lambda result: ranks.get(result.name.split(":")[0], len(_FIRST)))


def _expectations(contract: FeedContract) -> "list[Expectation]":
    load_library()
    from great_expectations import expectations as gxe

    present = [gxe.ExpectColumnValuesToNotBeNull(column=column.name) for column in contract.columns if not column.nullable]
    values = [expectation for column in contract.columns for expectation in _value_expectations(column)]
    return [_row_count(contract), *present, *values, _key_expectation(contract)]


def _row_count(contract: FeedContract) -> "Expectation":
    load_library()
    from great_expectations import expectations as gxe

    return gxe.ExpectTableRowCountToBeBetween(min_value=0 if contract.may_be_empty else 1)


def _value_expectations(column: Column) -> "list[Expectation]":
    from great_expectations import expectations as gxe

    if column.enum:
        return [gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.enum))]
    if column.pattern:
        return [gxe.ExpectColumnValuesToMatchRegex(column=column.name, regex=anchored(column.pattern))]
    if column.minimum is None and column.maximum is None:
        return []
    limits = [None if limit is None else float(limit) for limit in (column.minimum, column.maximum)]
    return [gxe.ExpectColumnValuesToBeBetween(column=column.name, min_value=limits[0], max_value=limits[1])]


def _key_expectation(contract: FeedContract) -> "Expectation":
    from great_expectations import expectations as gxe

    if len(contract.key) == 1:
        return gxe.ExpectColumnValuesToBeUnique(column=contract.key[0])
    return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(contract.key), ignore_row_if="never")


def anchored(pattern: str) -> str:
    r"""A pattern that matches the whole text only: `$` would let a trailing newline pass, `\Z` does not.

    >>> import re
    >>> [bool(re.match(anchored("a|b"), text)) for text in ("a", "b", "ab", "a\n")]
    [True, True, False, False]
    """
    return rf"^(?:{pattern})\Z"


def _new_suite(name: str, expectations: "list[Expectation]") -> "ExpectationSuite":
    data_source()
    import great_expectations as gx

    suite = gx.ExpectationSuite(name=name)
    suite.expectations = expectations
    return suite


@functools.cache
def _suite(contract: FeedContract) -> "ExpectationSuite":
    return build_suite(contract)


@functools.cache
def _quick_suite(contract: FeedContract) -> "ExpectationSuite":
    return build_quick_suite(contract)


@functools.cache
def _batch_definition() -> "BatchDefinition":
    """One batch definition for every frame: setting one up costs more than small checks."""
    return data_source().add_dataframe_asset(name="partition").add_batch_definition_whole_dataframe(name="partition")


def _result(entry: Mapping[str, Any]) -> SuiteResult:
    config = entry["expectation_config"]
    arguments = {k: v for k, v in config["kwargs"].items() if k not in _SILENT and v is not None}
    column = config["kwargs"].get("column") or ",".join(config["kwargs"].get("column_list", ()))
    is_whole_row = "contract" in config["kwargs"]
    result = entry.get("result", {})
    unexpected = result.get("unexpected_count", result.get("observed_value"))
    error = _error(entry.get("exception_info", {}))
    return SuiteResult(
        name=config["type"] if is_whole_row else ":".join(filter(None, (config["type"], column))),
        passed=bool(entry["success"]),
        observed=error or (f"{unexpected} unexpected" if "unexpected_count" in result else str(unexpected)),
        expected=", ".join(f"{name} = {value}" for name, value in sorted(arguments.items())) or "every row",
        examples=tuple(map(str, result.get("partial_unexpected_list", [])[:MAX_EXAMPLES])),
    )


def _error(info: Mapping[str, Any]) -> str:
    """The message of an expectation that could not be evaluated, in whichever of its two shapes the library reports it."""
    entries = [info] if "raised_exception" in info else [value for value in info.values() if isinstance(value, dict)]
    raised = [str(entry.get("exception_message")) for entry in entries if entry.get("raised_exception")]
    return raised[0][:300] if raised else ""
