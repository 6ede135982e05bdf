select
    event_id,
    scope,
    scope_id,
    kind,
    start_date,
    end_date,
    expected_uplift_share
from {{ source('lake', 'erp_events') }}
qualify {{ in_newest_snapshot() }}
