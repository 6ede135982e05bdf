{{ config(tags=['facts']) }}

-- Only locations with a known capacity count for the network, on both sides of the ratio.

with volumes as (
    select
        inputs.location_id,
        sum(cast(inputs.on_hand_units as decimal(18, 0)) * cast(items.volume_m3 as decimal(12, 6))) as volume_m3
    from {{ ref('fct_plan_inputs') }} as inputs
    inner join {{ ref('dim_item') }} as items on inputs.item_id = items.item_id
    group by inputs.location_id
),

locations as (
    select
        locations.location_id,
        coalesce(volumes.volume_m3, 0) as volume_m3,
        locations.storage_capacity_m3 as capacity_m3
    from {{ ref('dim_location') }} as locations
    left join volumes on locations.location_id = volumes.location_id
),

sums as (
    select
        'location' as level,
        location_id,
        volume_m3,
        capacity_m3
    from locations
    union all
    select
        'network' as level,
        null as location_id,
        sum(volume_m3) as volume_m3,
        sum(capacity_m3) as capacity_m3
    from locations
    where capacity_m3 is not null
)

select
    case when level = 'network' then level else level || ':' || location_id end as scope,
    level,
    location_id,
    {{ to_double('volume_m3') }} as volume_m3,
    {{ to_double('capacity_m3') }} as capacity_m3,
    {{ safe_ratio('volume_m3', 'capacity_m3') }} as utilisation_share,
    volume_m3 > capacity_m3 as is_over_capacity,
    {{ null_reason('capacity_m3', 'capacity unknown') }} as null_reason
from sums
