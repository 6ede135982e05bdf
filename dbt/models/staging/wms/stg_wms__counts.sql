with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'wms_counts'), ['location_id', 'item_id', 'lot_id', '"at"']) }}
)

select
    latest.location_id,
    latest.item_id,
    latest.lot_id,
    latest.system_qty as system_units,
    latest.counted_qty as counted_units,
    latest.at as counted_at
from latest
cross join parameters
where cast(latest.at as date) <= parameters.as_of
