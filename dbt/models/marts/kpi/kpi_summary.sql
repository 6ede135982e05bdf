{{ config(tags=['decisions']) }}

{% set figures = [
    ('inventory_turnover', 'kpi_turnover', 'turns_per_year', 'turns per year'),
    ('days_on_hand', 'kpi_days_on_hand', 'days_on_hand', 'days'),
    ('forward_cover', 'kpi_forward_cover', 'forward_cover_days', 'days'),
    ('otif', 'kpi_otif', 'otif_rate', 'share of orders'),
    ('line_fill_rate', 'kpi_fill_rate', 'line_fill_rate', 'share of lines'),
    ('unit_fill_rate', 'kpi_fill_rate', 'unit_fill_rate', 'share of units'),
    ('in_stock_rate', 'kpi_in_stock_rate', 'in_stock_rate', 'share of opening hours'),
    ('mean_inventory_value', 'kpi_carrying_cost', 'mean_inventory_value_usd', 'usd'),
    ('carrying_cost', 'kpi_carrying_cost', 'carrying_cost_usd', 'usd in the window'),
    ('excess_units', 'kpi_excess_deficit', 'excess_units', 'units'),
    ('excess_value', 'kpi_excess_deficit', 'excess_value_usd', 'usd'),
    ('deficit_units', 'kpi_excess_deficit', 'deficit_units', 'units'),
    ('imbalance', 'kpi_imbalance', 'imbalance', 'share of stock value'),
    ('slow_moving', 'kpi_slow_moving', 'slow_value_share', 'share of stock value'),
    ('storage_utilisation', 'kpi_storage_utilisation', 'utilisation_share', 'share of capacity'),
    ('transfer_yield', 'kpi_transfer_performance', 'yield_share', 'share of units'),
    ('transfer_lead_time', 'kpi_transfer_performance', 'mean_lead_time_days', 'days'),
    ('transfer_churn', 'kpi_churn', 'churn_share', 'share of units'),
    ('outbound_cost', 'kpi_outbound_cost', 'cost_usd_per_order', 'usd per order'),
    ('demand_within_days', 'kpi_demand_within_days', 'within_share', 'share of demand within ' ~ var('demand_within_days') ~ ' days'),
    ('count_accuracy', 'kpi_count_accuracy', 'accuracy_share', 'share of counts'),
] %}

with figures as (
    {% for kpi, model, column, unit in figures %}
    select
        {{ loop.index }} as position,
        '{{ kpi }}' as kpi,
        {{ column }} as value,
        '{{ unit }}' as unit,
        null_reason,
        {{ var('churn_days') if model == 'kpi_churn' else 'null' }} as own_window_days
    from {{ ref(model) }}
    where level = 'network'
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    figures.position,
    figures.kpi,
    figures.value,
    figures.unit,
    figures.null_reason,
    cast(coalesce(figures.own_window_days, parameters.window_days) as bigint) as window_days,
    parameters.as_of,
    parameters.run_id
from figures
cross join {{ ref('stg_ledger__run_parameters') }} as parameters
