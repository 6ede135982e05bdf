with latest as (
    {{ latest_per_key(source('lake', 'erp_items'), ['item_id']) }}
)

select
    item_id,
    description,
    category,
    variant_of,
    uom,
    units_per_pack,
    weight_kg,
    volume_m3,
    unit_cost_usd,
    unit_price_usd,
    shelf_life_days,
    lifecycle,
    launch_date,
    end_date,
    supplier_id,
    supplier_lead_time_days,
    review_period_days,
    _business_date as snapshot_date,
    {{ in_newest_snapshot() }} as is_in_newest_snapshot
from latest
