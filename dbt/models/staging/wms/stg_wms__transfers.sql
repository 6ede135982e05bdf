with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'wms_transfers'), ['transfer_id', 'line_id', 'state']) }}
)

select
    latest.transfer_id,
    latest.line_id,
    latest.item_id,
    latest.lot_id,
    latest.origin,
    latest.destination,
    latest.mode,
    latest.origin || '>' || latest.destination || ':' || latest.mode as lane_id,
    latest.qty_requested,
    latest.qty_picked,
    latest.qty_shipped,
    latest.state,
    latest.at as state_at
from latest
cross join parameters
where cast(latest.at as date) <= parameters.as_of
