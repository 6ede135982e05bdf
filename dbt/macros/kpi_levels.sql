{# The five levels of every KPI: a model groups with `kpi_grouping_sets`, names rows with `kpi_level_columns`, begins with `kpi_head`. #}
{% macro kpi_grouping_sets() -%}
group by grouping sets ((location_id, item_id, category), (item_id, category), (category), (location_id), ())
{%- endmacro %}

{% macro kpi_level_columns() -%}
case
        when grouping(location_id) = 0 and grouping(item_id) = 0 then 'location_item'
        when grouping(item_id) = 0 then 'item'
        when grouping(category) = 0 then 'category'
        when grouping(location_id) = 0 then 'location'
        else 'network'
    end as level,
    location_id,
    item_id,
    category
{%- endmacro %}

{# A name for the row that is never NULL: `network`, `location:TX_2`, `location_item:TX_2|F3`. #}
{% macro kpi_scope() -%}
level || case
        when level = 'network' then ''
        else ':' || concat_ws('|', location_id, coalesce(item_id, case when location_id is null then category end))
    end
{%- endmacro %}

{# How every row of a KPI begins: its scope, its level and the keys of that level. #}
{% macro kpi_head() -%}
{{ kpi_scope() }} as scope,
    level,
    location_id,
    item_id,
    category
{%- endmacro %}

{# A KPI with levels of its own names them with their columns, the one that tells rows of the level apart first; the network is added:
   `{'item': ['item_id', 'category'], 'region': ['ship_to_region']}`. A row's scope is `item:F3`, `region:west` or `network`. #}
{% macro kpi_own_level(levels) -%}
case
        {% for level, columns in levels.items() %}
        when grouping({{ columns[0] }}) = 0 then '{{ level }}'
        {% endfor %}
        else 'network'
    end as level
{%- endmacro %}

{% macro kpi_own_grouping_sets(levels) -%}
group by grouping sets ({% for columns in levels.values() %}({{ columns | join(', ') }}), {% endfor %}())
{%- endmacro %}

{% macro kpi_own_scope(levels) -%}
level || coalesce(':' || coalesce({% for columns in levels.values() %}{{ columns[0] }}{{ ', ' if not loop.last }}{% endfor %}), '')
{%- endmacro %}

{# The window that the KPIs of a run look back on. #}
{% macro kpi_window() -%}
select
        window_start,
        as_of,
        window_days
    from {{ ref('stg_ledger__run_parameters') }}
{%- endmacro %}
