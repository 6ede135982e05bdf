{{ config(tags=['facts']) }}

select
    lane_id,
    origin,
    destination,
    mode,
    carrier,
    truck_cost_usd,
    pallet_cost_usd,
    max_trucks,
    pallets_per_truck,
    pallet_kg,
    pallet_m3,
    cost_usd_per_unit,
    line_cost_usd,
    min_shipment_kg,
    lead_time_days_mean,
    lead_time_days_sd,
    weekdays,
    duty_share,
    customs_days,
    is_allowed,
    rate_usd_per_kg,
    minimum_cost_usd
from {{ ref('stg_tms__lanes') }}
where is_in_newest_snapshot
