{# Whole calendar days from one date to another, as an integer on every engine. #}
{% macro days_between(first_date, last_date) -%}
{{ return(adapter.dispatch('days_between', 'evenstock')(first_date, last_date)) }}
{%- endmacro %}

{% macro default__days_between(first_date, last_date) -%}
cast({{ dbt.datediff(first_date, last_date, 'day') }} as bigint)
{%- endmacro %}

{% macro duckdb__days_between(first_date, last_date) -%}
cast(date_diff('day', cast({{ first_date }} as date), cast({{ last_date }} as date)) as bigint)
{%- endmacro %}

{% macro add_days(start_date, days) -%}
{{ return(adapter.dispatch('add_days', 'evenstock')(start_date, days)) }}
{%- endmacro %}

{% macro default__add_days(start_date, days) -%}
cast({{ dbt.dateadd('day', days, start_date) }} as date)
{%- endmacro %}

{% macro duckdb__add_days(start_date, days) -%}
cast({{ start_date }} as date) + cast({{ days }} as integer)
{%- endmacro %}

{# Second of the day of a local timestamp. #}
{% macro second_of_day(at) -%}
cast(extract(hour from {{ at }}) * 3600 + extract(minute from {{ at }}) * 60 + floor(extract(second from {{ at }})) as bigint)
{%- endmacro %}

{# One row per day, both ends included: a subquery with the single column `date`. #}
{% macro each_day(first_date, last_date) -%}
{{ return(adapter.dispatch('each_day', 'evenstock')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__each_day(first_date, last_date) -%}
select cast(unnest(generate_series({{ first_date }}, {{ last_date }}, interval 1 day)) as date) as date
{%- endmacro %}
