{{ config(tags=['facts']) }}

with sums as (
    select
        {{ kpi_level_columns() }},
        max(window_days) as window_days,
        {{ sum_units('ranged_days') }} as ranged_days,
        {{ sum_units('in_stock_at_close_days') }} as in_stock_at_close_days,
        {{ sum_units('in_stock_seconds') }} as in_stock_seconds
    from {{ ref('int_window_pairs') }}
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    window_days,
    ranged_days,
    in_stock_at_close_days,
    {{ safe_ratio('in_stock_seconds', '43200') }} as in_stock_days,
    {{ safe_ratio('in_stock_seconds', 'ranged_days * 43200') }} as in_stock_rate,
    {{ safe_ratio('in_stock_at_close_days', 'ranged_days') }} as in_stock_at_close_rate,
    {{ null_reason('ranged_days', 'nothing ranged in the window') }} as null_reason
from sums
