{# Keeps one billing period while a stored model is built period by period, and every period otherwise (views read by a
   person, unit tests). The `billing_period` materialization sets the session variable; DuckDB folds it to a constant, so
   the branches of raw.cur_line_items that hold other periods are never opened.
   Arguments: column = the DATE column with the first day of the billing period. #}
{% macro is_current_period(column) -%}
    (getvariable('billing_period') is null or {{ column }} = getvariable('billing_period'))
{%- endmacro %}
