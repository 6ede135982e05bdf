select
    scope,
    scope_id,
    capital_rate,
    insurance_rate,
    obsolescence_rate,
    lost_sale_penalty_usd_per_unit,
    transfer_budget_usd_per_week
from {{ source('lake', 'fin_parameters') }}
qualify {{ in_newest_snapshot() }}
