{# A ratio of two amounts as a percentage with two decimals, for reading only; null where the whole is 0. Both are cut to
   whole micro-units first, so that decimal_division stays inside its 38 digits.
   Arguments: part, whole = DECIMAL expressions. #}
{% macro percentage_of(part, whole) -%}
    case
        when round({{ whole }}, 6) <> 0
            then cast(
                round(
                    decimal_division(
                        cast(round({{ part }}, 6) * 100 as decimal(24, 6)), cast(round({{ whole }}, 6) as decimal(18, 6)), 4
                    ),
                    2
                ) as decimal(18, 2)
            )
    end
{%- endmacro %}
