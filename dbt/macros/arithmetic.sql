{# Division and averages behave differently between engines: cast operands first, never the result. #}
{% macro to_double(expression) -%}
{{ return(adapter.dispatch('to_double', 'evenstock')(expression)) }}
{%- endmacro %}

{% macro default__to_double(expression) -%}
cast({{ expression }} as double precision)
{%- endmacro %}

{% macro duckdb__to_double(expression) -%}
cast({{ expression }} as double)
{%- endmacro %}

{# A ratio as double; a denominator of zero or null gives NULL, never 0. #}
{% macro safe_ratio(numerator, denominator) -%}
{{ to_double(numerator) }} / nullif({{ to_double(denominator) }}, 0)
{%- endmacro %}

{# Why a ratio is NULL: `reason` when its denominator is zero or missing, otherwise NULL. #}
{% macro null_reason(denominator, reason) -%}
case when coalesce({{ denominator }}, 0) = 0 then '{{ reason }}' end
{%- endmacro %}

{# Sums of doubles depend on row order and threads. Quantities and money are summed as decimals of four places. #}
{% macro to_exact(expression) -%}
cast({{ expression }} as decimal(28, 4))
{%- endmacro %}

{% macro sum_units(expression) -%}
cast(coalesce(sum({{ expression }}), 0) as bigint)
{%- endmacro %}
