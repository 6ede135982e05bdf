"""Days on which a location sent no stock: what stands in for an exposure that nobody saw. Days that were reported are left alone."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

KEY = ["location_id", "item_id", "date"]


def settle_unreported(demand: pd.DataFrame, stock_daily: pd.DataFrame, learned_share: Mapping[str, float]) -> pd.DataFrame:
    """`demand` (fct_demand_daily) without the days that nothing is known of.

    A day that its location did not report (`is_reported` of `stock_daily`, fct_stock_daily) is unknown, not a day without demand: its
    row is dropped. Where something was sold all the same, the location's learned exposure share (feedback ledger, share in [0, 1])
    stands in for the unseen one; without a learned share the marts' own figure stays.
    """
    silent = stock_daily.loc[~stock_daily["is_reported"].astype(bool), KEY]
    if not len(silent):
        return demand
    marked = demand.merge(silent.assign(is_silent=True), on=KEY, how="left")
    is_silent = marked.pop("is_silent").notna()
    has_sales = marked["qty_sold_units"] > 0
    learned = marked["location_id"].map(dict(learned_share)).astype(float)
    shown = marked["in_stock_share"].astype(float)
    marked["in_stock_share"] = np.where(is_silent & has_sales, learned.fillna(shown), shown)
    return marked[~is_silent | has_sales].reset_index(drop=True)
