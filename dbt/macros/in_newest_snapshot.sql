{# Of rows from `latest_per_key` over a snapshot feed: whether the newest snapshot still holds the row. What it left out is closed. #}
{% macro in_newest_snapshot() -%}
rank() over (order by _business_date desc, _version desc) = 1
{%- endmacro %}
