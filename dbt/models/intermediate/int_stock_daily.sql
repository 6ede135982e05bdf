{{ config(materialized='table', tags=['facts']) }}

-- One row per pair and day without gaps. A day on which the location reported is what the report says (no row: nothing there).
-- A day without a report is rolled forward from the last report by the movements since, and marked.

with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

stock as (
    select
        location_id,
        item_id,
        date,
        sum(on_hand) as on_hand,
        sum(reserved) as reserved,
        sum(blocked) as blocked
    from {{ ref('stg_wms__stock') }}
    group by location_id, item_id, date
),

reports as (
    select distinct
        location_id,
        date
    from stock
),

pairs as (
    select
        location_id,
        item_id,
        min(date) as first_date
    from stock
    group by location_id, item_id
),

bounds as (
    select
        min(pairs.first_date) as first_date,
        max(parameters.as_of) as last_date
    from pairs
    cross join parameters
),

calendar as (
    {{ each_day('(select first_date from bounds)', '(select last_date from bounds)') }}
),

movements as (
    select
        location_id,
        item_id,
        date,
        sum(qty_units) as net_units,
        sum(case when type = 'scrap' then qty_units else 0 end) as scrap_units
    from {{ ref('stg_wms__movements') }}
    group by location_id, item_id, date
),

spine as (
    select
        pairs.location_id,
        pairs.item_id,
        calendar.date,
        reports.date is not null as is_reported,
        case when reports.date is not null then coalesce(stock.on_hand, 0) end as on_hand,
        case when reports.date is not null then coalesce(stock.reserved, 0) end as reserved,
        case when reports.date is not null then coalesce(stock.blocked, 0) end as blocked,
        coalesce(movements.net_units, 0) as net_units,
        coalesce(movements.scrap_units, 0) as scrap_units,
        sum(coalesce(movements.net_units, 0)) over (
            partition by pairs.location_id, pairs.item_id
            order by calendar.date
            rows between unbounded preceding and current row
        ) as running_units
    from pairs
    inner join calendar on pairs.first_date <= calendar.date
    left join reports
        on pairs.location_id = reports.location_id and calendar.date = reports.date
    left join stock
        on pairs.location_id = stock.location_id and pairs.item_id = stock.item_id and calendar.date = stock.date
    left join movements
        on pairs.location_id = movements.location_id and pairs.item_id = movements.item_id and calendar.date = movements.date
),

rolled as (
    select
        location_id,
        item_id,
        date,
        is_reported,
        net_units,
        scrap_units,
        running_units + last_value(on_hand - running_units ignore nulls) over last_report as on_hand,
        last_value(reserved ignore nulls) over last_report as reserved,
        last_value(blocked ignore nulls) over last_report as blocked
    from spine
    window last_report as (
        partition by location_id, item_id
        order by date
        rows between unbounded preceding and current row
    )
)

select
    location_id,
    item_id,
    date,
    is_reported,
    cast(net_units as bigint) as net_units,
    cast(scrap_units as bigint) as scrap_units,
    cast(greatest(on_hand, 0) as bigint) as on_hand_units,
    cast(reserved as bigint) as reserved_units,
    cast(blocked as bigint) as blocked_units
from rolled
