{# The sum of an expression over some rows of the model equals the sum over others: levels of a KPI agree. #}
{% test total_equals(model, expression, rows_here, rows_there) %}
with totals as (
    select
        coalesce(sum(case when {{ rows_here }} then {{ expression }} end), 0) as total_here,
        coalesce(sum(case when {{ rows_there }} then {{ expression }} end), 0) as total_there
    from {{ model }}
)

select *
from totals
where total_here <> total_there
{% endtest %}
