{{ config(tags=['decisions']) }}

-- For one item: 1 - sum over locations of min(stock share, demand share) = sum of max(stock share - demand share, 0),
-- the share of its stock that lies where demand is not. Written with units it adds up: misplaced units over units.
-- Levels above the item weigh items by stock value.

with pairs as (
    select
        inputs.location_id,
        inputs.item_id,
        items.category,
        items.unit_cost_usd,
        inputs.available_units,
        coalesce(forecast.mean_daily_exact, 0) as demand,
        sum(inputs.available_units) over (partition by inputs.item_id) as item_units,
        sum(coalesce(forecast.mean_daily_exact, 0)) over (partition by inputs.item_id) as item_demand
    from {{ ref('fct_plan_inputs') }} as inputs
    inner join {{ ref('dim_item') }} as items on inputs.item_id = items.item_id
    left join {{ ref('stg_planning__forecast_summary') }} as forecast
        on inputs.location_id = forecast.location_id and inputs.item_id = forecast.item_id
),

misplaced as (
    select
        location_id,
        item_id,
        category,
        case when item_demand > 0 then available_units * cast(unit_cost_usd as decimal(18, 4)) end as stock_value_usd,
        case
            when item_demand > 0
                then
                    cast(
                        greatest({{ to_double('available_units * item_demand - item_units * demand') }}, 0)
                        / {{ to_double('item_demand') }} * {{ to_double('unit_cost_usd') }} as decimal(28, 6)
                    )
        end as misplaced_value_usd
    from pairs
),

sums as (
    select
        {{ kpi_level_columns() }},
        count(distinct case when stock_value_usd is null then item_id end) as items_without_demand,
        sum(stock_value_usd) as stock_value_usd,
        sum(misplaced_value_usd) as misplaced_value_usd
    from misplaced
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    items_without_demand,
    {{ to_double('stock_value_usd') }} as stock_value_usd,
    {{ to_double('misplaced_value_usd') }} as misplaced_value_usd,
    {{ safe_ratio('misplaced_value_usd', 'stock_value_usd') }} as imbalance,
    case
        when stock_value_usd is null then 'no demand in the forecast'
        when stock_value_usd = 0 then 'no available stock'
    end as null_reason
from sums
