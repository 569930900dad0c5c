{# Seeds on Spark: dbt reads their numbers as floating point, so the adapter reads the file by the declared types. #}
{% materialization seed, adapter='spark' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {% do store_result('agate_table', response='OK', agate_table=load_agate_table()) %}
    {% do adapter.load_seed(
        target_relation, model.root_path ~ '/' ~ model.original_file_path, config.get('column_types', {})
    ) %}
    {% call statement('main') %}
        select 1 as loaded
    {% endcall %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
