{# Turns a whole number of units of the tenth decimal (HUGEINT) into an amount, exactly; exact_units the other way round.
   Arguments: units = HUGEINT expression. #}
{% macro units_to_amount(units) -%}
    cast(cast({{ units }} as decimal(38, 0)) * 0.0000000001 as decimal(38, 10))
{%- endmacro %}
