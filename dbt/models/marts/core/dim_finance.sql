{{ config(tags=['facts']) }}

-- Each figure by itself comes from the narrowest scope that gives it: location, category, network, and then the policy.

{% set rates = ['capital_rate', 'insurance_rate', 'obsolescence_rate'] %}

with finance as (
    select * from {{ ref('stg_fin__parameters') }}
),

categories as (
    select distinct category
    from {{ ref('dim_item') }}
)

select
    locations.location_id,
    categories.category,
    {% for rate in rates %}
    cast(
        coalesce(by_location.{{ rate }}, by_category.{{ rate }}, network.{{ rate }}, parameters.{{ rate }}) as double precision
    ) as {{ rate }},
    {% endfor %}
    cast(
        coalesce(
            by_location.lost_sale_penalty_usd_per_unit,
            by_category.lost_sale_penalty_usd_per_unit,
            network.lost_sale_penalty_usd_per_unit,
            0
        ) as decimal(18, 4)
    ) as lost_sale_penalty_usd_per_unit,
    network.transfer_budget_usd_per_week
from {{ ref('dim_location') }} as locations
cross join categories
cross join {{ ref('stg_ledger__run_parameters') }} as parameters
left join finance as by_location on by_location.scope = 'location' and locations.location_id = by_location.scope_id
left join finance as by_category on by_category.scope = 'category' and categories.category = by_category.scope_id
left join finance as network on network.scope = 'network'
