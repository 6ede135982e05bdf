{{ config(materialized='table', tags=['facts']) }}

-- What the stock KPIs need of the window, per pair: sums over its days, in integers and exact decimals only.
-- The window is never longer than the days for which there is stock at all.

with parameters as (
    select * from {{ ref('stg_ledger__run_parameters') }}
),

stock as (
    select fct_stock_daily.*
    from {{ ref('fct_stock_daily') }} as fct_stock_daily
    cross join parameters
    where fct_stock_daily.date between parameters.window_start and parameters.as_of
),

demand as (
    select
        fct_demand_daily.location_id,
        fct_demand_daily.item_id,
        fct_demand_daily.date,
        fct_demand_daily.qty_sold_units
    from {{ ref('fct_demand_daily') }} as fct_demand_daily
    cross join parameters
    where fct_demand_daily.date between parameters.window_start and parameters.as_of
),

known_window as (
    select count(distinct date) as window_days
    from stock
)

select
    stock.location_id,
    stock.item_id,
    items.category,
    known_window.window_days,
    {{ sum_units('demand.qty_sold_units') }} as sold_units,
    {{ to_exact('coalesce(sum(demand.qty_sold_units), 0) * items.unit_cost_usd') }} as cogs_usd,
    {{ to_exact('sum(stock.inventory_value_usd)') }} as inventory_value_usd_days,
    cast(sum(stock.on_hand_units) as decimal(18, 0)) * cast(items.volume_m3 as decimal(12, 6)) as volume_m3_days,
    count(case when stock.is_ranged then 1 end) as ranged_days,
    {{ sum_units('case when stock.is_ranged then stock.in_stock_seconds else 0 end') }} as in_stock_seconds,
    count(case when stock.is_ranged and stock.on_hand_units > stock.blocked_units then 1 end) as in_stock_at_close_days
from stock
inner join {{ ref('dim_item') }} as items on stock.item_id = items.item_id
inner join demand
    on stock.location_id = demand.location_id and stock.item_id = demand.item_id and stock.date = demand.date
cross join known_window
group by
    stock.location_id,
    stock.item_id,
    items.category,
    items.unit_cost_usd,
    items.volume_m3,
    known_window.window_days
