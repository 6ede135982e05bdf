{{ config(tags=['decisions']) }}

-- The position counts what is available and what is on its way. Without a forecast there is no judgement, only a reason.

with positions as (
    select
        inputs.location_id,
        inputs.item_id,
        inputs.available_units,
        inputs.in_transit_in_units + inputs.firm_in_units as transfer_inbound_units,
        inputs.po_inbound_units,
        inputs.available_units + inputs.in_transit_in_units + inputs.firm_in_units + inputs.po_inbound_units as position_units,
        forecast.mean_daily_exact,
        forecast.reorder_point_exact,
        forecast.target_exact,
        inputs.is_stale
    from {{ ref('fct_plan_inputs') }} as inputs
    left join {{ ref('stg_planning__forecast_summary') }} as forecast
        on inputs.location_id = forecast.location_id and inputs.item_id = forecast.item_id
),

judged as (
    select
        positions.*,
        case
            when reorder_point_exact is not null and target_exact is not null
                then greatest(position_units - greatest(reorder_point_exact, target_exact), 0)
        end as surplus_exact,
        case when reorder_point_exact is not null then greatest(reorder_point_exact - position_units, 0) end as deficit_exact
    from positions
)

select
    judged.location_id,
    judged.item_id,
    judged.available_units,
    judged.transfer_inbound_units,
    judged.po_inbound_units,
    judged.position_units,
    {{ to_double('judged.mean_daily_exact') }} as mean_daily_units,
    {{ to_double('judged.reorder_point_exact') }} as reorder_point_units,
    {{ to_double('judged.target_exact') }} as target_units,
    {{ to_double('judged.surplus_exact') }} as surplus_units,
    {{ to_double('judged.deficit_exact') }} as deficit_units,
    {{ to_double('judged.surplus_exact * items.unit_cost_usd') }} as surplus_value_usd,
    {{ safe_ratio('judged.available_units', 'judged.mean_daily_exact') }} as forward_cover_days,
    case
        when judged.surplus_exact is null then 'unknown'
        when judged.surplus_exact > 0 then 'surplus'
        when judged.deficit_exact > 0 then 'deficit'
        else 'balanced'
    end as status,
    judged.is_stale,
    case when judged.surplus_exact is null then 'no forecast' end as null_reason
from judged
left join {{ ref('dim_item') }} as items on judged.item_id = items.item_id
