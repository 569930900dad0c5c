{# Keeps the billing periods of one statement while a stored model is built, and every period otherwise (views read by a
   person, unit tests). The `billing_period` materialization sets the session variables, the first period and, where the
   statement builds several, the last; DuckDB folds them to constants, so the branches of raw.cur_line_items that hold
   other periods are never opened.
   Arguments: column = the DATE column with the first day of the billing period. #}
{% macro is_current_period(column) -%}
    (
        getvariable('billing_period') is null
        or {{ column }} between getvariable('billing_period')
        and coalesce(getvariable('billing_period_through'), getvariable('billing_period'))
    )
{%- endmacro %}
