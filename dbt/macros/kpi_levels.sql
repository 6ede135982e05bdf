{# The five levels of every KPI. A model groups with `kpi_grouping_sets` and names its rows with `kpi_level_columns`. #}
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
