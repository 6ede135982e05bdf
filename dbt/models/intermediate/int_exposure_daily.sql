{{ config(tags=['facts']) }}

-- Seconds between 08:00 and 20:00 with sellable stock, for the days on which something moved.
-- The balance before the first movement of a day is its closing balance minus all that moved. Scrapped units were blocked
-- before, so they are taken out at the start of the day; blocked units at the close are not sellable during it.

{% set opens = 8 * 3600 %}
{% set closes = 20 * 3600 %}

with stock as (
    select
        location_id,
        item_id,
        date,
        on_hand_units - net_units + scrap_units - blocked_units as opening_sellable_units
    from {{ ref('int_stock_daily') }}
),

events as (
    select
        location_id,
        item_id,
        date,
        {{ second_of_day('moved_at') }} as at_second,
        qty_units
    from {{ ref('stg_wms__movements') }}
    where type <> 'scrap'
),

instants as (
    select
        location_id,
        item_id,
        date,
        at_second,
        sum(qty_units) as qty_units
    from events
    group by location_id, item_id, date, at_second
    union all
    select distinct
        location_id,
        item_id,
        date,
        cast(-1 as bigint) as at_second,
        0 as qty_units
    from events
),

segments as (
    select
        location_id,
        item_id,
        date,
        at_second,
        sum(qty_units) over (
            partition by location_id, item_id, date
            order by at_second
            rows between unbounded preceding and current row
        ) as moved_units,
        lead(at_second, 1, 86400) over (
            partition by location_id, item_id, date
            order by at_second
        ) as until_second
    from instants
)

select
    segments.location_id,
    segments.item_id,
    segments.date,
    cast(sum(
        case
            when stock.opening_sellable_units + segments.moved_units > 0
                then
                    least(greatest(segments.until_second, {{ opens }}), {{ closes }})
                    - least(greatest(segments.at_second, {{ opens }}), {{ closes }})
            else 0
        end
    ) as bigint) as in_stock_seconds
from segments
inner join stock
    on segments.location_id = stock.location_id and segments.item_id = stock.item_id and segments.date = stock.date
group by segments.location_id, segments.item_id, segments.date
