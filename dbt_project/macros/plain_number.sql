{# A DECIMAL as people write it, without zeros behind the last digit that counts: VARCHAR.
   Arguments: amount = DECIMAL expression with decimals. #}
{% macro plain_number(amount) -%}
    regexp_replace(cast({{ amount }} as varchar), '\.?0+$', '')
{%- endmacro %}
