select
    location_id,
    ship_to_region,
    transit_days,
    cost_usd_per_order
from {{ source('lake', 'tms_customer_lanes') }}
qualify {{ in_newest_snapshot() }}
