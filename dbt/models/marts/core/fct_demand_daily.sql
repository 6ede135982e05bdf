{{ config(tags=['facts']) }}

with stock as (
    select
        location_id,
        item_id,
        date,
        in_stock_share
    from {{ ref('fct_stock_daily') }}
),

orders as (
    select
        location_id,
        item_id,
        ordered_date as date,
        sum(qty_units) as qty_units
    from {{ ref('stg_erp__sales_orders') }}
    group by location_id, item_id, ordered_date
),

shipments as (
    select
        location_id,
        item_id,
        shipped_date as date,
        sum(qty_units) as qty_units
    from {{ ref('stg_wms__shipments') }}
    group by location_id, item_id, shipped_date
)

select
    stock.location_id,
    stock.item_id,
    stock.date,
    cast(coalesce(orders.qty_units, 0) as bigint) as qty_ordered_units,
    cast(coalesce(shipments.qty_units, 0) as bigint) as qty_sold_units,
    stock.in_stock_share
from stock
left join orders
    on stock.location_id = orders.location_id and stock.item_id = orders.item_id and stock.date = orders.date
left join shipments
    on stock.location_id = shipments.location_id and stock.item_id = shipments.item_id and stock.date = shipments.date
