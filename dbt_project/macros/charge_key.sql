{# What tells two charges of a billing group and period apart: every column of the usage grain, as text. Tells the parts
   of a split where it stands, and breaks ties in it (M5).
   Arguments: relation = name or alias of a relation with the columns of int_usage_grain and treatment_reason. #}
{% macro charge_key(relation) -%}
    {%- set columns = [
        'billing_account_id', 'sub_account_id', 'charge_type', 'service_code', 'usage_type', 'operation', 'region_id',
        'usage_unit', 'line_item_type', 'commitment_id', 'list_cost_source', 'charge_date', 'billing_entity',
        'treatment_reason',
    ] -%}
    concat_ws('/'{% for column in columns %}, {{ relation }}.{{ column }}{% endfor %})
{%- endmacro %}
