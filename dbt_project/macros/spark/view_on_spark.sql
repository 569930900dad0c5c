{# What is a view on DuckDB. Marts are results, so Spark keeps them as Parquet. Of the intermediate layer nothing but models
   that are stored by period reads, so each is worked out once, for the periods that are built. Staging is views. #}
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
