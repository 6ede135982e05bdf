with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'erp_purchase_orders'), ['po_id', 'line_no']) }}
)

select
    latest.po_id,
    latest.line_no,
    latest.supplier_id,
    latest.item_id,
    latest.location_id,
    latest.qty_ordered,
    latest.qty_received,
    latest.ordered_at,
    latest.expected_date,
    latest.received_at,
    latest.status
from latest
cross join parameters
where latest.ordered_at <= parameters.as_of
