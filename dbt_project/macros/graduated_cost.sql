{# The cost of a quantity over tiers, each slice at its own tier's rate, begin inclusive and end exclusive (R5, R8): an
   aggregate over the tiers of one ladder, which begin at 0, follow on each other and end open. Rounded to 1e-10 once
   (M3), DECIMAL(38, 10). A quantity below zero, a month of corrections, costs the negative of what it would have cost.
   Arguments: quantity = DECIMAL(38, 10) expression, named in the group by; tier_start, tier_end (null = open), rate =
   DECIMAL expressions of the tier. #}
{% macro graduated_cost(quantity, tier_start, tier_end, rate) -%}
    cast(
        round(
            sum(
                greatest(
                    least(abs({{ quantity }}), coalesce({{ tier_end }}, abs({{ quantity }}))) - {{ tier_start }}, 0
                ) * {{ rate }}
            ),
            10
        ) * case when {{ quantity }} < 0 then -1 else 1 end
        as decimal(38, 10)
    )
{%- endmacro %}
