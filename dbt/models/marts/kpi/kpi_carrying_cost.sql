{{ config(tags=['facts']) }}

-- Rates may differ from pair to pair, so that money is summed and not rates averaged; in decimals, since sums of doubles depend on order.

{% set rates = ['capital', 'insurance', 'obsolescence'] %}

with pairs as (
    select
        pairs.location_id,
        pairs.item_id,
        pairs.category,
        pairs.window_days,
        pairs.inventory_value_usd_days,
        {% for rate in rates %}
        cast(pairs.inventory_value_usd_days as decimal(20, 4))
        * cast(coalesce(finance.{{ rate }}_rate, parameters.{{ rate }}_rate) as decimal(14, 10)) as {{ rate }}_usd_days,
        {% endfor %}
        cast(pairs.volume_m3_days * cast(locations.storage_cost_usd_per_m3_day as decimal(8, 4)) as decimal(28, 6)) as storage_cost_usd
    from {{ ref('int_window_pairs') }} as pairs
    left join {{ ref('dim_location') }} as locations on pairs.location_id = locations.location_id
    left join {{ ref('dim_finance') }} as finance
        on pairs.location_id = finance.location_id and pairs.category = finance.category
    cross join {{ ref('stg_ledger__run_parameters') }} as parameters
),

sums as (
    select
        {{ kpi_level_columns() }},
        max(window_days) as window_days,
        sum(inventory_value_usd_days) as inventory_value_usd_days,
        {% for rate in rates %}
        sum({{ rate }}_usd_days) as {{ rate }}_usd_days,
        {% endfor %}
        sum(storage_cost_usd) as storage_cost_usd
    from pairs
    {{ kpi_grouping_sets() }}
)

select
    {{ kpi_head() }},
    window_days,
    {{ safe_ratio('inventory_value_usd_days', 'window_days') }} as mean_inventory_value_usd,
    {% for rate in rates %}
    {{ safe_ratio(rate ~ '_usd_days', '365') }} as {{ rate }}_cost_usd,
    {% endfor %}
    {{ to_double('storage_cost_usd') }} as storage_cost_usd,
    {{ safe_ratio('capital_usd_days + insurance_usd_days + obsolescence_usd_days', '365') }}
    + {{ to_double('storage_cost_usd') }} as carrying_cost_usd,
    {{ null_reason('window_days', 'no stock in the window') }} as null_reason
from sums
