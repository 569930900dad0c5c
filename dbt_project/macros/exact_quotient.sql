{# A quotient with ten decimals, rounded half away from zero once: DuckDB's own division makes doubles (M3). Null where the
   divisor is null or 0.
   Arguments: dividend, divisor = DECIMAL expressions of at most ten decimals; the dividend below 10^18. #}
{% macro exact_quotient(dividend, divisor) -%}
{%- set dividend_units = exact_units('cast(' ~ dividend ~ ' as decimal(38, 10))') -%}
{%- set divisor_units = exact_units('cast(' ~ divisor ~ ' as decimal(38, 10))') -%}
    case
        when {{ divisor }} <> 0
            then {{ units_to_amount(
                'sign(' ~ dividend ~ ') * sign(' ~ divisor ~ ') * ((cast(20000000000 as hugeint) * abs('
                ~ dividend_units ~ ') + abs(' ~ divisor_units ~ ')) // (2 * abs(' ~ divisor_units ~ ')))'
            ) }}
    end
{%- endmacro %}
