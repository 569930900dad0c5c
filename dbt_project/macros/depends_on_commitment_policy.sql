{# Whether a commitment policy can change what a charge costs its group (RS6): charges of commitments, and usage of a
   plan with tiers, as usage that returns to on-demand moves its group up them (R5).
   Arguments: charge_type = VARCHAR expression; has_tiers = BOOLEAN expression, whether a rule of the plan is TIERED. #}
{% macro depends_on_commitment_policy(charge_type, has_tiers) -%}
    (
        {{ charge_type }} in (
            'reservation_covered_usage', 'savings_plan_covered_usage', 'savings_plan_negation', 'commitment_fee',
            'commitment_upfront'
        )
        or ({{ charge_type }} = 'usage' and {{ has_tiers }})
    )
{%- endmacro %}
