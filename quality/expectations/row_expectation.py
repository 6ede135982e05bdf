"""An expectation of our own: every row keeps all that its contract says about values and the key. Imported with the library only.

It finds the rows in one vectorised pass per column; which rule they break is told by the whole suite.
"""

from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import multicolumn_condition_partial
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import MulticolumnMapMetricProvider

from pipelines.extracts.contracts.contract import FeedContract
from quality.expectations.rows import keep_contract

_DOMAIN = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")
_contracts: dict[str, FeedContract] = {}


class RowsKeepContract(MulticolumnMapMetricProvider):
    """The metric behind `ExpectRowsToKeepContract`: true for the rows that keep the contract of that digest."""

    condition_metric_name = "multicolumn_values.keep_contract"
    condition_domain_keys = _DOMAIN
    condition_value_keys = ("contract",)

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_list: pd.DataFrame, contract: str = "", **_: Any) -> pd.Series:
        return keep_contract(_contracts[contract], column_list)


class ExpectRowsToKeepContract(MulticolumnMapExpectation):
    """Expect every row to keep types' limits, words, patterns, not-null columns and the key of a contract, named by its digest."""

    contract: str
    map_metric: ClassVar[str | None] = "multicolumn_values.keep_contract"
    success_keys: ClassVar[tuple[str, ...]] = ("contract", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "contract")
    domain_keys: ClassVar[tuple[str, ...]] = _DOMAIN


def expect_rows_to_keep_contract(contract: FeedContract) -> ExpectRowsToKeepContract:
    """The expectation over all columns of a contract."""
    name = f"{contract.feed} {contract.digest} {','.join(contract.key)}"
    _contracts[name] = contract
    return ExpectRowsToKeepContract(column_list=[column.name for column in contract.columns], contract=name, ignore_row_if="never")
