{# The columns of the model's contract and their types in DuckDB's words, for an adapter that casts to them; nothing where the
   model has no contract. #}
{% macro contract_columns() -%}
    {%- set columns = {} -%}
    {%- if config.get('contract').enforced -%}
        {%- for column in model.columns.values() -%}
            {%- do columns.update({column.name: column.data_type}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}
