{{ config(tags=['facts']) }}

-- Blocked units are in the value and in the volume, since they are paid for and stored, but never in the exposure.
-- The lifecycle says what an item is today: an item that was discontinued without an end date was ranged until the snapshot
-- that says so.

with stock as (
    select
        stock.*,
        coalesce(
            exposure.in_stock_seconds,
            case when stock.on_hand_units > stock.blocked_units then 43200 else 0 end
        ) as in_stock_seconds
    from {{ ref('int_stock_daily') }} as stock
    left join {{ ref('int_exposure_daily') }} as exposure
        on
            stock.location_id = exposure.location_id
            and stock.item_id = exposure.item_id
            and stock.date = exposure.date
),

items as (
    select
        item_id,
        unit_cost_usd,
        coalesce(launch_date, date '0001-01-01') as first_ranged_date,
        coalesce(
            end_date,
            case when lifecycle = 'discontinued' then {{ add_days('snapshot_date', -1) }} end,
            date '9999-12-31'
        ) as last_ranged_date
    from {{ ref('stg_erp__items') }}
)

select
    stock.location_id,
    stock.item_id,
    stock.date,
    stock.on_hand_units,
    stock.reserved_units,
    stock.blocked_units,
    {{ safe_ratio('stock.in_stock_seconds', '43200') }} as in_stock_share,
    {{ to_exact('stock.on_hand_units * items.unit_cost_usd') }} as inventory_value_usd,
    cast(stock.in_stock_seconds as bigint) as in_stock_seconds,
    stock.is_reported,
    stock.date between items.first_ranged_date and items.last_ranged_date as is_ranged
from stock
left join items on stock.item_id = items.item_id
