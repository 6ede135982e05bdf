{{ config(tags=['facts']) }}

-- Transfer lines planned (or, when another system planned them, released) in the window, seen from the destination.
-- The yield is taken over lines that have arrived: what is still on the road is not lost.

with parameters as (
    select
        as_of,
        window_start,
        window_days
    from {{ ref('stg_ledger__run_parameters') }}
),

lines as (
    select
        transfers.destination as location_id,
        transfers.item_id,
        items.category,
        transfers.qty_planned,
        transfers.qty_approved,
        transfers.qty_shipped,
        transfers.qty_received,
        transfers.qty_damaged,
        transfers.qty_short,
        transfers.lead_time_days,
        case when transfers.received_at is not null then transfers.qty_shipped end as qty_arrived,
        case when transfers.received_at is not null then transfers.qty_received end as qty_arrived_good,
        case when transfers.received_at is not null and transfers.expected_arrival_date is not null then 1 end as lines_promised,
        case when cast(transfers.received_at as date) <= transfers.expected_arrival_date then 1 end as lines_on_time,
        {{ to_exact('transfers.benefit_usd') }} as benefit_usd,
        {{ to_exact('transfers.cost_usd') }} as cost_usd
    from {{ ref('fct_transfers') }} as transfers
    inner join {{ ref('dim_item') }} as items on transfers.item_id = items.item_id
    cross join parameters
    where
        coalesce(transfers.plan_as_of, cast(coalesce(transfers.released_at, transfers.shipped_at) as date))
        between parameters.window_start and parameters.as_of
),

sums as (
    select
        {{ kpi_level_columns() }},
        count(*) as lines_planned,
        {{ sum_units('qty_planned') }} as units_planned,
        {{ sum_units('qty_approved') }} as units_approved,
        {{ sum_units('qty_shipped') }} as units_shipped,
        {{ sum_units('qty_received') }} as units_received,
        {{ sum_units('qty_damaged') }} as units_damaged,
        {{ sum_units('qty_short') }} as units_short,
        count(lead_time_days) as lines_received,
        {{ sum_units('cast(lead_time_days as bigint)') }} as lead_time_days_total,
        {{ sum_units('qty_arrived') }} as units_arrived,
        {{ sum_units('qty_arrived_good') }} as units_arrived_good,
        count(lines_promised) as lines_promised,
        count(lines_on_time) as lines_on_time,
        coalesce(sum(benefit_usd), 0) as benefit_usd,
        coalesce(sum(cost_usd), 0) as cost_usd
    from lines
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_scope() }} as scope,
    level,
    location_id,
    item_id,
    category,
    parameters.window_days,
    lines_planned,
    lines_received,
    units_planned,
    units_approved,
    units_shipped,
    units_received,
    units_damaged,
    units_short,
    {{ safe_ratio('units_approved', 'units_planned') }} as approved_share,
    {{ safe_ratio('units_arrived_good', 'units_arrived') }} as yield_share,
    {{ safe_ratio('lines_on_time', 'lines_promised') }} as on_time_share,
    {{ safe_ratio('lead_time_days_total', 'lines_received') }} as mean_lead_time_days,
    {{ to_double('benefit_usd') }} as planned_benefit_usd,
    {{ to_double('cost_usd') }} as planned_cost_usd,
    {{ null_reason('units_arrived', 'no transfer of the window has arrived') }} as null_reason
from sums
cross join parameters
