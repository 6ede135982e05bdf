{# From here on this process reads the folders of the lake and of the store, and no other file, whatever a model says. #}
{% macro lock_down() %}
{% if execute and flags.WHICH in ('build', 'run', 'test') %}
{% set folders = run_query('select folder from lake.folders order by folder').columns[0].values() %}
{% set quoted = [] %}
{% for folder in folders %}
{% do quoted.append("'" ~ folder | replace("'", "''") ~ "'") %}
{% endfor %}
{% do run_query('set allowed_directories = [' ~ quoted | join(', ') ~ ']') %}
{% do run_query('set enable_external_access = false') %}
{% do run_query('set lock_configuration = true') %}
{% endif %}
{% endmacro %}
