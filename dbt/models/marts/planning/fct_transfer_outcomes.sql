{{ config(tags=['decisions']) }}

select
    line_id,
    transfer_id,
    plan_as_of,
    item_id,
    lane_id,
    origin,
    destination,
    mode,
    state,
    qty_planned,
    qty_approved,
    qty_shipped,
    qty_received,
    qty_damaged,
    qty_short,
    qty_over,
    expected_ship_date,
    cast(shipped_at as date) as shipped_date,
    expected_arrival_date,
    cast(received_at as date) as received_date,
    lead_time_days,
    {{ days_between('expected_arrival_date', 'received_at') }} as days_late,
    case when received_at is not null then {{ safe_ratio('qty_received', 'qty_shipped') }} end as yield_share,
    benefit_usd as planned_benefit_usd,
    cost_usd as planned_cost_usd,
    benefit_usd - cost_usd as planned_net_usd
from {{ ref('fct_transfers') }}
where plan_as_of is not null
