{{ config(tags=['decisions']) }}

with figures as (
    select 10 as position, 'inventory_turnover' as kpi, turns_per_year as value, 'turns per year' as unit, null_reason
    from {{ ref('kpi_turnover') }}
    where level = 'network'
    union all
    select 20, 'days_on_hand', days_on_hand, 'days', null_reason
    from {{ ref('kpi_days_on_hand') }}
    where level = 'network'
    union all
    select 30, 'forward_cover', forward_cover_days, 'days', null_reason
    from {{ ref('kpi_forward_cover') }}
    where level = 'network'
    union all
    select 40, 'otif', otif_rate, 'share of orders', null_reason
    from {{ ref('kpi_otif') }}
    where level = 'network'
    union all
    select 50, 'line_fill_rate', line_fill_rate, 'share of lines', null_reason
    from {{ ref('kpi_fill_rate') }}
    where level = 'network'
    union all
    select 60, 'unit_fill_rate', unit_fill_rate, 'share of units', null_reason
    from {{ ref('kpi_fill_rate') }}
    where level = 'network'
    union all
    select 70, 'in_stock_rate', in_stock_rate, 'share of opening hours', null_reason
    from {{ ref('kpi_in_stock_rate') }}
    where level = 'network'
    union all
    select 80, 'carrying_cost', carrying_cost_usd, 'usd in the window', null_reason
    from {{ ref('kpi_carrying_cost') }}
    where level = 'network'
    union all
    select 90, 'mean_inventory_value', mean_inventory_value_usd, 'usd', null_reason
    from {{ ref('kpi_carrying_cost') }}
    where level = 'network'
    union all
    select 100, 'excess_units', excess_units, 'units', null_reason
    from {{ ref('kpi_excess_deficit') }}
    where level = 'network'
    union all
    select 110, 'excess_value', excess_value_usd, 'usd', null_reason
    from {{ ref('kpi_excess_deficit') }}
    where level = 'network'
    union all
    select 120, 'deficit_units', deficit_units, 'units', null_reason
    from {{ ref('kpi_excess_deficit') }}
    where level = 'network'
    union all
    select 130, 'imbalance', imbalance, 'share of stock value', null_reason
    from {{ ref('kpi_imbalance') }}
    where level = 'network'
    union all
    select 140, 'transfer_yield', yield_share, 'share of units', null_reason
    from {{ ref('kpi_transfer_performance') }}
    where level = 'network'
    union all
    select 150, 'transfer_lead_time', mean_lead_time_days, 'days',
        case when mean_lead_time_days is null then 'no transfer received in the window' end
    from {{ ref('kpi_transfer_performance') }}
    where level = 'network'
    union all
    select 160, 'churn', churn_share, 'share of units', null_reason
    from {{ ref('kpi_churn') }}
    where level = 'network'
    union all
    select 170, 'slow_moving', slow_value_share, 'share of stock value', null_reason
    from {{ ref('kpi_slow_moving') }}
    where level = 'network'
    union all
    select 180, 'storage_utilisation', utilisation_share, 'share of capacity', null_reason
    from {{ ref('kpi_storage_utilisation') }}
    where level = 'network'
)

select
    figures.position,
    figures.kpi,
    figures.value,
    figures.unit,
    figures.null_reason,
    parameters.window_days,
    parameters.as_of,
    parameters.run_id
from figures
cross join {{ ref('stg_ledger__run_parameters') }} as parameters
