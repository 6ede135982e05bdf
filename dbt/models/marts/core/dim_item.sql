{{ config(tags=['facts']) }}

with items as (
    select
        *,
        cast(unit_price_usd - unit_cost_usd as decimal(18, 4)) as unit_margin_usd
    from {{ ref('stg_erp__items') }}
),

demand as (
    select * from {{ ref('int_item_demand') }}
),

margins as (
    select
        items.item_id,
        greatest({{ to_exact('items.unit_margin_usd * coalesce(demand.class_units, 0)') }}, 0) as margin_usd,
        demand.weekly_units_cv,
        coalesce(demand.weeks_known, 0) as weeks_known
    from items
    left join demand on items.item_id = demand.item_id
),

ranked as (
    select
        item_id,
        margin_usd,
        weekly_units_cv,
        weeks_known,
        sum(margin_usd) over () as total_margin_usd,
        sum(margin_usd) over (
            order by margin_usd desc, item_id asc
            rows between unbounded preceding and current row
        ) - margin_usd as margin_before_usd
    from margins
),

classes as (
    select
        item_id,
        case
            when margin_usd = 0 then 'C'
            when margin_before_usd * 100 < total_margin_usd * {{ var('abc_a_percent') }} then 'A'
            when margin_before_usd * 100 < total_margin_usd * {{ var('abc_b_percent') }} then 'B'
            else 'C'
        end as abc_class,
        case
            when weekly_units_cv is null or weeks_known < {{ var('xyz_minimum_weeks') }} then 'Z'
            when weekly_units_cv <= {{ var('xyz_x_cv') }} then 'X'
            when weekly_units_cv <= {{ var('xyz_y_cv') }} then 'Y'
            else 'Z'
        end as xyz_class
    from ranked
)

select
    items.item_id,
    items.description,
    items.category,
    items.units_per_pack,
    items.weight_kg,
    items.volume_m3,
    items.unit_cost_usd,
    items.unit_price_usd,
    items.unit_margin_usd,
    items.shelf_life_days,
    items.lifecycle,
    items.launch_date,
    items.end_date,
    items.supplier_id,
    items.supplier_lead_time_days,
    items.review_period_days,
    classes.abc_class,
    classes.xyz_class
from items
inner join classes on items.item_id = classes.item_id
