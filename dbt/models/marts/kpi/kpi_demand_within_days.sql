{{ config(tags=['facts']) }}

-- What customers of a region ordered in the window, cancelled lines included, against the nearest location that has the item
-- available at as_of. A region that no customer lane leads to is not known to be far: its demand is counted and left out of the share.

{% set levels = {'item': ['item_id', 'category'], 'category': ['category'], 'region': ['ship_to_region']} %}

with parameters as (
    {{ kpi_window() }}
),

demand as (
    select
        orders.ship_to_region,
        orders.item_id,
        items.category,
        sum(orders.qty_ordered_units) as units
    from {{ ref('fct_orders') }} as orders
    inner join {{ ref('dim_item') }} as items on orders.item_id = items.item_id
    cross join parameters
    where
        orders.ordered_date between parameters.window_start and parameters.as_of
        and orders.ship_to_region is not null
    group by orders.ship_to_region, orders.item_id, items.category
),

regions as (
    select distinct ship_to_region
    from {{ ref('stg_tms__customer_lanes') }}
),

nearest as (
    select
        lanes.ship_to_region,
        stock.item_id,
        min(lanes.transit_days) as transit_days
    from {{ ref('fct_plan_inputs') }} as stock
    inner join {{ ref('stg_tms__customer_lanes') }} as lanes on stock.location_id = lanes.location_id
    where stock.available_units > 0 and not stock.is_stale
    group by lanes.ship_to_region, stock.item_id
),

reached as (
    select
        demand.ship_to_region,
        demand.item_id,
        demand.category,
        demand.units,
        case when regions.ship_to_region is not null then demand.units else 0 end as known_units,
        case when nearest.transit_days <= {{ var('demand_within_days') }} then demand.units else 0 end as within_units
    from demand
    left join regions on demand.ship_to_region = regions.ship_to_region
    left join nearest on demand.ship_to_region = nearest.ship_to_region and demand.item_id = nearest.item_id
),

sums as (
    select
        {{ kpi_own_level(levels) }},
        ship_to_region,
        item_id,
        category,
        {{ sum_units('units') }} as demand_units,
        {{ sum_units('known_units') }} as known_units,
        {{ sum_units('within_units') }} as within_units
    from reached
    {{ kpi_own_grouping_sets(levels) }}
)

select
    {{ kpi_own_scope(levels) }} as scope,
    sums.level,
    sums.ship_to_region,
    sums.item_id,
    sums.category,
    parameters.window_days,
    cast({{ var('demand_within_days') }} as bigint) as within_days,
    sums.demand_units,
    sums.known_units,
    sums.within_units,
    {{ safe_ratio('sums.within_units', 'sums.known_units') }} as within_share,
    {{ null_reason('sums.known_units', 'no demand from a region with a customer lane in the window') }} as null_reason
from sums
cross join parameters
