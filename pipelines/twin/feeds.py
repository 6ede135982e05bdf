"""The ten feeds as the twin writes them: columns in order, keys, and how to turn numbers and times into canonical text."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Feed:
    """Columns of one feed in order, its key, and the whole-unit columns whose sums go into the manifest."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    sums: tuple[str, ...] = ()


def _feed(columns: str, key: str, sums: str = "") -> Feed:
    return Feed(tuple(columns.split()), tuple(key.split()), tuple(sums.split()))


FEEDS: dict[str, Feed] = {
    "erp_items": _feed(
        "item_id description category variant_of uom units_per_pack weight_kg volume_m3 unit_cost_usd unit_price_usd shelf_life_days "
        "lifecycle launch_date end_date supplier_id supplier_lead_time_days review_period_days",
        "item_id",
    ),
    "erp_locations": _feed(
        "location_id name kind owner operator country region lat lon storage_capacity_m3 dock_out_units_per_day dock_in_units_per_day "
        "storage_cost_usd_per_m3_day time_zone",
        "location_id",
    ),
    "tms_lanes": _feed(
        "origin destination mode carrier truck_cost_usd pallet_cost_usd max_trucks pallets_per_truck pallet_kg pallet_m3 cost_usd_per_unit "
        "line_cost_usd rate_usd_per_kg minimum_cost_usd min_shipment_kg lead_time_days_mean lead_time_days_sd weekdays duty_share "
        "customs_days allowed",
        "origin destination mode",
    ),
    "erp_sales_orders": _feed(
        "order_id line_no item_id location_id ship_to_region ship_to_zip channel qty_units unit_price_usd ordered_at requested_date "
        "promised_date status",
        "order_id line_no",
        "qty_units",
    ),
    "wms_shipments": _feed(
        "shipment_id order_id line_no location_id item_id qty_units shipped_at delivered_at", "shipment_id", "qty_units"
    ),
    "wms_stock": _feed(
        "date location_id item_id lot_id on_hand reserved blocked expiry_date",
        "date location_id item_id lot_id",
        "on_hand reserved blocked",
    ),
    "wms_movements": _feed("event_id at location_id item_id lot_id type qty_units reference", "event_id", "qty_units"),
    "erp_purchase_orders": _feed(
        "po_id line_no supplier_id item_id location_id qty_ordered qty_received ordered_at expected_date received_at status",
        "po_id line_no",
        "qty_ordered qty_received",
    ),
    "wms_transfers": _feed(
        "transfer_id line_id item_id lot_id origin destination mode qty_requested qty_picked qty_shipped state at",
        "transfer_id line_id state",
        "qty_shipped",
    ),
    "wms_receipts": _feed(
        "receipt_id reference_type reference_id line_id item_id location_id lot_id qty_expected qty_received qty_damaged qty_short "
        "qty_over received_at",
        "receipt_id",
        "qty_expected qty_received",
    ),
}
EVENT_FEEDS = ("erp_sales_orders", "wms_shipments", "wms_movements", "erp_purchase_orders", "wms_transfers", "wms_receipts")

# Decimal places of the canonical text: money and tariffs 4, weights and volumes 6.
DECIMALS = {
    "weight_kg": 6, "volume_m3": 6, "pallet_kg": 6, "pallet_m3": 6, "min_shipment_kg": 6, "storage_capacity_m3": 6,
    "unit_cost_usd": 4, "unit_price_usd": 4, "truck_cost_usd": 4, "pallet_cost_usd": 4, "cost_usd_per_unit": 4, "line_cost_usd": 4,
    "rate_usd_per_kg": 4, "minimum_cost_usd": 4, "storage_cost_usd_per_m3_day": 4,
}  # fmt: skip


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
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
