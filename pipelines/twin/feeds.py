"""How the twin spells: the feeds it writes and canonical text for times and decimals. What a feed holds is in its contract."""

import numpy as np
from numpy.typing import NDArray

MASTER_FEEDS = ("erp_items", "erp_locations", "tms_lanes")
OPTIONAL_MASTER_FEEDS = ("tms_customer_lanes", "erp_events", "fin_parameters")
JOURNAL_FEEDS = ("erp_sales_orders", "wms_shipments", "wms_movements", "erp_purchase_orders", "wms_transfers", "wms_receipts", "wms_counts")
STOCK_FEED = "wms_stock"
FEEDS = (*MASTER_FEEDS, *JOURNAL_FEEDS, STOCK_FEED, *OPTIONAL_MASTER_FEEDS)


def clock_text(day: np.datetime64, seconds: NDArray[np.int64]) -> NDArray[np.str_]:
    """Local timestamps `YYYY-MM-DDTHH:MM:SS` of seconds after midnight.

    >>> clock_text(np.datetime64("2026-01-05"), np.array([21600])).tolist()
    ['2026-01-05T06:00:00']
    """
    return np.datetime_as_string(day.astype("datetime64[s]") + np.asarray(seconds).astype("timedelta64[s]"), unit="s")


def decimal_text(value: float, places: int) -> str:
    """A number without exponent or padding, rounded to `places`.

    >>> decimal_text(0.00001, 6), decimal_text(15.0, 4), decimal_text(0.0600064, 4)
    ('0.00001', '15', '0.06')
    """
    text = f"{value:.{places}f}"
    if places:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
