"""Evidence of exposure: which share of the selling time a location had stock to sell. Demand is un-censored elsewhere."""

from datetime import date, timedelta

import pandas as pd

from pipelines.feedback.movement import Learned

RULE = "mean in-stock share over the window"


def learn_exposure(stock_daily: pd.DataFrame, as_of: date, window_days: int) -> list[Learned]:
    """In-stock share per location over the last `window_days` days up to `as_of`.

    `stock_daily` has location_id, date, in_stock_share, one row per item and day (fct_stock_daily), or already averaged over
    items with the number of items in `pairs`. Rows without a share are unknown and left out. Evidence counts item-days.
    """
    day = pd.to_datetime(stock_daily["date"]).dt.normalize()
    today = pd.Timestamp(as_of)
    frame = stock_daily[(day <= today) & (day > today - timedelta(days=window_days)) & stock_daily["in_stock_share"].notna()]
    pairs = frame["pairs"].astype(float) if "pairs" in frame.columns else pd.Series(1.0, index=frame.index)
    frame = frame.assign(pairs=pairs, exposed=frame["in_stock_share"].astype(float) * pairs)
    frame = frame.sort_values([name for name in ("location_id", "date", "item_id") if name in frame.columns])
    totals = frame.groupby("location_id", sort=True)[["exposed", "pairs"]].sum()
    return [
        Learned("exposure_share", f"location:{row.Index}", float(row.exposed / row.pairs), float(row.pairs), RULE, None)
        for row in totals.itertuples()
        if row.pairs > 0
    ]
