-- A state that is reported again is reported anew: the newest file's rows hold, and its lots are added up.

with parameters as (
    select as_of from {{ ref('stg_ledger__run_parameters') }}
),

newest as (
    select *
    from {{ source('lake', 'wms_transfers') }}
    qualify rank() over (
        partition by transfer_id, line_id, state
        order by _business_date desc, _version desc
    ) = 1
)

select
    newest.transfer_id,
    newest.line_id,
    min(newest.item_id) as item_id,
    min(newest.origin) as origin,
    min(newest.destination) as destination,
    min(newest.mode) as mode,
    min(newest.origin || '>' || newest.destination || ':' || newest.mode) as lane_id,
    max(newest.qty_requested) as qty_requested,
    {{ sum_units('newest.qty_picked') }} as qty_picked,
    {{ sum_units('newest.qty_shipped') }} as qty_shipped,
    newest.state,
    max(newest.at) as state_at
from newest
cross join parameters
where cast(newest.at as date) <= parameters.as_of
group by newest.transfer_id, newest.line_id, newest.state
