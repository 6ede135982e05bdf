with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'wms_movements'), ['event_id']) }}
)

select
    latest.event_id,
    latest.at as moved_at,
    cast(latest.at as date) as date,
    latest.location_id,
    latest.item_id,
    latest.lot_id,
    latest.type,
    latest.qty_units,
    latest.reference
from latest
cross join parameters
where cast(latest.at as date) <= parameters.as_of
