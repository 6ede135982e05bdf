{{ config(tags=['facts']) }}

-- An event about something that no master knows is kept and marked, so that nobody wonders where it went.

with categories as (
    select distinct category
    from {{ ref('dim_item') }}
)

select
    events.event_id,
    events.scope,
    events.scope_id,
    events.kind,
    events.start_date,
    events.end_date,
    events.expected_uplift_share,
    coalesce(items.item_id, categories.category, locations.location_id) is not null as is_known
from {{ ref('stg_erp__events') }} as events
left join {{ ref('dim_item') }} as items on events.scope = 'item' and events.scope_id = items.item_id
left join categories on events.scope = 'category' and events.scope_id = categories.category
left join {{ ref('dim_location') }} as locations on events.scope = 'location' and events.scope_id = locations.location_id
