{{ config(tags=['facts']) }}

-- Transfer lines that still bind stock: firm (approved, not yet shipped) at the origin, shipped ones on the road.

with requested as (
    select
        transfer_id,
        line_id,
        max(qty_requested) as qty_requested
    from {{ ref('stg_wms__transfers') }}
    group by transfer_id, line_id
)

select
    transfers.line_id,
    transfers.transfer_id,
    transfers.item_id,
    transfers.origin,
    transfers.destination,
    transfers.lane_id,
    transfers.qty_approved,
    transfers.qty_shipped,
    transfers.qty_received,
    transfers.qty_damaged,
    transfers.qty_short,
    transfers.qty_over,
    transfers.released_at,
    transfers.shipped_at,
    transfers.expected_arrival_date,
    transfers.state,
    cast(requested.qty_requested as bigint) as qty_requested
from {{ ref('fct_transfers') }} as transfers
left join requested
    on transfers.transfer_id = requested.transfer_id and transfers.line_id = requested.line_id
where transfers.state in ('approved', 'edited', 'released', 'picked', 'shipped')
