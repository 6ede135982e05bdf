{# The one definition of available units: on hand minus reserved, blocked and firm outgoing transfers, never below zero. #}
{% macro available(on_hand, reserved, blocked, firm_out) -%}
greatest(
    coalesce({{ on_hand }}, 0) - coalesce({{ reserved }}, 0) - coalesce({{ blocked }}, 0) - coalesce({{ firm_out }}, 0),
    0
)
{%- endmacro %}
