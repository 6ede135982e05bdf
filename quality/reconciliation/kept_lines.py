"""Which feed keeps the lines that another promises, and the columns that name a line in each."""

from dataclasses import dataclass

# What a line is called where both feeds are laid side by side.
LINE = ["document", "line_id"]


@dataclass(frozen=True)
class KeptLines:
    """The feed of lines that were promised, the feed in which they are kept, and the columns of document and line in each."""

    lines: str
    line_key: tuple[str, str]
    kept: str
    kept_key: tuple[str, str]


ORDERS_SHIPPED = KeptLines("erp_sales_orders", ("order_id", "line_no"), "wms_shipments", ("order_id", "line_no"))
PURCHASES_RECEIVED = KeptLines("erp_purchase_orders", ("po_id", "line_no"), "wms_receipts", ("reference_id", "line_id"))
