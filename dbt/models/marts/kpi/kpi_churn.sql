{{ config(tags=['facts']) }}

-- Units that a transfer brought to a location and another transfer took away again, both within the days of the KPI. Only what
-- has arrived can leave again: at any moment departures in excess of the arrivals so far took older stock. The largest such
-- excess, of all prefixes in order of time, is what older stock gave; the rest of the departures was moved twice.

{% set days = var('churn_days') %}

with shipped as (
    select
        transfers.item_id,
        transfers.origin,
        transfers.destination,
        transfers.shipped_at,
        transfers.received_at,
        transfers.qty_shipped
    from {{ ref('fct_transfers') }} as transfers
    cross join {{ ref('stg_ledger__run_parameters') }} as parameters
    where cast(transfers.shipped_at as date) between {{ add_days('parameters.as_of', '1 - ' ~ days) }} and parameters.as_of
),

moved as (
    select
        destination as location_id,
        item_id,
        {{ sum_units('qty_shipped') }} as units_in
    from shipped
    group by destination, item_id
),

events as (
    select
        destination as location_id,
        item_id,
        received_at as moved_at,
        qty_shipped as units_in,
        0 as units_out
    from shipped
    where received_at is not null
    union all
    select
        origin as location_id,
        item_id,
        shipped_at as moved_at,
        0 as units_in,
        qty_shipped as units_out
    from shipped
),

instants as (
    select
        location_id,
        item_id,
        moved_at,
        sum(units_in) as units_in,
        sum(units_out) as units_out
    from events
    group by location_id, item_id, moved_at
),

-- What leaves at the moment of an arrival was not in it.
excesses as (
    select
        location_id,
        item_id,
        units_out,
        sum(units_out - units_in) over (
            partition by location_id, item_id
            order by moved_at
            rows between unbounded preceding and current row
        ) + units_in as excess_units
    from instants
),

departures as (
    select
        location_id,
        item_id,
        sum(units_out) - greatest(max(excess_units), 0) as units_churned
    from excesses
    group by location_id, item_id
),

pairs as (
    select
        moved.location_id,
        moved.item_id,
        items.category,
        moved.units_in,
        coalesce(departures.units_churned, 0) as units_churned
    from moved
    inner join {{ ref('dim_item') }} as items on moved.item_id = items.item_id
    left join departures
        on moved.location_id = departures.location_id and moved.item_id = departures.item_id
),

sums as (
    select
        {{ kpi_level_columns() }},
        {{ sum_units('units_in') }} as units_moved,
        {{ sum_units('units_churned') }} as units_churned
    from pairs
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    cast({{ days }} as bigint) as window_days,
    units_moved,
    units_churned,
    {{ safe_ratio('units_churned', 'units_moved') }} as churn_share,
    {{ null_reason('units_moved', 'no transfer shipped in the window') }} as null_reason
from sums
