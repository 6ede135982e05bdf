with latest as (
    {{ latest_per_key(source('lake', 'erp_locations'), ['location_id']) }}
)

select
    location_id,
    name,
    kind,
    owner,
    operator,
    country,
    region,
    lat,
    lon,
    storage_capacity_m3,
    dock_out_units_per_day,
    dock_in_units_per_day,
    storage_cost_usd_per_m3_day,
    time_zone,
    {{ in_newest_snapshot() }} as is_in_newest_snapshot
from latest
