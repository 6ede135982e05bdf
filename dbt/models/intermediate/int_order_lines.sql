{{ config(tags=['facts']) }}

-- Customer order lines with what was shipped and delivered. "First available stock" is what left on the first shipping day,
-- if that day kept the promise. In a store the customer takes the goods along: shipped is delivered.

with lines as (
    select
        *,
        coalesce(promised_date, requested_date, ordered_date) as due_date
    from {{ ref('stg_erp__sales_orders') }}
),

shipments as (
    select
        shipments.order_id,
        shipments.line_no,
        shipments.qty_units,
        shipments.shipped_date,
        lines.due_date,
        cast(case when lines.channel = 'store' then shipments.shipped_at else shipments.delivered_at end as date) as delivered_date,
        min(shipments.shipped_date) over (partition by shipments.order_id, shipments.line_no) as first_shipped_date
    from {{ ref('stg_wms__shipments') }} as shipments
    inner join lines on shipments.order_id = lines.order_id and shipments.line_no = lines.line_no
),

shipped as (
    select
        order_id,
        line_no,
        min(first_shipped_date) as first_shipped_date,
        {{ sum_units('qty_units') }} as qty_shipped_units,
        {{ sum_units('case when shipped_date = first_shipped_date and shipped_date <= due_date then qty_units else 0 end') }}
            as qty_first_stock_units,
        {{ sum_units('case when delivered_date <= due_date then qty_units else 0 end') }} as qty_on_time_units
    from shipments
    group by order_id, line_no
)

select
    lines.order_id,
    lines.line_no,
    lines.item_id,
    lines.location_id,
    lines.ship_to_region,
    lines.channel,
    lines.ordered_date,
    lines.requested_date,
    lines.promised_date,
    lines.due_date,
    shipped.first_shipped_date,
    lines.status,
    lines.unit_price_usd,
    lines.qty_units as qty_ordered_units,
    coalesce(shipped.qty_shipped_units, 0) as qty_shipped_units,
    least(coalesce(shipped.qty_first_stock_units, 0), lines.qty_units) as qty_first_stock_units,
    coalesce(shipped.qty_on_time_units, 0) as qty_on_time_units,
    coalesce(shipped.qty_on_time_units, 0) >= lines.qty_units as is_on_time_in_full
from lines
left join shipped on lines.order_id = shipped.order_id and lines.line_no = shipped.line_no
