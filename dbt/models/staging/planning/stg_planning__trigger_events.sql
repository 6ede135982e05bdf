select
    event_id,
    type,
    scope,
    nullif(location_id, '') as location_id,
    nullif(item_id, '') as item_id,
    nullif(category, '') as category,
    found_on,
    evidence,
    verdict,
    cooldown_until
from {{ source('lake', 'trigger_events') }}
