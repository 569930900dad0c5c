{# Schemas carry their plain names (staging, intermediate, marts): one warehouse file is one workspace, so dbt's default
   prefix with the target schema would only make the names others rely on depend on who runs dbt. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
