{{ config(tags=['facts']) }}

-- By order, not by line: at each level an order is the set of its lines at that level. It is due when its last line is,
-- and on time in full when every one of those lines is. A cancelled line was not delivered.

with parameters as (
    {{ kpi_window() }}
),

lines as (
    select
        orders.order_id,
        orders.location_id,
        orders.item_id,
        items.category,
        orders.due_date,
        orders.is_on_time_in_full
    from {{ ref('fct_orders') }} as orders
    inner join {{ ref('dim_item') }} as items on orders.item_id = items.item_id
),

orders as (
    select
        order_id,
        {{ kpi_level_columns() }},
        max(due_date) as due_date,
        bool_and(is_on_time_in_full) as is_on_time_in_full
    from lines
    group by grouping sets (
        (order_id, location_id, item_id, category),
        (order_id, item_id, category),
        (order_id, category),
        (order_id, location_id),
        (order_id)
    )
),

sums as (
    select
        orders.level,
        orders.location_id,
        orders.item_id,
        orders.category,
        parameters.window_days,
        count(*) as orders_due,
        count(case when orders.is_on_time_in_full then 1 end) as orders_otif
    from orders
    cross join parameters
    where orders.due_date between parameters.window_start and parameters.as_of
    group by orders.level, orders.location_id, orders.item_id, orders.category, parameters.window_days
),

all_sums as (
    select * from sums
    union all
    select
        'network' as level,
        null as location_id,
        null as item_id,
        null as category,
        parameters.window_days,
        0 as orders_due,
        0 as orders_otif
    from parameters
    where not exists (select 1 from sums)
)

select
    {{ kpi_head() }},
    window_days,
    orders_due,
    orders_otif,
    {{ safe_ratio('orders_otif', 'orders_due') }} as otif_rate,
    {{ null_reason('orders_due', 'no orders due in the window') }} as null_reason
from all_sums
