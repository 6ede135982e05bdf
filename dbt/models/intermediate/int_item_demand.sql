{{ config(tags=['facts']) }}

-- Evidence for the ABC and XYZ classes: units of the last weeks, and the spread of the units over those of them in which the
-- item was stocked from start to end. The variance is taken from integer sums, so that it does not depend on the order of rows.

{% set weeks = var('class_window_weeks') %}

with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

first_days as (
    select
        item_id,
        min(date) as first_date
    from {{ ref('int_stock_daily') }}
    group by item_id
),

ages as (
    select
        first_days.item_id,
        least({{ weeks }}, cast(floor(({{ days_between('first_days.first_date', 'parameters.as_of') }} + 1) / 7) as bigint)) as weeks_known
    from first_days
    cross join parameters
),

dated as (
    select
        shipments.item_id,
        cast(floor({{ days_between('shipments.shipped_date', 'parameters.as_of') }} / 7) as bigint) as weeks_ago,
        shipments.qty_units
    from {{ ref('stg_wms__shipments') }} as shipments
    cross join parameters
),

weekly as (
    select
        item_id,
        weeks_ago,
        cast(sum(qty_units) as bigint) as units
    from dated
    group by item_id, weeks_ago
),

sums as (
    select
        ages.item_id,
        ages.weeks_known,
        coalesce(sum(weekly.units), 0) as class_units,
        coalesce(sum(case when weekly.weeks_ago < ages.weeks_known then weekly.units end), 0) as units,
        coalesce(sum(case when weekly.weeks_ago < ages.weeks_known then weekly.units * weekly.units end), 0) as squares
    from ages
    left join weekly on ages.item_id = weekly.item_id and weekly.weeks_ago < {{ weeks }}
    group by ages.item_id, ages.weeks_known
)

select
    item_id,
    weeks_known,
    cast(class_units as bigint) as class_units,
    case
        when units > 0 then sqrt({{ to_double('weeks_known * squares - units * units') }}) / {{ to_double('units') }}
    end as weekly_units_cv
from sums
