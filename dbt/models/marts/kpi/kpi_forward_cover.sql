{{ config(tags=['decisions']) }}

with pairs as (
    select
        inputs.location_id,
        inputs.item_id,
        items.category,
        inputs.available_units,
        forecast.mean_daily_exact
    from {{ ref('fct_plan_inputs') }} as inputs
    inner join {{ ref('dim_item') }} as items on inputs.item_id = items.item_id
    left join {{ ref('stg_planning__forecast_summary') }} as forecast
        on inputs.location_id = forecast.location_id and inputs.item_id = forecast.item_id
),

sums as (
    select
        {{ kpi_level_columns() }},
        {{ sum_units('case when mean_daily_exact is not null then available_units end') }} as available_units,
        count(mean_daily_exact) as pairs_with_forecast,
        count(*) - count(mean_daily_exact) as pairs_without_forecast,
        sum(mean_daily_exact) as mean_daily_units
    from pairs
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    available_units,
    pairs_without_forecast,
    {{ to_double('mean_daily_units') }} as mean_daily_units,
    {{ safe_ratio('available_units', 'mean_daily_units') }} as forward_cover_days,
    coalesce(
        {{ null_reason('pairs_with_forecast', 'no forecast') }},
        {{ null_reason('mean_daily_units', 'no demand in the forecast') }}
    ) as null_reason
from sums
