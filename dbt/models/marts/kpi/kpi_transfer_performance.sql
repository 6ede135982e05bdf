{{ config(tags=['facts']) }}

-- Every figure belongs to the window in which it happened: planned and approved units by the date of the plan (for transfers
-- that another system planned: of the release), shipped units by the shipping date, and what arrived, its yield, lead time and
-- punctuality by the date of receipt. Seen from the destination.

with parameters as (
    {{ kpi_window() }}
),

dated as (
    select
        transfers.*,
        coalesce(transfers.plan_as_of, cast(coalesce(transfers.released_at, transfers.shipped_at) as date))
        between parameters.window_start and parameters.as_of as is_planned,
        cast(transfers.shipped_at as date) between parameters.window_start and parameters.as_of as is_shipped,
        cast(transfers.received_at as date) between parameters.window_start and parameters.as_of as is_received
    from {{ ref('fct_transfers') }} as transfers
    cross join parameters
),

lines as (
    select
        dated.destination as location_id,
        dated.item_id,
        items.category,
        case when dated.is_planned then 1 end as planned_line,
        case when dated.is_received then 1 end as received_line,
        case when dated.is_planned then dated.qty_planned end as qty_planned,
        case when dated.is_planned then dated.qty_approved end as qty_approved,
        case when dated.is_shipped then dated.qty_shipped end as qty_shipped,
        case when dated.is_received then dated.qty_shipped end as qty_arrived,
        case when dated.is_received then dated.qty_received end as qty_received,
        case when dated.is_received then dated.qty_damaged end as qty_damaged,
        case when dated.is_received then dated.qty_short end as qty_short,
        case when dated.is_received then cast(dated.lead_time_days as bigint) end as lead_time_days,
        case when dated.is_received and dated.expected_arrival_date is not null then 1 end as promised_line,
        case
            when dated.is_received and cast(dated.received_at as date) <= dated.expected_arrival_date then 1
        end as punctual_line,
        case when dated.is_planned then {{ to_exact('dated.benefit_usd') }} end as benefit_usd,
        case when dated.is_planned then {{ to_exact('dated.cost_usd') }} end as cost_usd
    from dated
    inner join {{ ref('dim_item') }} as items on dated.item_id = items.item_id
    where dated.is_planned or dated.is_shipped or dated.is_received
),

sums as (
    select
        {{ kpi_level_columns() }},
        count(planned_line) as lines_planned,
        count(received_line) as lines_received,
        {{ sum_units('qty_planned') }} as units_planned,
        {{ sum_units('qty_approved') }} as units_approved,
        {{ sum_units('qty_shipped') }} as units_shipped,
        {{ sum_units('qty_arrived') }} as units_arrived,
        {{ sum_units('qty_received') }} as units_received,
        {{ sum_units('qty_damaged') }} as units_damaged,
        {{ sum_units('qty_short') }} as units_short,
        {{ sum_units('lead_time_days') }} as lead_time_days_total,
        count(lead_time_days) as lead_time_lines,
        count(promised_line) as promised_lines,
        count(punctual_line) as punctual_lines,
        coalesce(sum(benefit_usd), 0) as benefit_usd,
        coalesce(sum(cost_usd), 0) as cost_usd
    from lines
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    parameters.window_days,
    lines_planned,
    lines_received,
    units_planned,
    units_approved,
    units_shipped,
    units_arrived,
    units_received,
    units_damaged,
    units_short,
    {{ safe_ratio('units_approved', 'units_planned') }} as approved_share,
    {{ safe_ratio('units_received', 'units_arrived') }} as yield_share,
    {{ safe_ratio('punctual_lines', 'promised_lines') }} as on_time_share,
    {{ safe_ratio('lead_time_days_total', 'lead_time_lines') }} as mean_lead_time_days,
    {{ to_double('benefit_usd') }} as planned_benefit_usd,
    {{ to_double('cost_usd') }} as planned_cost_usd,
    {{ null_reason('units_arrived', 'no transfer received in the window') }} as null_reason
from sums
cross join parameters
