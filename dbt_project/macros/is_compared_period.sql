{# Keeps the billing periods that a preview compares: those in the session variable `billing_periods`, all where it
   is not set.
   Arguments: column = the DATE column with the first day of the billing period. #}
{% macro is_compared_period(column) -%}
    (getvariable('billing_periods') is null or list_contains(getvariable('billing_periods'), {{ column }}))
{%- endmacro %}
