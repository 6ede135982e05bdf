{{ config(tags=['decisions']) }}

with pairs as (
    select
        surplus.location_id,
        surplus.item_id,
        items.category,
        surplus.position_units,
        {{ to_exact('surplus.surplus_units') }} as excess_units,
        {{ to_exact('surplus.deficit_units') }} as deficit_units,
        {{ to_exact(to_exact('surplus.surplus_units') ~ ' * items.unit_cost_usd') }} as excess_value_usd,
        {{ to_exact(to_exact('surplus.deficit_units') ~ ' * items.unit_cost_usd') }} as deficit_value_usd
    from {{ ref('fct_surplus_deficit') }} as surplus
    inner join {{ ref('dim_item') }} as items on surplus.item_id = items.item_id
),

sums as (
    select
        {{ kpi_level_columns() }},
        {{ sum_units('position_units') }} as position_units,
        count(excess_units) as pairs_with_forecast,
        count(*) - count(excess_units) as pairs_without_forecast,
        count(case when excess_units > 0 then 1 end) as pairs_in_excess,
        count(case when deficit_units > 0 then 1 end) as pairs_in_deficit,
        sum(excess_units) as excess_units,
        sum(deficit_units) as deficit_units,
        sum(excess_value_usd) as excess_value_usd,
        sum(deficit_value_usd) as deficit_value_usd
    from pairs
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    position_units,
    pairs_with_forecast,
    pairs_without_forecast,
    pairs_in_excess,
    pairs_in_deficit,
    {{ to_double('excess_units') }} as excess_units,
    {{ to_double('deficit_units') }} as deficit_units,
    {{ to_double('excess_value_usd') }} as excess_value_usd,
    {{ to_double('deficit_value_usd') }} as deficit_value_usd,
    {{ null_reason('pairs_with_forecast', 'no forecast') }} as null_reason
from sums
