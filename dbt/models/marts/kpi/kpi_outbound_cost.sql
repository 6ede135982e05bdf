{{ config(tags=['facts']) }}

-- A parcel is what one location ships of an order to a region, however many lines it has. Walk-in customers take their goods along.
-- Distance is told by the transit days of the customer lane; an order without a lane is counted and has no cost.

{% set levels = {'location': ['location_id'], 'region': ['ship_to_region'], 'distance_band': ['distance_band']} %}

with parameters as (
    {{ kpi_window() }}
),

parcels as (
    select distinct
        orders.order_id,
        orders.location_id,
        orders.ship_to_region
    from {{ ref('fct_orders') }} as orders
    cross join parameters
    where
        orders.first_shipped_date between parameters.window_start and parameters.as_of
        and orders.ship_to_region is not null
),

priced as (
    select
        parcels.location_id,
        parcels.ship_to_region,
        lanes.cost_usd_per_order,
        lanes.transit_days,
        case
            when lanes.transit_days is null then 'no lane'
            when lanes.transit_days <= 1 then 'up to 1 day'
            when lanes.transit_days <= 3 then '1 to 3 days'
            when lanes.transit_days <= 5 then '3 to 5 days'
            else 'over 5 days'
        end as distance_band
    from parcels
    left join {{ ref('stg_tms__customer_lanes') }} as lanes
        on parcels.location_id = lanes.location_id and parcels.ship_to_region = lanes.ship_to_region
),

sums as (
    select
        {{ kpi_own_level(levels) }},
        location_id,
        ship_to_region,
        distance_band,
        count(*) as orders_shipped,
        count(cost_usd_per_order) as orders_priced,
        coalesce(sum(cost_usd_per_order), 0) as outbound_cost_usd,
        sum(cast(transit_days as decimal(10, 4))) as transit_days
    from priced
    {{ kpi_own_grouping_sets(levels) }}
)

select
    {{ kpi_own_scope(levels) }} as scope,
    sums.level,
    sums.location_id,
    sums.ship_to_region,
    sums.distance_band,
    parameters.window_days,
    sums.orders_shipped,
    sums.orders_priced,
    {{ to_double('sums.outbound_cost_usd') }} as outbound_cost_usd,
    {{ safe_ratio('sums.outbound_cost_usd', 'sums.orders_priced') }} as cost_usd_per_order,
    {{ safe_ratio('sums.transit_days', 'sums.orders_priced') }} as mean_transit_days,
    {{ null_reason('sums.orders_priced', 'no order shipped over a customer lane in the window') }} as null_reason
from sums
cross join parameters
