{{ config(tags=['decisions']) }}

-- Only horizons that are over are judged, each forecast as it was published then. Ratios without a denominator are NULL with a reason.

with horizons as (
    select 7 as horizon_days
    union all
    select 14 as horizon_days
    union all
    select 28 as horizon_days
),

pairs as (
    select
        location_id,
        item_id
    from {{ ref('stg_planning__forecast_summary') }}
    union
    select
        location_id,
        item_id
    from {{ ref('stg_planning__finished_horizons') }}
),

errors as (
    select
        location_id,
        item_id,
        horizon_days,
        forecast_as_of,
        forecast_exact,
        naive_exact,
        actual_exact,
        forecast_exact - actual_exact as error_exact,
        naive_exact - actual_exact as naive_error_exact,
        case when statistical_exact <> forecast_exact then abs(statistical_exact - actual_exact) - abs(forecast_exact - actual_exact) end as gain_exact,
        greatest({{ to_exact('0.95') }} * (actual_exact - q95_exact), {{ to_exact('0.05') }} * (q95_exact - actual_exact)) as pinball_exact,
        case when actual_exact is not null and actual_exact <= q95_exact then 1 else 0 end as is_covered,
        case when actual_exact is not null then naive_rmse_units end as scale_units,
        null_reason
    from {{ ref('stg_planning__finished_horizons') }}
),

totals as (
    select
        location_id,
        item_id,
        horizon_days,
        count(actual_exact) as windows,
        count(*) - count(actual_exact) as windows_not_judged,
        min(case when actual_exact is not null then forecast_as_of end) as first_forecast_as_of,
        max(case when actual_exact is not null then forecast_as_of end) as last_forecast_as_of,
        sum(case when actual_exact is not null then forecast_exact end) as forecast_exact,
        sum(case when actual_exact is not null then naive_exact end) as naive_exact,
        sum(actual_exact) as actual_exact,
        sum(error_exact) as error_exact,
        sum(naive_error_exact) as naive_error_exact,
        count(gain_exact) as overridden_windows,
        sum(gain_exact) as gain_exact,
        sum(abs(error_exact)) as absolute_error_exact,
        sum(abs(naive_error_exact)) as naive_absolute_error_exact,
        sum({{ to_exact(to_double('error_exact') ~ ' * ' ~ to_double('error_exact')) }}) as square_exact,
        sum({{ to_exact(to_double('naive_error_exact') ~ ' * ' ~ to_double('naive_error_exact')) }}) as naive_square_exact,
        sum({{ to_exact('scale_units * scale_units') }}) as scale_exact,
        sum({{ to_exact('pinball_exact') }}) as pinball_exact,
        sum(is_covered) as covered,
        max(null_reason) as null_reason
    from errors
    group by location_id, item_id, horizon_days
)

select
    pairs.location_id,
    pairs.item_id,
    cast(horizons.horizon_days as bigint) as horizon_days,
    case
        when forecast.mean_daily_exact is null then 'unknown'
        when forecast.mean_daily_exact >= {{ var('rate_fast_units') }} then 'fast'
        when forecast.mean_daily_exact >= {{ var('rate_mid_units') }} then 'mid'
        else 'slow'
    end as rate_class,
    cast(coalesce(totals.windows, 0) as bigint) as windows,
    cast(coalesce(totals.windows_not_judged, 0) as bigint) as windows_not_judged,
    totals.first_forecast_as_of,
    totals.last_forecast_as_of,
    {{ to_double('totals.forecast_exact') }} as forecast_units,
    {{ to_double('totals.naive_exact') }} as naive_units,
    {{ to_double('totals.actual_exact') }} as actual_units,
    {{ to_double('totals.error_exact') }} as error_units,
    {{ to_double('totals.absolute_error_exact') }} as absolute_error_units,
    {{ to_double('totals.naive_absolute_error_exact') }} as naive_absolute_error_units,
    {{ safe_ratio('totals.absolute_error_exact', 'totals.actual_exact') }} as wape_share,
    {{ safe_ratio('totals.naive_absolute_error_exact', 'totals.actual_exact') }} as naive_wape_share,
    {{ safe_ratio('totals.error_exact', 'totals.actual_exact') }} as bias_share,
    {{ safe_ratio('totals.naive_error_exact', 'totals.actual_exact') }} as naive_bias_share,
    sqrt({{ safe_ratio('totals.square_exact', 'totals.scale_exact') }}) as rmsse,
    sqrt({{ safe_ratio('totals.naive_square_exact', 'totals.scale_exact') }}) as naive_rmsse,
    {{ safe_ratio('totals.pinball_exact', 'totals.windows') }} as q95_pinball_units,
    {{ safe_ratio('totals.covered', 'totals.windows') }} as q95_coverage_share,
    cast(coalesce(totals.overridden_windows, 0) as bigint) as overridden_windows,
    {{ to_double('totals.gain_exact') }} as override_gain_units,
    case
        when totals.windows is null then 'no forecast is as old as the horizon'
        when totals.windows = 0 then totals.null_reason
        when totals.actual_exact = 0 then 'no demand in the finished horizons'
        when coalesce(totals.scale_exact, 0) = 0 then 'too little history to scale squared errors by'
    end as null_reason
from pairs
cross join horizons
left join totals
    on pairs.location_id = totals.location_id and pairs.item_id = totals.item_id and horizons.horizon_days = totals.horizon_days
left join {{ ref('stg_planning__forecast_summary') }} as forecast
    on pairs.location_id = forecast.location_id and pairs.item_id = forecast.item_id
