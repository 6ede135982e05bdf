{{ config(tags=['facts']) }}

with sums as (
    select
        {{ kpi_level_columns() }},
        max(window_days) as window_days,
        sum(cogs_usd) as cogs_usd,
        sum(inventory_value_usd_days) as inventory_value_usd_days
    from {{ ref('int_window_pairs') }}
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    window_days,
    {{ to_double('cogs_usd') }} as cogs_usd,
    {{ safe_ratio('inventory_value_usd_days', 'window_days') }} as mean_inventory_value_usd,
    {{ safe_ratio('cogs_usd * 365', 'inventory_value_usd_days') }} as turns_per_year,
    {{ null_reason('inventory_value_usd_days', 'no inventory in the window') }} as null_reason
from sums
