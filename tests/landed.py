"""One file landed as a delivery of its own, the way a drop lands it."""

from pathlib import Path

from pipelines.extracts.landing.landing_zone import Delivery, land_deliveries


def land_file(landing_dir, source, feed, business_date, *, arrived_at=None, **told):
    """The landed file; `told` is what a `Delivery` may say beside feed and path."""
    return land_deliveries(landing_dir, [Delivery(feed, Path(source), **told)], business_date, arrived_at)[0]
