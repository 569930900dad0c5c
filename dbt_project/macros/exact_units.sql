{# The digits of a DECIMAL as one integer, that is the amount in units of its last decimal (HUGEINT). Text keeps what a
   multiplication by 10^20 could not hold.
   Arguments: amount = DECIMAL expression of a fixed scale. #}
{% macro exact_units(amount) -%}
    cast(replace(cast({{ amount }} as varchar), '.', '') as hugeint)
{%- endmacro %}
