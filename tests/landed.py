"""Files landed from their paths alone: one the way a drop lands it, or several of a feed the way somebody hands them over."""

from pathlib import Path

from pipelines.extracts.landing.landing_zone import Delivery, land_deliveries, land_on_purpose


def land_file(landing_dir, source, feed, business_date, *, arrived_at=None, **told):
    """The landed file; `told` is what a `Delivery` may say beside feed and path."""
    return land_deliveries(landing_dir, [Delivery(feed, Path(source), **told)], business_date, arrived_at)[0]


def land_files(landing_dir, dated, feed, *, arrived_at=None, **told):
    """The landed files of pairs of path and date."""
    return land_on_purpose(landing_dir, [(Delivery(feed, Path(path), **told), date) for path, date in dated], arrived_at=arrived_at)
