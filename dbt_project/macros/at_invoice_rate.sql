{# An exact amount in USD in the currency of its invoice line, at 24 decimals: DECIMAL(38, 24). What stands behind the
   24th decimal belongs to the rounding difference (M7). The parts above and below 1e-10 are multiplied apart, as the
   whole product passes what DECIMAL holds.
   Arguments: amount_usd = DECIMAL(38, 24) expression; fx_rate = DECIMAL(18, 10) expression. #}
{% macro at_invoice_rate(amount_usd, fx_rate) -%}
    (
        cast(cast(trunc({{ amount_usd }}, 10) as decimal(28, 10)) * {{ fx_rate }} as decimal(38, 24))
        + cast(
            round(cast({{ amount_usd }} - trunc({{ amount_usd }}, 10) as decimal(24, 24)) * {{ fx_rate }}, 24)
            as decimal(38, 24)
        )
    )
{%- endmacro %}
