{{ config(tags=['facts']) }}

-- Overdue orders keep the date that was promised; the plan decides when it believes in them. What left on a lane that has
-- been closed since still arrives, so the lead time is that of the lane's last declaration.

with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

purchase_orders as (
    select
        location_id,
        item_id,
        expected_date,
        qty_ordered - qty_received as qty_units,
        'po' as source,
        po_id || '/' || cast(line_no as varchar) as reference,
        true as is_shipped
    from {{ ref('stg_erp__purchase_orders') }}
    where status = 'open' and qty_ordered > qty_received
),

transfers as (
    select
        transfers.destination as location_id,
        transfers.item_id,
        coalesce(
            transfers.expected_arrival_date,
            {{ add_days(
                'coalesce(transfers.shipped_at, transfers.released_at, parameters.as_of)',
                'coalesce(round(lanes.lead_time_days_mean), 0)'
            ) }}
        ) as expected_date,
        case
            when transfers.state = 'shipped'
                then
                    transfers.qty_shipped
                    - coalesce(
                        transfers.qty_received + transfers.qty_damaged + transfers.qty_short - transfers.qty_over, 0
                    )
            else coalesce(transfers.qty_approved, transfers.qty_requested)
        end as qty_units,
        'transfer' as source,
        transfers.line_id as reference,
        transfers.state = 'shipped' as is_shipped
    from {{ ref('int_open_transfers') }} as transfers
    cross join parameters
    left join {{ ref('stg_tms__lanes') }} as lanes on transfers.lane_id = lanes.lane_id
),

inbound as (
    select * from purchase_orders
    union all
    select * from transfers
)

select
    location_id,
    item_id,
    cast(expected_date as date) as expected_date,
    cast(qty_units as bigint) as qty_units,
    source,
    reference,
    is_shipped
from inbound
where qty_units > 0
