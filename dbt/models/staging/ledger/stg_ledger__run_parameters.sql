select
    as_of,
    run_id,
    window_days,
    slow_moving_days,
    capital_rate,
    insurance_rate,
    obsolescence_rate,
    service_a,
    service_b,
    service_c,
    review_period_days,
    supplier_lead_time_days,
    {{ add_days('as_of', '1 - window_days') }} as window_start
from {{ source('lake', 'run_parameters') }}
