"""What may start a plan, as far as it stands in a store and in no mart: changed terms of items, counts, the stock of a week ago.

What of it is an event is decided in forecasting.
"""

import datetime as dt
from pathlib import Path

import pandas as pd

from pipelines.store.warehouse import open_store

CHANGED_TERMS = """
    with snapshots as (
        select
            max(_business_date) as now,
            max(case when _business_date <= $before then _business_date end) as before
        from lake.erp_items
    )
    select
        now.item_id,
        cast(now.supplier_lead_time_days as double) as supplier_lead_time_days,
        cast(before.supplier_lead_time_days as double) as supplier_lead_time_days_before,
        cast(now.unit_cost_usd as double) as unit_cost_usd,
        cast(before.unit_cost_usd as double) as unit_cost_usd_before
    from snapshots
    inner join lake.erp_items as now on now._business_date = snapshots.now
    inner join lake.erp_items as before on before._business_date = snapshots.before and before.item_id = now.item_id
    where now.supplier_lead_time_days <> before.supplier_lead_time_days or now.unit_cost_usd <> before.unit_cost_usd
    order by now.item_id
"""
COUNTS = """
    select location_id, item_id, cast(sum(system_units) as bigint) as system_units, cast(sum(counted_units) as bigint) as counted_units
    from staging.stg_wms__counts
    where cast(counted_at as date) > $before
    group by location_id, item_id
    order by location_id, item_id
"""
STOCK = """
    select
        plan.location_id,
        plan.item_id,
        cast(plan.available_units + plan.in_transit_in_units + plan.firm_in_units + plan.po_inbound_units as double) as position_units,
        cast(plan.on_hand_units as double) as on_hand_units,
        cast(stock.on_hand_units as double) as on_hand_units_before
    from marts.fct_plan_inputs as plan
    inner join marts.fct_stock_daily as stock
        on stock.location_id = plan.location_id and stock.item_id = plan.item_id and stock.date = $before
    where not plan.is_stale
    order by plan.location_id, plan.item_id
"""


def read_trigger_evidence(store: Path, before: dt.date) -> dict[str, pd.DataFrame]:
    """`terms`: items whose supplier lead time or cost differs from the newest snapshot as of `before`; `counts` made after it; `stock` of
    now and then by item-location.
    """
    with open_store(store, read_only=True) as connection:
        folders = [Path(row[0]) for row in connection.execute("SELECT folder FROM lake.folders").fetchall()]
    with open_store(store, read_only=True, folders=folders) as connection:
        queries = {"terms": CHANGED_TERMS, "counts": COUNTS, "stock": STOCK}
        return {name: connection.execute(query, {"before": before}).df() for name, query in queries.items()}
