select
    location_id,
    item_id,
    imbalance,
    {{ to_exact('imbalance_units') }} as imbalance_exact,
    option,
    {{ to_exact('option_units') }} as option_exact,
    {{ to_exact('net_usd') }} as net_exact,
    is_best
from {{ source('lake', 'dispositions') }}
