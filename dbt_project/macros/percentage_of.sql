{# A ratio of two amounts as a percentage with two decimals, rounded half away from zero once, for reading only; null where
   the whole is 0. Both are rounded to millionths first, so that their digits are integers that HUGEINT can multiply.
   Arguments: part, whole = DECIMAL expressions. #}
{% macro percentage_of(part, whole) -%}
{%- set part_units = exact_units('round(' ~ part ~ ', 6)') -%}
{%- set whole_units = exact_units('round(' ~ whole ~ ', 6)') -%}
    case
        when round({{ whole }}, 6) <> 0
            then cast(
                {{ minor_units_to_amount(
                    'sign(' ~ part ~ ') * sign(' ~ whole ~ ') * ((20000 * abs(' ~ part_units ~ ') + abs(' ~ whole_units
                    ~ ')) // (2 * abs(' ~ whole_units ~ ')))',
                    2
                ) }} as decimal(18, 2)
            )
    end
{%- endmacro %}
