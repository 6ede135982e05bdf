select
    location_id,
    item_id,
    method,
    mean_daily_units,
    safety_stock_units,
    reorder_point_units,
    target_units,
    uses_prior,
    {{ to_exact('mean_daily_units') }} as mean_daily_exact,
    {{ to_exact('reorder_point_units') }} as reorder_point_exact,
    {{ to_exact('target_units') }} as target_exact
from {{ source('lake', 'forecast_summary') }}
