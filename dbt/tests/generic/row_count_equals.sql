{# Both relations hold the same number of rows: a join neither dropped nor multiplied any. #}
{% test row_count_equals(model, compare_model) %}
with counts as (
    select
        (select count(*) from {{ model }}) as rows_here,
        (select count(*) from {{ compare_model }}) as rows_there
)

select *
from counts
where rows_here <> rows_there
{% endtest %}
