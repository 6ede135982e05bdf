with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

latest as (
    {{ latest_per_key(source('lake', 'erp_sales_orders'), ['order_id', 'line_no']) }}
)

select
    latest.order_id,
    latest.line_no,
    latest.item_id,
    latest.location_id,
    latest.ship_to_region,
    latest.ship_to_zip,
    latest.channel,
    latest.qty_units,
    latest.unit_price_usd,
    latest.ordered_at,
    cast(latest.ordered_at as date) as ordered_date,
    latest.requested_date,
    latest.promised_date,
    latest.status
from latest
cross join parameters
where cast(latest.ordered_at as date) <= parameters.as_of
