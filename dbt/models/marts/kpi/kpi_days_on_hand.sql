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
    {{ safe_ratio('inventory_value_usd_days', 'window_days') }} as mean_inventory_value_usd,
    {{ safe_ratio('cogs_usd', 'window_days') }} as cogs_usd_per_day,
    {{ safe_ratio('inventory_value_usd_days', 'cogs_usd') }} as days_on_hand,
    {{ null_reason('cogs_usd', 'no sales in the window') }} as null_reason
from sums
