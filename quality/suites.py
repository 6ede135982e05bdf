"""One Great Expectations suite per feed, built from its contract, over a pandas batch of one landed partition.

Row count and not-null come first, because empty and all-null columns pass every other expectation. Thresholds that depend on
history or on other feeds live in `gates`. The library is imported when a suite runs, never before.
"""

import functools
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipelines.extracts.contract import Column, FeedContract

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.expectations import Expectation

MAX_EXAMPLES = 5
MAX_SEEN = 64
MAX_SEEN_ROWS = 50_000
_FIRST = ("expect_table_row_count_to_be_between", "expect_column_values_to_not_be_null")
_SILENT = ("batch_id", "column", "column_list", "ignore_row_if")


@dataclass(frozen=True)
class SuiteResult:
    """The outcome of one expectation: how many rows broke it (or the observed figure) and some of the values that did."""

    name: str
    passed: bool
    observed: str
    expected: str
    examples: tuple[str, ...]


_seen: dict[tuple[str, str], list[SuiteResult]] = {}


def build_suite(contract: FeedContract) -> "ExpectationSuite":
    """The suite of a feed: row count, not-null, then words, patterns, ranges and the key."""
    import great_expectations as gx

    suite = gx.ExpectationSuite(name=contract.feed)
    suite.expectations = _expectations(contract)
    return suite


def run_suite(contract: FeedContract, frame: pd.DataFrame) -> list[SuiteResult]:
    """Validate one partition; row count first, then not-null, then the rest. A column that is absent fails its expectations.

    The outcome is a function of contract and rows, so that rows seen before in this process (master data of most days) are not
    validated again: the library takes a tenth of a second per suite however few the rows. Large partitions do not come twice.
    """
    if len(frame) > MAX_SEEN_ROWS:
        return _validate(contract, frame)
    key = (contract.digest, _content_sha256(frame))
    if key not in _seen:
        if len(_seen) >= MAX_SEEN:
            _seen.pop(next(iter(_seen)))
        _seen[key] = _validate(contract, frame)
    return list(_seen[key])


def _content_sha256(frame: pd.DataFrame) -> str:
    """Digest of names, types and values of the columns without lineage."""
    columns = [name for name in frame.columns if not name.startswith("_")]
    hash_rows: Any = pd.util.hash_pandas_object
    digest = hashlib.sha256(repr([(name, str(frame[name].dtype)) for name in columns]).encode())
    digest.update(hash_rows(frame[columns], index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _validate(contract: FeedContract, frame: pd.DataFrame) -> list[SuiteResult]:
    batch = _batch_definition(contract.feed).get_batch(batch_parameters={"dataframe": frame})
    outcome = batch.validate(_suite(contract), result_format={"result_format": "BASIC", "partial_unexpected_count": MAX_EXAMPLES})
    results = [_result(entry.to_json_dict()) for entry in outcome.results]
    ranks = {kind: rank for rank, kind in enumerate(_FIRST)}
    return sorted(results, key=lambda result: ranks.get(result.name.split(":")[0], len(_FIRST)))


def _expectations(contract: FeedContract) -> "list[Expectation]":
    from great_expectations import expectations as gxe

    least = 0 if contract.may_be_empty else 1
    rows: list[Expectation] = [gxe.ExpectTableRowCountToBeBetween(min_value=least)]
    present = [gxe.ExpectColumnValuesToNotBeNull(column=column.name) for column in contract.columns if not column.nullable]
    values = [expectation for column in contract.columns for expectation in _value_expectations(column)]
    return [*rows, *present, *values, _key_expectation(contract)]


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


@functools.cache
def _suite(contract: FeedContract) -> "ExpectationSuite":
    _batch_definition(contract.feed)
    return build_suite(contract)


@functools.cache
def _batch_definition(feed: str) -> "BatchDefinition":
    """One in-memory context per process and one batch definition per feed: setting them up costs more than small checks."""
    return _data_source().add_dataframe_asset(name=feed).add_batch_definition_whole_dataframe(name=feed)


@functools.cache
def _data_source() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas(name="partition")


def _result(entry: Mapping[str, Any]) -> SuiteResult:
    config = entry["expectation_config"]
    arguments = {k: v for k, v in config["kwargs"].items() if k not in _SILENT and v is not None}
    column = config["kwargs"].get("column") or ",".join(config["kwargs"].get("column_list", ()))
    result = entry.get("result", {})
    unexpected = result.get("unexpected_count", result.get("observed_value"))
    error = _error(entry.get("exception_info", {}))
    return SuiteResult(
        name=":".join(filter(None, (config["type"], column))),
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
