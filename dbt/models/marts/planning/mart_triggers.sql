{{ config(tags=['decisions']) }}

select
    event_id,
    type,
    scope,
    location_id,
    item_id,
    category,
    found_on,
    evidence,
    verdict,
    cooldown_until
from {{ ref('stg_planning__trigger_events') }}
