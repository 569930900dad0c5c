{# How models are stored on Spark. The work is done by the adapter's methods (orchestration/spark/adapter.py), which
   translate DuckDB's SQL and write Parquet; dbt wants a statement `main` of each model for its report. #}

{% macro contract_columns() -%}
    {%- set columns = {} -%}
    {%- if config.get('contract').enforced -%}
        {%- for column in model.columns.values() -%}
            {%- do columns.update({column.name: column.data_type}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}

{# Whole periods at a time, as on DuckDB; a list of periods in one query, as a cluster has the memory. #}
{% materialization billing_period, adapter='spark' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {% set built = adapter.build_periods(target_relation, sql, contract_columns(), config.get('reads_raw', false)) %}
    {% call statement('main') %}
        select {{ built }} as built_periods
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Marts are results, so they are kept. Of the intermediate layer nothing but models that are stored by period reads, so
   each is worked out once, for the periods that are built. Staging stays what it is: a view. #}
{% materialization view, adapter='spark' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks) }}
    {% if model.schema == 'staging' %}
        {% do adapter.view(target_relation, sql) %}
    {% else %}
        {% do adapter.build_whole(target_relation, sql, contract_columns(), model.schema == 'marts') %}
    {% endif %}
    {% call statement('main') %}
        select 1 as built
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# dbt reads a seed's numbers as floating point: the adapter reads the file by the declared types instead. #}
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

{% macro spark__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {{ adapter.to_spark(default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit)) }}
{%- endmacro %}
