{# Materialization `billing_period` on Spark: Parquet by billing period, whole periods at a time. The adapter does the work
   (orchestration/spark/adapter.py): it translates DuckDB's SQL and writes. The statement `main` is what dbt reports. #}
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
