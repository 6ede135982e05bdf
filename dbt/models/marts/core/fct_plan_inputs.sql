{{ config(tags=['facts']) }}

-- Supplier orders are placed at reviews, so that the newest order of a pair tells when its reviews are. What was never ordered
-- tells nothing.

with parameters as (
    select
        as_of,
        review_period_days
    from {{ ref('stg_ledger__run_parameters') }}
),

stock as (
    select fct_stock_daily.*
    from {{ ref('fct_stock_daily') }} as fct_stock_daily
    inner join parameters on fct_stock_daily.date = parameters.as_of
),

inbound as (
    select
        location_id,
        item_id,
        {{ sum_units("case when source = 'transfer' and is_shipped then qty_units else 0 end") }} as in_transit_in_units,
        {{ sum_units("case when source = 'transfer' and not is_shipped then qty_units else 0 end") }} as firm_in_units,
        {{ sum_units("case when source = 'po' then qty_units else 0 end") }} as po_inbound_units
    from {{ ref('fct_inbound') }}
    group by location_id, item_id
),

outbound as (
    select
        origin as location_id,
        item_id,
        {{ sum_units('coalesce(qty_approved, qty_requested)') }} as firm_out_units
    from {{ ref('int_open_transfers') }}
    where state <> 'shipped'
    group by origin, item_id
),

sales as (
    select
        location_id,
        item_id,
        max(shipped_date) as last_sale_date
    from {{ ref('stg_wms__shipments') }}
    group by location_id, item_id
),

reviews as (
    select
        location_id,
        item_id,
        max(ordered_at) as last_ordered_date
    from {{ ref('stg_erp__purchase_orders') }}
    group by location_id, item_id
),

pairs as (
    select
        location_id,
        item_id
    from stock
    union
    select
        location_id,
        item_id
    from inbound
),

reported as (
    select distinct location_id
    from stock
    where is_reported
),

locations as (
    select location_id
    from {{ ref('stg_erp__locations') }}
    where is_in_newest_snapshot
),

items as (
    select
        items.item_id,
        items.is_in_newest_snapshot,
        coalesce(items.review_period_days, parameters.review_period_days) as review_period_days
    from {{ ref('stg_erp__items') }} as items
    cross join parameters
)

select
    pairs.location_id,
    pairs.item_id,
    coalesce(stock.on_hand_units, 0) as on_hand_units,
    coalesce(stock.reserved_units, 0) as reserved_units,
    coalesce(stock.blocked_units, 0) as blocked_units,
    coalesce(outbound.firm_out_units, 0) as firm_out_units,
    {{ available('stock.on_hand_units', 'stock.reserved_units', 'stock.blocked_units', 'outbound.firm_out_units') }} as available_units,
    coalesce(inbound.in_transit_in_units, 0) as in_transit_in_units,
    coalesce(inbound.po_inbound_units, 0) as po_inbound_units,
    {{ days_between('sales.last_sale_date', 'parameters.as_of') }} as days_since_last_sale,
    reported.location_id is null or locations.location_id is null or not coalesce(items.is_in_newest_snapshot, false) as is_stale,
    coalesce(inbound.firm_in_units, 0) as firm_in_units,
    items.review_period_days
    - mod({{ days_between('reviews.last_ordered_date', 'parameters.as_of') }}, items.review_period_days) as next_review_days
from pairs
cross join parameters
left join stock on pairs.location_id = stock.location_id and pairs.item_id = stock.item_id
left join inbound on pairs.location_id = inbound.location_id and pairs.item_id = inbound.item_id
left join outbound on pairs.location_id = outbound.location_id and pairs.item_id = outbound.item_id
left join sales on pairs.location_id = sales.location_id and pairs.item_id = sales.item_id
left join reported on pairs.location_id = reported.location_id
left join locations on pairs.location_id = locations.location_id
left join items on pairs.item_id = items.item_id
left join reviews on pairs.location_id = reviews.location_id and pairs.item_id = reviews.item_id
