with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'wms_shipments'), ['shipment_id']) }}
)

select
    latest.shipment_id,
    latest.order_id,
    latest.line_no,
    latest.location_id,
    latest.item_id,
    latest.qty_units,
    latest.shipped_at,
    cast(latest.shipped_at as date) as shipped_date,
    latest.delivered_at
from latest
cross join parameters
where cast(latest.shipped_at as date) <= parameters.as_of
