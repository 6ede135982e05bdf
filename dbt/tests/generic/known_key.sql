{# Every non-null key of this relation exists in the other one. #}
{% test known_key(model, column_name, to, field) %}
select distinct here.{{ column_name }}
from {{ model }} as here
left join {{ to }} as there on here.{{ column_name }} = there.{{ field }}
where here.{{ column_name }} is not null and there.{{ field }} is null
{% endtest %}
