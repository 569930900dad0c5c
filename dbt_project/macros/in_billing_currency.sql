{# An exact amount in USD in the currency of the invoice, at 10 decimals, for reading: DECIMAL(28, 10). What is billed is
   rounded per invoice line (M4), so whoever shows such parts shows the difference to the line beside them.
   Arguments: amount_usd = DECIMAL expression; fx_rate = DECIMAL(18, 10) expression. #}
{% macro in_billing_currency(amount_usd, fx_rate) -%}
    cast(
        round(cast(cast(round({{ amount_usd }}, 10) as decimal(28, 10)) * {{ fx_rate }} as decimal(38, 20)), 10)
        as decimal(28, 10)
    )
{%- endmacro %}
