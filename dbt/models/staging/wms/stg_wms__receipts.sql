with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'wms_receipts'), ['receipt_id']) }}
)

select
    latest.receipt_id,
    latest.reference_type,
    latest.reference_id,
    latest.line_id,
    latest.item_id,
    latest.location_id,
    latest.lot_id,
    latest.qty_expected,
    latest.qty_received,
    latest.qty_damaged,
    latest.qty_short,
    latest.qty_over,
    latest.received_at
from latest
cross join parameters
where cast(latest.received_at as date) <= parameters.as_of
