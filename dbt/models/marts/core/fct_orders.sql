{{ config(tags=['facts']) }}

select
    order_id,
    line_no,
    item_id,
    location_id,
    ship_to_region,
    channel,
    ordered_date,
    requested_date,
    promised_date,
    due_date,
    first_shipped_date,
    status,
    unit_price_usd,
    qty_ordered_units,
    qty_shipped_units,
    qty_first_stock_units,
    qty_on_time_units,
    is_on_time_in_full
from {{ ref('int_order_lines') }}
