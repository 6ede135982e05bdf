{{ config(tags=['decisions']) }}

-- A band is crossed by a KPI over the window that ends on a day. An alert holds from the day it was crossed until the KPI is back inside by
-- the hysteresis; days between keep the state of the day before. States are looked up over two windows; what began before began earlier.

with parameters as (
    select
        as_of,
        window_days,
        {{ add_days('as_of', '1 - 2 * window_days') }} as first_judged,
        {{ add_days('as_of', '2 - 3 * window_days') }} as first_read
    from {{ ref('stg_ledger__run_parameters') }}
),

pairs as (
    select
        stock.date,
        stock.location_id,
        items.category,
        stock.inventory_value_usd,
        demand.qty_sold_units * items.unit_cost_usd as cogs_usd
    from {{ ref('fct_stock_daily') }} as stock
    cross join parameters
    inner join {{ ref('dim_item') }} as items on stock.item_id = items.item_id
    left join {{ ref('fct_demand_daily') }} as demand
        on stock.location_id = demand.location_id and stock.item_id = demand.item_id and stock.date = demand.date
    where stock.date between parameters.first_read and parameters.as_of and items.category is not null
),

daily as (
    select
        case when grouping(location_id) = 0 then 'location:' || location_id || '|' else '' end || 'category:' || category as scope,
        location_id,
        category,
        date,
        sum(inventory_value_usd) as value_usd,
        coalesce(sum(cogs_usd), 0) as cogs_usd
    from pairs
    group by grouping sets ((location_id, category, date), (category, date))
),

windows as (
    select
        ends.scope,
        ends.date,
        sum(daily.value_usd) as value_usd_days,
        sum(daily.cogs_usd) as cogs_usd
    from daily as ends
    cross join parameters
    inner join daily
        on
            ends.scope = daily.scope
            and daily.date <= ends.date
            and {{ days_between('daily.date', 'ends.date') }} < parameters.window_days
    where ends.date >= parameters.first_judged
    group by ends.scope, ends.date
),

figures as (
    select
        scope,
        date,
        'turns_per_year' as kpi,
        cogs_usd * 365 / nullif(value_usd_days, 0) as kpi_value
    from windows
    union all
    select
        scope,
        date,
        'days_on_hand' as kpi,
        value_usd_days / nullif(cogs_usd, 0) as kpi_value
    from windows
),

scopes as (
    select distinct
        scope,
        location_id,
        category
    from daily
),

bands as (
    select
        scopes.scope,
        usual.kpi,
        coalesce(own.lower_limit, usual.lower_limit) as lower_limit,
        coalesce(own.upper_limit, usual.upper_limit) as upper_limit,
        usual.hysteresis_share
    from scopes
    inner join {{ ref('stg_planning__alert_bands') }} as usual on usual.category = ''
    left join {{ ref('stg_planning__alert_bands') }} as own on scopes.category = own.category and usual.kpi = own.kpi
),

marks as (
    select
        figures.scope,
        figures.kpi,
        figures.date,
        'above' as crossed,
        figures.kpi_value,
        bands.upper_limit as limit_value,
        case
            when figures.kpi_value > bands.upper_limit then 1
            when figures.kpi_value <= bands.upper_limit * (1 - bands.hysteresis_share) then 0
        end as mark
    from figures
    inner join bands on figures.scope = bands.scope and figures.kpi = bands.kpi
    union all
    select
        figures.scope,
        figures.kpi,
        figures.date,
        'below' as crossed,
        figures.kpi_value,
        bands.lower_limit as limit_value,
        case
            when figures.kpi_value < bands.lower_limit then 1
            when figures.kpi_value >= bands.lower_limit * (1 + bands.hysteresis_share) then 0
        end as mark
    from figures
    inner join bands on figures.scope = bands.scope and figures.kpi = bands.kpi
),

cleared as (
    select
        scope,
        kpi,
        crossed,
        max(case when mark = 0 then date end) as last_clear_date,
        min(date) as first_date
    from marks
    group by scope, kpi, crossed
),

alerts as (
    select
        marks.scope,
        marks.kpi,
        marks.crossed,
        min(marks.date) as since_date,
        cleared.last_clear_date is not null as is_since_known
    from marks
    inner join cleared on marks.scope = cleared.scope and marks.kpi = cleared.kpi and marks.crossed = cleared.crossed
    where marks.mark = 1 and (cleared.last_clear_date is null or marks.date > cleared.last_clear_date)
    group by marks.scope, marks.kpi, marks.crossed, cleared.last_clear_date
),

options as (
    select
        case when grouping(choices.location_id) = 0 then 'location:' || choices.location_id || '|' else '' end
        || 'category:' || items.category as scope,
        choices.imbalance,
        count(case when choices.is_best then 1 end) as item_locations,
        sum(case when choices.is_best then choices.imbalance_exact end) as imbalance_exact,
        sum(case when choices.is_best then choices.net_exact end) as best_exact,
        sum(case when choices.option = 'inbound' then choices.net_exact end) as inbound_exact,
        sum(case when choices.option = 'transfer' then choices.net_exact end) as transfer_exact,
        sum(case when choices.option = 'reorder' then choices.net_exact end) as reorder_exact,
        sum(case when choices.option = 'markdown' then choices.net_exact end) as markdown_exact,
        sum(case when choices.option = 'hold' then choices.net_exact end) as hold_exact
    from {{ ref('stg_planning__dispositions') }} as choices
    inner join {{ ref('dim_item') }} as items on choices.item_id = items.item_id
    where items.category is not null
    group by grouping sets ((choices.location_id, items.category, choices.imbalance), (items.category, choices.imbalance))
)

select
    alerts.scope,
    scopes.location_id,
    scopes.category,
    alerts.kpi,
    alerts.crossed,
    {{ to_double('marks.kpi_value') }} as kpi_value,
    {{ to_double('marks.limit_value') }} as limit_value,
    alerts.since_date,
    alerts.is_since_known,
    case when (alerts.kpi = 'days_on_hand') = (alerts.crossed = 'above') then 'surplus' else 'shortage' end as imbalance,
    coalesce(options.item_locations, 0) as item_locations,
    {{ to_double('options.imbalance_exact') }} as imbalance_units,
    {{ to_double('options.best_exact') }} as best_net_usd,
    {{ to_double('options.inbound_exact') }} as inbound_net_usd,
    {{ to_double('options.transfer_exact') }} as transfer_net_usd,
    {{ to_double('options.reorder_exact') }} as reorder_net_usd,
    {{ to_double('options.markdown_exact') }} as markdown_net_usd,
    {{ to_double('options.hold_exact') }} as hold_net_usd
from alerts
cross join parameters
inner join marks
    on alerts.scope = marks.scope and alerts.kpi = marks.kpi and alerts.crossed = marks.crossed and parameters.as_of = marks.date
inner join scopes on alerts.scope = scopes.scope
left join options
    on
        alerts.scope = options.scope
        and options.imbalance
        = case when (alerts.kpi = 'days_on_hand') = (alerts.crossed = 'above') then 'surplus' else 'shortage' end
