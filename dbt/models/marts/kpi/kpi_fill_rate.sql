{{ config(tags=['facts']) }}

with parameters as (
    {{ kpi_window() }}
),

lines as (
    select
        orders.location_id,
        orders.item_id,
        items.category,
        orders.qty_ordered_units,
        orders.qty_first_stock_units
    from {{ ref('fct_orders') }} as orders
    inner join {{ ref('dim_item') }} as items on orders.item_id = items.item_id
    cross join parameters
    where orders.due_date between parameters.window_start and parameters.as_of
),

sums as (
    select
        {{ kpi_level_columns() }},
        count(*) as lines_ordered,
        count(case when qty_first_stock_units >= qty_ordered_units then 1 end) as lines_filled,
        {{ sum_units('qty_ordered_units') }} as units_ordered,
        {{ sum_units('qty_first_stock_units') }} as units_filled
    from lines
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    parameters.window_days,
    lines_ordered,
    lines_filled,
    units_ordered,
    units_filled,
    {{ safe_ratio('lines_filled', 'lines_ordered') }} as line_fill_rate,
    {{ safe_ratio('units_filled', 'units_ordered') }} as unit_fill_rate,
    {{ null_reason('lines_ordered', 'no order lines due in the window') }} as null_reason
from sums
cross join parameters
