"""The one partition of every asset: the business date, which is also the run's `as_of`."""

import datetime as dt

import dagster as dg


def business_dates(start_date: dt.date) -> dg.DailyPartitionsDefinition:
    """Business dates from `start_date` to today, today included: an extract may be planned on the evening of its own date."""
    return dg.DailyPartitionsDefinition(start_date=start_date.isoformat(), end_offset=1)


def business_date(context: dg.AssetExecutionContext) -> dt.date:
    """The business date a step works for."""
    return dt.date.fromisoformat(context.partition_key)
