{# Rows of a feed as they stand: of all rows with the same key the last (business date, version, source line) wins. #}
{% macro latest_per_key(relation, key) -%}
select *
from {{ relation }}
qualify row_number() over (
    partition by {{ key | join(', ') }}
    order by _business_date desc, _version desc, _source_line desc
) = 1
{%- endmacro %}
