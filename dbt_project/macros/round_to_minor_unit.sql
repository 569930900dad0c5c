{# Rounds an exact amount half away from zero to the minor unit of a currency (M4). DuckDB's round() on a DECIMAL is exact
   and rounds half away from zero, but wants a constant number of decimals.
   Arguments: amount = DECIMAL expression; minor_units = INTEGER expression, 0, 2, 3 or 4 (ISO 4217). #}
{% macro round_to_minor_unit(amount, minor_units) -%}
    case {{ minor_units }}
        {% for decimals in [0, 2, 3, 4] -%}
        when {{ decimals }} then cast(round({{ amount }}, {{ decimals }}) as decimal(38, 4))
        {% endfor -%}
    end
{%- endmacro %}
