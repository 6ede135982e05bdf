{# Fails on rows where the expression is false; a row where it is NULL passes. #}
{% test expression_holds(model, expression) %}
select *
from {{ model }}
where not ({{ expression }})
{% endtest %}
