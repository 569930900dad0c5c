{# The billing periods of this run, for tests: what was not built was tested when it was. #}
{% macro in_built_periods(column) -%}
    {{ column }} in (select build_periods.billing_period from {{ source('raw', 'build_periods') }} as build_periods)
{%- endmacro %}
