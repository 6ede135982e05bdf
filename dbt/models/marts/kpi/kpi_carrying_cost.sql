{{ config(tags=['facts']) }}

with pairs as (
    select
        pairs.location_id,
        pairs.item_id,
        pairs.category,
        pairs.window_days,
        pairs.inventory_value_usd_days,
        cast(pairs.volume_m3_days * cast(locations.storage_cost_usd_per_m3_day as decimal(8, 4)) as decimal(28, 6)) as storage_cost_usd
    from {{ ref('int_window_pairs') }} as pairs
    left join {{ ref('dim_location') }} as locations on pairs.location_id = locations.location_id
),

sums as (
    select
        {{ kpi_level_columns() }},
        max(window_days) as window_days,
        sum(inventory_value_usd_days) as inventory_value_usd_days,
        sum(storage_cost_usd) as storage_cost_usd
    from pairs
    {{ kpi_grouping_sets() }}
),

costs as (
    select
        sums.*,
        {{ safe_ratio('sums.inventory_value_usd_days', '365') }} as value_usd_years,
        {{ to_double('parameters.capital_rate') }} as capital_rate,
        {{ to_double('parameters.insurance_rate') }} as insurance_rate,
        {{ to_double('parameters.obsolescence_rate') }} as obsolescence_rate
    from sums
    cross join {{ ref('stg_ledger__run_parameters') }} as parameters
)

select
    {{ kpi_scope() }} as scope,
    level,
    location_id,
    item_id,
    category,
    window_days,
    {{ safe_ratio('inventory_value_usd_days', 'window_days') }} as mean_inventory_value_usd,
    value_usd_years * capital_rate as capital_cost_usd,
    value_usd_years * insurance_rate as insurance_cost_usd,
    value_usd_years * obsolescence_rate as obsolescence_cost_usd,
    {{ to_double('storage_cost_usd') }} as storage_cost_usd,
    value_usd_years * (capital_rate + insurance_rate + obsolescence_rate) + {{ to_double('storage_cost_usd') }} as carrying_cost_usd,
    {{ null_reason('window_days', 'no stock in the window') }} as null_reason
from costs
