{{ config(tags=['facts']) }}

-- Units that a transfer brought to a location and another transfer took away again within the window. A pair cannot churn
-- more than came in, nor more than left after the first arrival was under way.

with parameters as (
    select
        as_of,
        window_start,
        window_days
    from {{ ref('stg_ledger__run_parameters') }}
),

shipped as (
    select
        transfers.item_id,
        transfers.origin,
        transfers.destination,
        transfers.shipped_at,
        transfers.qty_shipped
    from {{ ref('fct_transfers') }} as transfers
    cross join parameters
    where cast(transfers.shipped_at as date) between parameters.window_start and parameters.as_of
),

arrivals as (
    select
        destination as location_id,
        item_id,
        min(shipped_at) as first_shipped_at,
        {{ sum_units('qty_shipped') }} as units_in
    from shipped
    group by destination, item_id
),

departures as (
    select
        arrivals.location_id,
        arrivals.item_id,
        {{ sum_units('shipped.qty_shipped') }} as units_out
    from arrivals
    inner join shipped
        on
            arrivals.location_id = shipped.origin
            and arrivals.item_id = shipped.item_id
            and arrivals.first_shipped_at < shipped.shipped_at
    group by arrivals.location_id, arrivals.item_id
),

pairs as (
    select
        arrivals.location_id,
        arrivals.item_id,
        items.category,
        arrivals.units_in,
        least(arrivals.units_in, coalesce(departures.units_out, 0)) as units_churned
    from arrivals
    inner join {{ ref('dim_item') }} as items on arrivals.item_id = items.item_id
    left join departures
        on arrivals.location_id = departures.location_id and arrivals.item_id = departures.item_id
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
    {{ kpi_scope() }} as scope,
    level,
    location_id,
    item_id,
    category,
    parameters.window_days,
    units_moved,
    units_churned,
    {{ safe_ratio('units_churned', 'units_moved') }} as churn_share,
    {{ null_reason('units_moved', 'no transfer shipped in the window') }} as null_reason
from sums
cross join parameters
