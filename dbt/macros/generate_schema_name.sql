{# Layers are schemas of the same name; no prefix, since a store holds one run. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
