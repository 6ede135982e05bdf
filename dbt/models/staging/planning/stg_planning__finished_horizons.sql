select
    forecast_as_of,
    forecast_run_id,
    location_id,
    item_id,
    horizon_days,
    {{ to_exact('forecast_units') }} as forecast_exact,
    {{ to_exact('statistical_units') }} as statistical_exact,
    {{ to_exact('q95_units') }} as q95_exact,
    {{ to_exact('naive_units') }} as naive_exact,
    {{ to_exact('actual_units') }} as actual_exact,
    naive_rmse_units,
    in_stock_share,
    null_reason
from {{ source('lake', 'finished_horizons') }}
