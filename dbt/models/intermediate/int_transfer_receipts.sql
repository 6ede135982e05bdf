{{ config(tags=['facts']) }}

-- Receipts of transfers summed to the transfer line. A receipt without a line number belongs to the only line of that
-- transfer with that item.

with receipts as (
    select * from {{ ref('stg_wms__receipts') }}
    where reference_type = 'transfer'
),

single_lines as (
    select
        transfer_id,
        item_id,
        min(line_id) as line_id
    from {{ ref('stg_wms__transfers') }}
    group by transfer_id, item_id
    having count(distinct line_id) = 1
),

resolved as (
    select
        receipts.reference_id as transfer_id,
        coalesce(receipts.line_id, single_lines.line_id) as line_id,
        receipts.qty_received,
        receipts.qty_damaged,
        receipts.qty_short,
        receipts.qty_over,
        receipts.received_at
    from receipts
    left join single_lines
        on receipts.reference_id = single_lines.transfer_id and receipts.item_id = single_lines.item_id
)

select
    transfer_id,
    line_id,
    {{ sum_units('qty_received') }} as qty_received,
    {{ sum_units('qty_damaged') }} as qty_damaged,
    {{ sum_units('qty_short') }} as qty_short,
    {{ sum_units('qty_over') }} as qty_over,
    max(received_at) as last_received_at
from resolved
where line_id is not null
group by transfer_id, line_id
