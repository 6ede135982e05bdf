{{ config(tags=['facts']) }}

-- What the ledger planned and approved beside what the warehouses report. Where both know a state, the warehouse wins:
-- it saw the goods. Cancelling takes back what has not left, never goods on the road. Transfers that Evenstock did not plan have
-- no planned units.

with ledger as (
    select * from {{ ref('stg_ledger__transfer_lines') }}
),

states as (
    select
        *,
        case state
            when 'released' then 1
            when 'picked' then 2
            when 'shipped' then 3
            when 'received' then 4
            when 'closed' then 5
        end as state_rank
    from {{ ref('stg_wms__transfers') }}
),

warehouse as (
    select
        transfer_id,
        line_id,
        min(item_id) as item_id,
        min(origin) as origin,
        min(destination) as destination,
        min(mode) as mode,
        min(lane_id) as lane_id,
        max(case when state in ('shipped', 'received', 'closed') then qty_shipped end) as qty_shipped,
        min(case when state = 'released' then state_at end) as released_at,
        min(case when state = 'shipped' then state_at end) as shipped_at,
        min(case when state = 'received' then state_at end) as received_at,
        max(state_rank) as last_rank,
        bool_or(state = 'cancelled') as is_cancelled
    from states
    group by transfer_id, line_id
),

joined as (
    select
        coalesce(warehouse.line_id, ledger.line_id) as line_id,
        coalesce(warehouse.transfer_id, ledger.transfer_id) as transfer_id,
        coalesce(ledger.item_id, warehouse.item_id) as item_id,
        coalesce(ledger.origin, warehouse.origin) as origin,
        coalesce(ledger.destination, warehouse.destination) as destination,
        coalesce(ledger.mode, warehouse.mode) as mode,
        coalesce(ledger.lane_id, warehouse.lane_id) as lane_id,
        ledger.plan_as_of,
        ledger.expected_ship_date,
        ledger.expected_arrival_date,
        ledger.qty_planned_units as qty_planned,
        ledger.qty_approved_units as qty_approved,
        ledger.benefit_usd,
        ledger.cost_usd,
        warehouse.qty_shipped,
        warehouse.released_at,
        warehouse.shipped_at,
        warehouse.received_at as state_received_at,
        case
            when warehouse.is_cancelled and coalesce(warehouse.qty_shipped, 0) = 0 then 'cancelled'
            when warehouse.last_rank = 1 then 'released'
            when warehouse.last_rank = 2 then 'picked'
            when warehouse.last_rank = 3 then 'shipped'
            when warehouse.last_rank = 4 then 'received'
            when warehouse.last_rank = 5 then 'closed'
            else ledger.state
        end as state
    from warehouse
    full outer join ledger
        on warehouse.line_id = ledger.line_id
),

received as (
    select
        joined.*,
        receipts.qty_received,
        receipts.qty_damaged,
        receipts.qty_short,
        receipts.qty_over,
        coalesce(
            joined.state_received_at,
            case
                when receipts.qty_received + receipts.qty_damaged + receipts.qty_short - receipts.qty_over >= joined.qty_shipped
                    then receipts.last_received_at
            end
        ) as received_at
    from joined
    left join {{ ref('int_transfer_receipts') }} as receipts
        on joined.transfer_id = receipts.transfer_id and joined.line_id = receipts.line_id
)

select
    line_id,
    transfer_id,
    item_id,
    origin,
    destination,
    mode,
    lane_id,
    qty_planned,
    qty_approved,
    cast(qty_shipped as bigint) as qty_shipped,
    qty_received,
    qty_damaged,
    qty_short,
    qty_over,
    released_at,
    shipped_at,
    received_at,
    {{ to_double(days_between('shipped_at', 'received_at')) }} as lead_time_days,
    case when received_at is not null and state = 'shipped' then 'received' else state end as state,
    plan_as_of,
    expected_ship_date,
    expected_arrival_date,
    {{ to_double('benefit_usd') }} as benefit_usd,
    {{ to_double('cost_usd') }} as cost_usd
from received
