{# Turns an amount of a currency, rounded to it, into a whole number of minor units (HUGEINT), exactly.
   Arguments: amount = DECIMAL expression of at most four decimals; minor_units = INTEGER expression (ISO 4217). #}
{% macro amount_to_minor_units(amount, minor_units) -%}
    cast(
        {{ amount }} * case {{ minor_units }} when 0 then 1 when 2 then 100 when 3 then 1000 when 4 then 10000 end
        as hugeint
    )
{%- endmacro %}
