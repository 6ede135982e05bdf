select
    category,
    kpi,
    {{ to_exact('lower_limit') }} as lower_limit,
    {{ to_exact('upper_limit') }} as upper_limit,
    {{ to_exact('hysteresis_share') }} as hysteresis_share
from {{ source('lake', 'alert_bands') }}
