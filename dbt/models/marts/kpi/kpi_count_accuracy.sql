{{ config(tags=['facts']) }}

-- Accuracy is of the counts in the window. Phantom stock is what the newest count of a lot, however old, missed and no negative
-- adjustment since has taken off the books: units that the system offers and nobody finds.

with parameters as (
    {{ kpi_window() }}
),

counts as (
    select
        counts.*,
        cast(counts.counted_at as date) >= parameters.window_start as is_in_window,
        row_number() over (
            partition by counts.location_id, counts.item_id, counts.lot_id
            order by counts.counted_at desc
        ) = 1 as is_newest
    from {{ ref('stg_wms__counts') }} as counts
    cross join parameters
),

adjustments as (
    select
        counts.location_id,
        counts.item_id,
        counts.lot_id,
        -sum(movements.qty_units) as units
    from counts
    inner join {{ ref('stg_wms__movements') }} as movements
        on
            counts.location_id = movements.location_id
            and counts.item_id = movements.item_id
            and counts.lot_id is not distinct from movements.lot_id
            and counts.counted_at <= movements.moved_at
    where counts.is_newest and movements.type = 'adjust' and movements.qty_units < 0
    group by counts.location_id, counts.item_id, counts.lot_id
),

pairs as (
    select
        counts.location_id,
        counts.item_id,
        items.category,
        items.unit_cost_usd,
        count(case when counts.is_in_window then 1 end) as counts_made,
        count(case when counts.is_in_window and counts.counted_units = counts.system_units then 1 end) as counts_right,
        sum(case when counts.is_in_window then counts.system_units else 0 end) as system_units,
        sum(case when counts.is_in_window then abs(counts.counted_units - counts.system_units) else 0 end) as wrong_units,
        sum(case when counts.is_in_window then counts.counted_units - counts.system_units else 0 end) as net_units,
        sum(
            case
                when counts.is_newest then greatest(counts.system_units - counts.counted_units - coalesce(adjustments.units, 0), 0)
                else 0
            end
        ) as phantom_units
    from counts
    inner join {{ ref('dim_item') }} as items on counts.item_id = items.item_id
    left join adjustments
        on
            counts.location_id = adjustments.location_id
            and counts.item_id = adjustments.item_id
            and counts.lot_id is not distinct from adjustments.lot_id
    group by counts.location_id, counts.item_id, items.category, items.unit_cost_usd
),

sums as (
    select
        {{ kpi_level_columns() }},
        {{ sum_units('counts_made') }} as counts_made,
        {{ sum_units('counts_right') }} as counts_right,
        {{ sum_units('system_units') }} as system_units,
        {{ sum_units('wrong_units') }} as wrong_units,
        {{ sum_units('net_units') }} as net_units,
        {{ sum_units('phantom_units') }} as phantom_units,
        count(case when phantom_units > 0 then 1 end) as phantom_pairs,
        coalesce(sum({{ to_exact('phantom_units * unit_cost_usd') }}), 0) as phantom_value_usd
    from pairs
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    parameters.window_days,
    counts_made,
    counts_right,
    {{ safe_ratio('counts_right', 'counts_made') }} as accuracy_share,
    {{ safe_ratio('wrong_units', 'system_units') }} as wrong_units_share,
    net_units,
    phantom_pairs,
    phantom_units,
    {{ to_double('phantom_value_usd') }} as phantom_value_usd,
    {{ null_reason('counts_made', 'no counts in the window') }} as null_reason
from sums
cross join parameters
