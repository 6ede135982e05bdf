{{ config(tags=['facts']) }}

-- Stock on hand at as_of without a sale for `slow_moving_days`. What has never sold counts from its first day in stock.
-- The age of a lot runs from the first day on which this location held it; stock without lot numbers has no age. A lot may be sold
-- up to and on its day of expiry.

with parameters as (
    select
        as_of,
        slow_moving_days
    from {{ ref('stg_ledger__run_parameters') }}
),

first_days as (
    select
        location_id,
        item_id,
        min(date) as first_date
    from {{ ref('fct_stock_daily') }}
    group by location_id, item_id
),

lots as (
    select
        location_id,
        item_id,
        lot_id,
        min(date) as first_date,
        max(date) as last_date
    from {{ ref('stg_wms__stock') }}
    where lot_id is not null and on_hand > 0
    group by location_id, item_id, lot_id
),

oldest_lots as (
    select
        lots.location_id,
        lots.item_id,
        max({{ days_between('lots.first_date', 'parameters.as_of') }}) as oldest_lot_days
    from lots
    inner join parameters on lots.last_date = parameters.as_of
    group by lots.location_id, lots.item_id
),

expiries as (
    select
        stock.location_id,
        stock.item_id,
        {{ sum_units('case when stock.expiry_date < parameters.as_of then stock.on_hand else 0 end') }} as expired_units,
        min(case when stock.expiry_date >= parameters.as_of then stock.expiry_date end) as next_expiry_date
    from {{ ref('stg_wms__stock') }} as stock
    inner join parameters on stock.date = parameters.as_of
    where stock.on_hand > 0 and stock.expiry_date is not null
    group by stock.location_id, stock.item_id
),

pairs as (
    select
        inputs.location_id,
        inputs.item_id,
        items.category,
        inputs.on_hand_units,
        {{ to_exact('inputs.on_hand_units * items.unit_cost_usd') }} as stock_value_usd,
        coalesce(inputs.days_since_last_sale, {{ days_between('first_days.first_date', 'parameters.as_of') }})
        >= parameters.slow_moving_days as is_slow,
        oldest_lots.oldest_lot_days,
        coalesce(expiries.expired_units, 0) as expired_units,
        {{ to_exact('coalesce(expiries.expired_units, 0) * items.unit_cost_usd') }} as expired_value_usd,
        {{ days_between('parameters.as_of', 'expiries.next_expiry_date') }} as next_expiry_days
    from {{ ref('fct_plan_inputs') }} as inputs
    inner join {{ ref('dim_item') }} as items on inputs.item_id = items.item_id
    inner join first_days
        on inputs.location_id = first_days.location_id and inputs.item_id = first_days.item_id
    left join oldest_lots
        on inputs.location_id = oldest_lots.location_id and inputs.item_id = oldest_lots.item_id
    left join expiries
        on inputs.location_id = expiries.location_id and inputs.item_id = expiries.item_id
    cross join parameters
),

sums as (
    select
        {{ kpi_level_columns() }},
        {{ sum_units('on_hand_units') }} as on_hand_units,
        {{ sum_units('case when is_slow then on_hand_units else 0 end') }} as slow_units,
        coalesce(sum(stock_value_usd), 0) as stock_value_usd,
        coalesce(sum(case when is_slow then stock_value_usd end), 0) as slow_value_usd,
        max(oldest_lot_days) as oldest_lot_days,
        {{ sum_units('expired_units') }} as expired_units,
        coalesce(sum(expired_value_usd), 0) as expired_value_usd,
        min(next_expiry_days) as next_expiry_days
    from pairs
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    parameters.slow_moving_days,
    on_hand_units,
    slow_units,
    {{ to_double('stock_value_usd') }} as stock_value_usd,
    {{ to_double('slow_value_usd') }} as slow_value_usd,
    {{ safe_ratio('slow_value_usd', 'stock_value_usd') }} as slow_value_share,
    oldest_lot_days,
    expired_units,
    {{ to_double('expired_value_usd') }} as expired_value_usd,
    next_expiry_days,
    {{ null_reason('stock_value_usd', 'no stock on hand') }} as null_reason
from sums
cross join parameters
