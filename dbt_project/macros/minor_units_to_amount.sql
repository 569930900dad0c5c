{# Turns a whole number of minor units (HUGEINT) into an amount of the currency, exactly.
   Arguments: units = HUGEINT expression; minor_units = INTEGER expression (ISO 4217). #}
{% macro minor_units_to_amount(units, minor_units) -%}
    cast(
        cast({{ units }} as decimal(34, 0))
        * case {{ minor_units }} when 0 then 1.0000 when 2 then 0.0100 when 3 then 0.0010 when 4 then 0.0001 end
        as decimal(38, 4)
    )
{%- endmacro %}
