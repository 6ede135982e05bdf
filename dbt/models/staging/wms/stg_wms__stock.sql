with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'wms_stock'), ['date', 'location_id', 'item_id', 'lot_id']) }}
)

select
    latest.date,
    latest.location_id,
    latest.item_id,
    latest.lot_id,
    latest.on_hand,
    latest.reserved,
    latest.blocked,
    latest.expiry_date
from latest
cross join parameters
where latest.date <= parameters.as_of
